package book

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davit-dev/davit"
)

// Copy holds flags and access keys as another server handed them out: the newest
// edition of each environment that it was given. It is safe for concurrent use;
// reading takes no lock.
type Copy struct {
	shelf
	tolerance time.Duration
	change    sync.Mutex // held while something changes
	held      map[[2]string]*copied
}

// copied is what is known of an environment that was copied.
type copied struct {
	held      davit.FlagEdition // without flags and keys; read and written with the lock
	confirmed atomic.Int64      // when the edition was last known to be the newest, in Unix nanoseconds
	tolerance time.Duration
}

// NewCopy returns a copy that holds nothing. What was not confirmed for longer than
// tolerance is told to be stale.
func NewCopy(now func() time.Time, tolerance time.Duration) *Copy {
	c := &Copy{shelf: shelf{now: now}, tolerance: tolerance, held: map[[2]string]*copied{}}
	c.state.Store(newState())
	return c
}

// Take puts an edition in place of an older one of its environment, and reports
// whether it did: one that is not newer is passed over. The edition was the newest
// at the time that is given. It must not be changed afterwards. One that is not
// valid is refused, and all stays as it was.
func (c *Copy) Take(e davit.FlagEdition, at time.Time) (bool, error) {
	c.change.Lock()
	defer c.change.Unlock()
	from := e.Snapshot
	place := [2]string{from.Application, from.Environment}
	if from.Application == "" || from.Environment == "" || e.Number < 1 {
		return false, fmt.Errorf("an edition of flags has no number, or does not say of what it is")
	}
	is := c.held[place]
	if is == nil {
		is = &copied{tolerance: c.tolerance}
	}
	if e.Number <= is.held.Number {
		return false, nil
	}
	var before *View
	if a := c.state.Load().applications[from.Application]; a != nil {
		before = a.views[from.Environment]
	}
	view, err := viewOf(before, from)
	if err != nil {
		return false, err
	}
	view.copied = is
	grants, err := grantsOf(e)
	if err != nil {
		return false, err
	}
	is.held = davit.FlagEdition{Number: e.Number, Snapshot: from}
	is.held.Snapshot.Flags, is.held.Snapshot.Segments = nil, nil
	is.confirmed.Store(at.UnixNano())
	c.held[place] = is
	c.swap(func(s *state) {
		a := &application{views: map[string]*View{}}
		if was := s.applications[from.Application]; was != nil {
			a.views = maps.Clone(was.views)
		}
		a.views[from.Environment] = view
		s.applications[from.Application] = a
		for d, g := range grants {
			if was := s.grants[d]; was != nil {
				g.note(was.used.Load())
			}
		}
		maps.DeleteFunc(s.grants, func(_ digest, g *Grant) bool {
			return g.Application == from.Application && g.Environment == from.Environment
		})
		maps.Copy(s.grants, grants)
	})
	return true, nil
}

// Held returns the edition of an environment without its flags and keys; the zero
// edition when there is none.
func (c *Copy) Held(application, environment string) davit.FlagEdition {
	c.change.Lock()
	defer c.change.Unlock()
	if is := c.held[[2]string{application, environment}]; is != nil {
		return is.held
	}
	return davit.FlagEdition{}
}

// Confirm notes that the edition of an environment was the newest at a time.
func (c *Copy) Confirm(application, environment string, at time.Time) {
	c.change.Lock()
	defer c.change.Unlock()
	if is := c.held[[2]string{application, environment}]; is != nil {
		is.confirmed.Store(max(is.confirmed.Load(), at.UnixNano()))
	}
}

// Stale reports whether the view may no longer be what the flags say, and since
// when nothing is known.
func (v *View) Stale(now time.Time) (age time.Duration, stale bool) {
	if v.copied == nil {
		return 0, false
	}
	age = now.Sub(time.Unix(0, v.copied.confirmed.Load()))
	return age, age > v.copied.tolerance
}

// viewOf compiles a snapshot that comes after a view.
func viewOf(before *View, s davit.FlagSnapshot) (*View, error) {
	compiled, err := following(before, s.Environment, s.Flags, s.Segments)
	if err != nil {
		return nil, err
	}
	metadata, timed, err := extras(s.Flags)
	if err != nil {
		return nil, err
	}
	return &View{Snapshot: compiled, Metadata: metadata, Timed: timed, Sequence: s.Revision, ChangedAt: s.ChangedAt, flags: s.Flags, segments: s.Segments, origin: origin{s.Origin, s.RestoredAt}}, nil
}

// grantsOf returns what the keys of an edition allow.
func grantsOf(e davit.FlagEdition) (map[digest]*Grant, error) {
	s := newState()
	for _, key := range e.Keys {
		if key.Application != e.Snapshot.Application || key.Environment != e.Snapshot.Environment || !key.Kind.Known() {
			return nil, fmt.Errorf("access key %s is not of %s in %s", key.ID, e.Snapshot.Application, e.Snapshot.Environment)
		}
		if err := s.grant(&key); err != nil {
			return nil, err
		}
	}
	return s.grants, nil
}
