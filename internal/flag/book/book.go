// Package book keeps the feature flags of a server: it takes changes to the store
// with their entry in the audit log, and gives out snapshots for evaluation, whole
// new ones after each change.
package book

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davit-dev/davit"
)

// Store keeps flags and access keys.
type Store interface {
	Flags(ctx context.Context) ([]*davit.FlagRecord, error)
	FlagRecords(ctx context.Context, application, key string, before int64, limit int) ([]*davit.FlagRecord, error)
	FlagRecord(ctx context.Context, application, key string, revision int64) (*davit.FlagRecord, error)
	FlagRequest(ctx context.Context, actor, key string) (*davit.FlagRequest, error)
	CommitFlag(ctx context.Context, c davit.FlagCommit) error
	AccessKeys(ctx context.Context) ([]*davit.AccessKey, error)
	CommitAccessKeys(ctx context.Context, entry davit.AuditEntry, keys ...*davit.AccessKey) error
	TouchAccessKeys(ctx context.Context, used map[string]time.Time) error
}

// Book holds all flags and access keys of a store that is its own. It is safe for
// concurrent use; reading takes no lock.
type Book struct {
	store Store
	now   func() time.Time

	change sync.Mutex // held while something changes
	state  atomic.Pointer[state]
}

// state is all that is held. It never changes: a change puts another in its place.
type state struct {
	applications map[string]*application
	grants       map[digest]*Grant
	// replaced is closed when another state is in this one's place.
	replaced chan struct{}
}

// Open reads flags and access keys from a store. now is the clock that changes and
// evaluations go by.
func Open(ctx context.Context, store Store, now func() time.Time) (*Book, error) {
	records, err := store.Flags(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := store.AccessKeys(ctx)
	if err != nil {
		return nil, err
	}
	s := &state{applications: map[string]*application{}, grants: map[digest]*Grant{}, replaced: make(chan struct{})}
	for _, key := range keys {
		if err := s.grant(key); err != nil {
			return nil, err
		}
	}
	byApplication := map[string]map[string]*davit.FlagRecord{}
	for _, r := range records {
		if byApplication[r.Application] == nil {
			byApplication[r.Application] = map[string]*davit.FlagRecord{}
		}
		byApplication[r.Application][r.Flag.Key] = r
	}
	for name, records := range byApplication {
		if s.applications[name], err = compile(records, s.environments(name)); err != nil {
			return nil, fmt.Errorf("reading the flags of %s: %w", name, err)
		}
	}
	b := &Book{store: store, now: now}
	b.state.Store(s)
	return b, nil
}

// swap puts another state in place of the present one, with some applications and
// grants replaced, and tells who waits. The lock is held.
func (b *Book) swap(alter func(*state)) {
	old := b.state.Load()
	s := &state{applications: maps.Clone(old.applications), grants: maps.Clone(old.grants), replaced: make(chan struct{})}
	alter(s)
	b.state.Store(s)
	close(old.replaced)
}

// Replaced returns a channel that is closed after the next change of anything. Who
// waits for a change asks for it before looking at what there is.
func (b *Book) Replaced() <-chan struct{} { return b.state.Load().replaced }

// Now returns the time by the book's clock.
func (b *Book) Now() time.Time { return b.now() }
