// Package book keeps the feature flags of a server: it takes changes to the store
// with their entry in the audit log, and gives out snapshots for evaluation, whole
// new ones after each change.
package book

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// Store keeps flags and access keys.
type Store interface {
	Flags(ctx context.Context) ([]*davit.FlagRecord, error)
	FlagRecords(ctx context.Context, application, key string, before int64, limit int) ([]*davit.FlagRecord, error)
	FlagRecord(ctx context.Context, application, key string, revision int64) (*davit.FlagRecord, error)
	FlagRequest(ctx context.Context, actor, key string, since time.Time) (*davit.FlagRequest, error)
	CommitFlags(ctx context.Context, commits ...davit.FlagCommit) error
	Segments(ctx context.Context) ([]*davit.SegmentRecord, error)
	SegmentRecords(ctx context.Context, application, key string, limit int) ([]*davit.SegmentRecord, error)
	FlagProtections(ctx context.Context, application string) ([]*davit.FlagProtection, error)
	FlagProposal(ctx context.Context, application, id string) (*davit.FlagProposal, error)
	FlagProposals(ctx context.Context, application string, ended bool, after string, limit int) ([]*davit.FlagProposal, error)
	NextFlagProposal(ctx context.Context) (*davit.FlagProposal, error)
	AccessKeys(ctx context.Context) ([]*davit.AccessKey, error)
	CommitAccessKeys(ctx context.Context, entry davit.AuditEntry, keys ...*davit.AccessKey) error
	TouchAccessKeys(ctx context.Context, used map[string]time.Time) error
}

// Book holds all flags and access keys of a store that is its own. It is safe for
// concurrent use; reading takes no lock.
type Book struct {
	shelf
	// Recent, unless it is nil, returns contexts that flags of an environment were
	// evaluated for lately, for evaluations at a time. It is set before the book is
	// used.
	Recent func(application, environment string, now time.Time) []*flag.Context

	store  Store
	origin origin
	change sync.Mutex // held while something changes
	woken  chan struct{}
}

// Open reads flags and access keys from a store. now is the clock that changes and
// evaluations go by.
func Open(ctx context.Context, store Store, now func() time.Time) (*Book, error) {
	records, err := store.Flags(ctx)
	if err != nil {
		return nil, err
	}
	segments, err := store.Segments(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := store.AccessKeys(ctx)
	if err != nil {
		return nil, err
	}
	s := newState()
	for _, key := range keys {
		if err := s.grant(key); err != nil {
			return nil, err
		}
	}
	for name, said := range sorted(records, segments) {
		if s.applications[name], err = compile(&application{}, said, s.environments(name)); err != nil {
			return nil, fmt.Errorf("reading the flags of %s: %w", name, err)
		}
	}
	b := &Book{shelf: shelf{now: now}, store: store, woken: make(chan struct{}, 1)}
	b.state.Store(s)
	return b, nil
}

// origin is of which store flags are, and since when that counts.
type origin struct {
	name     string
	restored time.Time
}

// ComesFrom names the installation that the book is of, and when its store was last
// put back from a backup, for who is given its flags. It is called before the book
// is used.
func (b *Book) ComesFrom(name string, restored time.Time) {
	b.origin = origin{name, restored}
	for _, a := range b.state.Load().applications {
		a.comesFrom(b.origin)
	}
}

// Origin returns the name of the installation that the book is of.
func (b *Book) Origin() string { return b.origin.name }

// sorted returns records by application and key.
func sorted(flags []*davit.FlagRecord, segments []*davit.SegmentRecord) map[string]said {
	by := map[string]said{}
	of := func(application string) said {
		if _, there := by[application]; !there {
			by[application] = said{map[string]*davit.FlagRecord{}, map[string]*davit.SegmentRecord{}}
		}
		return by[application]
	}
	for _, r := range flags {
		of(r.Application).records[r.Flag.Key] = r
	}
	for _, r := range segments {
		of(r.Application).segments[r.Segment.Key] = r
	}
	return by
}
