package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/davit-dev/davit"
)

// memory is a store that forgets with the test. As a real one, it hands out
// copies and refuses stale revisions.
type memory struct {
	mu           sync.Mutex
	releases     map[davit.ReleaseID]*davit.Release
	rollouts     map[string]*davit.Rollout
	order        []string
	environments map[place]*davit.Environment
	events       []davit.Event
	audit        []davit.AuditEntry
	fail         error
	lost         bool // commits are done, and reported as failed
	life         int
	intents      map[string]bool // splits of recorded states
}

// storeView is the store as one life of the server sees it.
type storeView struct {
	*memory
	life int
}

func (v *storeView) Commit(ctx context.Context, c *davit.Change) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.life != v.memory.life {
		return errSimulated
	}
	return v.commitLocked(c)
}

func (m *memory) nextLife() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.life++
}

// recorded reports whether a state with that split was ever recorded.
func (m *memory) recorded(s davit.Split) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(s) == 0 || m.intents[s.String()]
}

func newMemory() *memory {
	return &memory{
		releases: map[davit.ReleaseID]*davit.Release{}, rollouts: map[string]*davit.Rollout{},
		environments: map[place]*davit.Environment{}, intents: map[string]bool{},
	}
}

func (m *memory) commitLocked(c *davit.Change) error {
	if m.fail != nil {
		return m.fail
	}
	if err := m.staleLocked(c); err != nil {
		return err
	}
	for _, r := range c.Releases {
		if m.releases[r.ID] == nil {
			m.releases[r.ID] = r
		}
	}
	for _, r := range c.Rollouts {
		if m.rollouts[r.ID] == nil {
			m.order = append(m.order, r.ID)
		}
		m.rollouts[r.ID] = copyOf(r)
	}
	for _, e := range c.Environments {
		m.environments[place{e.Application, e.Name}] = ptr(*e)
		m.intents[e.State.Split.String()] = true
	}
	for i := range c.Events {
		c.Events[i].Seq = int64(len(m.events) + 1)
		m.events = append(m.events, c.Events[i])
	}
	m.audit = append(m.audit, c.Audit...)
	if m.lost {
		return errSimulated
	}
	return nil
}

func (m *memory) staleLocked(c *davit.Change) error {
	for _, r := range c.Rollouts {
		var stored int64
		if old := m.rollouts[r.ID]; old != nil {
			stored = old.Revision
		}
		if r.Revision != stored+1 {
			return fmt.Errorf("rollout %s at revision %d, change is %d: %w", r.ID, stored, r.Revision, davit.ErrStale)
		}
	}
	for _, e := range c.Environments {
		var stored int64
		if old := m.environments[place{e.Application, e.Name}]; old != nil {
			stored = old.Revision
		}
		if e.Revision != stored+1 {
			return fmt.Errorf("environment %s at revision %d, change is %d: %w", e.Name, stored, e.Revision, davit.ErrStale)
		}
	}
	return nil
}

// copyOf copies a rollout; its plan never changes.
func copyOf(r *davit.Rollout) *davit.Rollout {
	c := ptr(*r)
	c.Verdicts = slices.Clone(r.Verdicts)
	return c
}

func missing(what string) error {
	return &davit.Error{Code: davit.CodeNotFound, Message: "there is no " + what}
}

func (m *memory) Environment(_ context.Context, application, name string) (*davit.Environment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.environments[place{application, name}]
	if e == nil {
		return nil, missing("environment " + name)
	}
	return ptr(*e), nil
}

func (m *memory) Environments(context.Context) ([]*davit.Environment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*davit.Environment
	for _, e := range m.environments {
		all = append(all, ptr(*e))
	}
	return all, nil
}

func (m *memory) Release(_ context.Context, id davit.ReleaseID) (*davit.Release, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.releases[id]
	if r == nil {
		return nil, missing("release " + string(id))
	}
	return r, nil
}

func (m *memory) ReleasesByVersion(_ context.Context, _, _, version string) ([]*davit.Release, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*davit.Release
	for _, r := range m.releases {
		if r.Version == version {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *davit.Release) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return found, nil
}

func (m *memory) Rollout(_ context.Context, id string) (*davit.Rollout, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rollouts[id]
	if r == nil {
		return nil, missing("rollout " + id)
	}
	return copyOf(r), nil
}

func (m *memory) Rollouts(_ context.Context, _, _ string, limit int) ([]*davit.Rollout, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*davit.Rollout
	for _, id := range slices.Backward(m.order) {
		if len(found) < limit {
			found = append(found, copyOf(m.rollouts[id]))
		}
	}
	return found, nil
}

func (m *memory) Open(context.Context) ([]*davit.Rollout, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []*davit.Rollout
	for _, id := range m.order {
		if r := m.rollouts[id]; !r.Phase.Ended() {
			open = append(open, copyOf(r))
		}
	}
	return open, nil
}

func (m *memory) Events(_ context.Context, rollout string, after int64, _ int) ([]davit.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []davit.Event
	for _, e := range m.events {
		if e.Seq > after && (rollout == "" || e.Rollout == rollout) {
			found = append(found, e)
		}
	}
	return found, nil
}

func (m *memory) entries() []davit.AuditEntry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.audit)
}
