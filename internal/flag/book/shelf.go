package book

import (
	"crypto/sha256"
	"maps"
	"sync/atomic"
	"time"

	"github.com/davit-dev/davit/internal/flag"
)

// shelf is where flags and access keys are read, without a lock.
type shelf struct {
	now   func() time.Time
	state atomic.Pointer[state]
}

// state is all that is held. It never changes: a change puts another in its place.
type state struct {
	applications map[string]*application
	grants       map[digest]*Grant
	// replaced is closed when another state is in this one's place.
	replaced chan struct{}
}

func newState() *state {
	return &state{applications: map[string]*application{}, grants: map[digest]*Grant{}, replaced: make(chan struct{})}
}

// swap puts another state in place of the present one, with some applications and
// grants replaced, and tells who waits. Two at once are the caller's to prevent.
func (s *shelf) swap(alter func(*state)) {
	old := s.state.Load()
	next := &state{applications: maps.Clone(old.applications), grants: maps.Clone(old.grants), replaced: make(chan struct{})}
	alter(next)
	s.state.Store(next)
	close(old.replaced)
}

// Replaced returns a channel that is closed after the next change of anything. Who
// waits for a change asks for it before looking at what there is.
func (s *shelf) Replaced() <-chan struct{} { return s.state.Load().replaced }

// Now returns the time by the clock that evaluations go by.
func (s *shelf) Now() time.Time { return s.now() }

// Grant returns what an access key allows; nil when there is none such, or it has
// expired.
func (s *shelf) Grant(key string) *Grant {
	g := s.state.Load().grants[sha256.Sum256([]byte(key))]
	if g == nil {
		return nil
	}
	now := s.now()
	if g.Expired(now) {
		return nil
	}
	if minute := now.Unix() / 60; g.used.Load() != minute {
		g.used.Store(minute)
	}
	return g
}

// View returns the flags of an environment, none when nothing was said about it.
func (s *shelf) View(application, environment string) *View {
	if a := s.state.Load().applications[application]; a != nil {
		if view := a.views[environment]; view != nil {
			return view
		}
		if view := a.views[""]; view != nil {
			return view
		}
	}
	return &View{Snapshot: &flag.Snapshot{}}
}
