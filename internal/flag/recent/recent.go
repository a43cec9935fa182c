// Package recent remembers some of those whom feature flags were evaluated for
// lately, so that it can be told how many of them a change would affect. It keeps
// them in memory alone.
package recent

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davit-dev/davit/internal/flag"
)

// Most is how many users are remembered of an environment.
const Most = 1000

// Largest is how long, in bytes of JSON, a context may be to be remembered.
const Largest = 4 << 10

// pause is how long nothing is taken after a context was, once as many were as are
// remembered: with many requests, to remember costs them next to nothing.
const pause = 10 * time.Millisecond

// Users remembers users by environment. It is safe for concurrent use.
type Users struct {
	mu     sync.RWMutex
	places map[[2]string]*place
}

// New returns users of whom there are none yet.
func New() *Users { return &Users{places: map[[2]string]*place{}} }

// place is the users of one environment, the oldest of whom make room.
type place struct {
	quiet atomic.Int64 // until when nothing is taken, in Unix nanoseconds
	mu    sync.Mutex
	taken int
	seen  []user
	at    map[string]int // in seen, by the user's name
	next  int            // in seen, whose place is taken next
}

type user struct {
	name    string
	context []byte
}

// Note remembers a user by the targeting key, or without one by all that is known,
// which is JSON as flag.ParseContext reads it. The JSON is copied.
func (u *Users) Note(application, environment, key string, context []byte, now time.Time) {
	if len(context) == 0 || len(context) > Largest {
		return
	}
	p := u.place(application, environment)
	wait := time.Duration(p.quiet.Load() - now.UnixNano())
	if wait > 0 && wait <= pause { // a longer one is from before the clock was put back
		return
	}
	p.take(key, context, now)
}

func (u *Users) place(application, environment string) *place {
	name := [2]string{application, environment}
	u.mu.RLock()
	p := u.places[name]
	u.mu.RUnlock()
	if p != nil {
		return p
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if p = u.places[name]; p == nil {
		p = &place{at: map[string]int{}}
		u.places[name] = p
	}
	return p
}

func (p *place) take(key string, context []byte, now time.Time) {
	one := user{name: "key " + key, context: bytes.Clone(context)}
	if key == "" {
		one.name = "all " + string(context)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken++; p.taken >= Most {
		p.quiet.Store(now.Add(pause).UnixNano())
	}
	if i, known := p.at[one.name]; known {
		p.seen[i] = one
		return
	}
	if len(p.seen) < Most {
		p.at[one.name] = len(p.seen)
		p.seen = append(p.seen, one)
		return
	}
	delete(p.at, p.seen[p.next].name)
	p.seen[p.next], p.at[one.name] = one, p.next
	p.next = (p.next + 1) % Most
}

// Of returns what was known of each user of an environment when they were last
// taken, for evaluations at a time.
func (u *Users) Of(application, environment string, now time.Time) []*flag.Context {
	u.mu.RLock()
	p := u.places[[2]string{application, environment}]
	u.mu.RUnlock()
	if p == nil {
		return nil
	}
	p.mu.Lock()
	seen := slices.Clone(p.seen)
	p.mu.Unlock()
	contexts := make([]*flag.Context, 0, len(seen))
	for _, one := range seen {
		if c, err := flag.ParseContext(one.context, now); err == nil { // it was evaluated, so that it is one
			contexts = append(contexts, c)
		}
	}
	return contexts
}
