// Package usage notes when feature flags were last evaluated, to the minute.
package usage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// What stands for a key when flags are given out together, to who does not tell which
// it uses: all, or those that client keys see.
const (
	All        = ""
	ClientSide = "*"
)

// Flag is a flag in an environment, or All or ClientSide.
type Flag struct {
	Application string `json:"application"`
	Environment string `json:"environment"`
	Key         string `json:"key,omitempty"`
}

// Notes tells when flags were last evaluated. It is safe for concurrent use; to note
// what was noted in this minute costs a look.
type Notes struct {
	since time.Time
	mu    sync.RWMutex
	last  map[Flag]*atomic.Int64 // Unix time in minutes
}

// noted is a flag as a file has it.
type noted struct {
	Flag
	At time.Time `json:"at"`
}

// file is what notes are kept as.
type file struct {
	Since time.Time `json:"since"`
	Used  []noted   `json:"used"`
}

// New returns notes of nothing yet, from now on.
func New(now time.Time) *Notes { return &Notes{since: now.UTC(), last: map[Flag]*atomic.Int64{}} }

// Open reads notes from a file; there are none yet, from now on, when there is no
// such file.
func Open(path string, now time.Time) (*Notes, error) {
	n := New(now)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading when flags were evaluated: %w", err)
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("reading when flags were evaluated, from %s: %w", path, err)
	}
	n.since = f.Since
	for _, u := range f.Used {
		n.Note(u.Application, u.Environment, u.Key, u.At)
	}
	return n, nil
}

// Encode returns the notes as a file has them.
func (n *Notes) Encode() ([]byte, error) {
	f := file{Since: n.since, Used: []noted{}}
	for flag, at := range n.All() {
		f.Used = append(f.Used, noted{flag, at})
	}
	return json.Marshal(f)
}

// Note notes that a flag was evaluated; with All or ClientSide for a key, that those
// were given out. What is known to be used later stays so.
func (n *Notes) Note(application, environment, key string, now time.Time) {
	flag, minute := Flag{application, environment, key}, now.Unix()/60
	n.mu.RLock()
	at := n.last[flag]
	n.mu.RUnlock()
	if at == nil {
		n.mu.Lock()
		if at = n.last[flag]; at == nil {
			at = &atomic.Int64{}
			n.last[flag] = at
		}
		n.mu.Unlock()
	}
	for was := at.Load(); was < minute && !at.CompareAndSwap(was, minute); {
		was = at.Load()
	}
}

// Since returns from when on is noted what is evaluated.
func (n *Notes) Since() time.Time { return n.since }

// All returns when everything that was noted was last used.
func (n *Notes) All() map[Flag]time.Time {
	n.mu.RLock()
	defer n.mu.RUnlock()
	all := make(map[Flag]time.Time, len(n.last))
	for flag, at := range n.last {
		all[flag] = time.Unix(at.Load()*60, 0).UTC()
	}
	return all
}

// Of returns what was noted of the flags of an application, in all environments.
func (n *Notes) Of(application string) Used {
	u := Used{minutes: map[string]int64{}}
	n.mu.RLock()
	defer n.mu.RUnlock()
	for flag, at := range n.last {
		if flag.Application == application {
			u.minutes[flag.Key] = max(u.minutes[flag.Key], at.Load())
		}
	}
	return u
}

// Used tells when the flags of an application were last evaluated.
type Used struct{ minutes map[string]int64 } // Unix time, by key

// Last returns when a flag was last evaluated in any environment, or given out with
// others; the zero time when it was not. clientSide says that client keys see it.
func (u Used) Last(key string, clientSide bool) time.Time {
	minute := max(u.minutes[key], u.minutes[All])
	if clientSide {
		minute = max(minute, u.minutes[ClientSide])
	}
	if minute == 0 {
		return time.Time{}
	}
	return time.Unix(minute*60, 0).UTC()
}
