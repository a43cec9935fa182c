package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/server"
	"github.com/davit-dev/davit/internal/sqlite"
)

// What a server keeps in its state directory.
const (
	storeFile    = "davit.db"
	auditKeyFile = "audit.key"
	auditOrigin  = "davit" // the name of the key, and so of the log
)

// parts are what a server is made of.
type parts struct {
	store     *sqlite.Store
	audit     *audit.Log
	platforms *platforms
	engine    *engine.Engine
	observer  *observer
	releases  *releaseBook
	flags     *flagBook
}

// assemble opens what is kept in dir and puts the engine together. Nothing is
// driven before the engine runs. lease is engine.Config's; handedOver says that
// the server before stepped aside, and left a store that was checked.
func assemble(ctx context.Context, dir string, lease time.Duration, handedOver bool, log *slog.Logger) (_ *parts, err error) {
	p := &parts{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close(true))
		}
	}()
	key, err := audit.LoadOrCreateKey(filepath.Join(dir, auditKeyFile), auditOrigin)
	if err != nil {
		return nil, err
	}
	p.audit = audit.New(key)
	whole := int64(0)
	if handedOver {
		whole = 1 // byte: all of it was examined a moment ago, and is again while it serves
	}
	if p.store, err = sqlite.Open(ctx, filepath.Join(dir, storeFile), sqlite.Options{Audit: p.audit, Whole: whole}); err != nil {
		return nil, err
	}
	p.releases = &releaseBook{store: p.store, now: time.Now}
	if p.flags, err = openFlagBook(ctx, p.store); err != nil {
		return nil, err
	}
	putBack, err := p.store.RestoredAt(ctx)
	if err != nil {
		return nil, err
	}
	p.flags.ComesFrom(serverName(p.audit), putBack)
	p.flags.openUsage(dir, log)
	if p.platforms, err = openPlatforms(ctx, dir, serverName(p.audit), log); err != nil {
		return nil, err
	}
	p.platforms.ramps, p.platforms.environment = newRamps(p.flags.Book, p.store), p.store.Environment
	p.observer = newObserver(p.store, p.audit, log)
	p.engine = engine.New(engine.Config{
		Store: p.store, Platform: p.platforms.Platform, Judges: judges(p.platforms, p.flags.Book), Lease: lease, Now: time.Now, NewID: newID,
		HandedOver: handedOver, Measured: p.observer.Measured, Log: log,
	})
	p.observer.engine, p.platforms.ramps.engine = p.engine, p.engine
	return p, nil
}

// serverName tells this installation from others by its audit key, which stays with
// it when it is restored elsewhere: by the hash in "NAME+HASH+KEY".
func serverName(log *audit.Log) string {
	name, rest, _ := strings.Cut(log.VerifierKey(), "+")
	hash, _, _ := strings.Cut(rest, "+")
	return name + "+" + hash
}

// server returns what the API is served with.
func (p *parts) server(log *slog.Logger) server.Config {
	adopted := &adoptions{clusters: p.platforms.clusters, engine: p.engine}
	return p.flags.serve(server.Config{
		Engine: p.engine, Store: p.store, Logs: p.platforms.Logs, Metrics: p.platforms.Metrics,
		Export: func(ctx context.Context, w io.Writer) error { return p.audit.Export(ctx, p.store, w) },
		Tile:   func(ctx context.Context, path string) ([]byte, error) { return p.audit.Tile(ctx, p.store, path) },
		Adopt:  adopted.Adopt, Disown: adopted.Disown,
		Backup: p.store.Backup, Released: p.releases.record,
		Receipt: p.receiptOf,
		Samples: p.store.Series,
		Ramp:    p.platforms.ramps.Start, Outcomes: p.platforms.ramps.Report,
		Version: version, Log: log,
	})
}

// Close closes what is open. Instances and proxy go on; handedOver is for when
// another server goes on at once.
func (p *parts) Close(handedOver bool) error {
	var errs []error
	if p.platforms != nil {
		errs = append(errs, p.platforms.Close(handedOver))
	}
	if p.store != nil {
		errs = append(errs, p.store.Close())
	}
	return errors.Join(errs...)
}

// newID names a rollout: the millisecond, so that names sort by time, and
// chance, as 16 characters that are easy to read aloud.
func newID(now time.Time) string {
	var id [10]byte
	binary.BigEndian.PutUint64(id[:8], uint64(now.UnixMilli())<<16) //nolint:gosec // after 1970
	if _, err := rand.Read(id[6:]); err != nil {
		panic(fmt.Sprintf("the system has no randomness: %v", err)) // documented not to happen
	}
	return strings.ToLower(base32.HexEncoding.EncodeToString(id[:]))
}
