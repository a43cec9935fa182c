// Package sqlite is the embedded store: one file, written by one server.
//
// A commit is acknowledged when it is on disk (write-ahead log, fsync on every
// commit). What a store promises when it is opened again:
//
//   - After the server died, by kill -9 too, every acknowledged commit is there.
//   - A store that is cut short, damaged, missing, or older than what was
//     acknowledged is refused, and left as it is. A file beside it, the mark,
//     holds the number of acknowledged commits: SQLite alone cannot tell a
//     write-ahead log that lost its end from one that never was longer.
//   - Of a store that takes long to read whole, the journal and the audit log are
//     examined while it is in use already. When they turn out to be damaged,
//     nothing is committed any more.
//   - After a power failure the mark may lag behind the store, never run ahead
//     of it, so that it refuses no sound store.
//
// When the mark is removed together with the end of the write-ahead log, only a
// checkpoint of the audit log that was kept elsewhere shows the loss.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"

	"github.com/davit-dev/davit"
	"golang.org/x/mod/sumdb/tlog"
	_ "modernc.org/sqlite" // registers the driver
)

// Sealer makes audit entries leaves of a transparency log.
type Sealer interface {
	// Seal appends entries to a log of size entries, whose signed checkpoint
	// is given (nil when the log is empty) and whose tree hashes can be read.
	// It returns a record for each entry, and the grown log's checkpoint.
	Seal(entries []davit.AuditEntry, size int64, checkpoint []byte, hashes tlog.HashReader) (records []davit.AuditRecord, grown []byte, err error)
}

// Options configure a store.
type Options struct {
	// Audit seals the audit entries of a change. Without it a change that has
	// any is refused.
	Audit Sealer
	// Whole is the size in bytes up to which a store is examined whole before it
	// is opened; 128 MiB, which takes about a second, when it is 0. Of a larger
	// one Examine examines the journal and the audit log.
	Whole int64
}

const defaultWhole = 128 << 20

// Store keeps releases, environments, rollouts, their journal and the audit
// log. It is safe for concurrent use.
type Store struct {
	path  string
	lock  *lock
	mark  *mark
	write *sql.DB // one connection
	read  *sql.DB
	audit Sealer

	backup sync.Mutex // held while a backup is made

	later  bool                  // journal and audit log were not examined yet
	damage atomic.Pointer[error] // what Examine found
}

// readers is the number of connections that read beside the one that writes.
const readers = 4

// Open opens the store at path and creates it when there is none. Beside it
// lie path.lock, held while the store is open, and path.mark. A store that
// another server holds, that is damaged, or that a newer Davit wrote is refused
// with a *davit.Error and not changed.
func Open(ctx context.Context, path string, options Options) (_ *Store, err error) {
	s := &Store{path: path, audit: options.Audit}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.lock, err = acquire(path); err != nil {
		return nil, err
	}
	if err := tidy(path); err != nil {
		return nil, explain(err, path, "removing unfinished backups")
	}
	fresh, err := missing(path)
	if err != nil {
		return nil, err
	}
	if fresh {
		err = create(ctx, path)
	} else {
		s.later, err = inspect(ctx, path, cmp.Or(options.Whole, defaultWhole))
	}
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil { // a restored copy may be readable to others
		return nil, explain(err, path, "making it private")
	}
	if s.write, err = connect(path, 1, "_txlock=immediate", "_journal_mode=WAL"); err != nil {
		return nil, err
	}
	if err := migrate(ctx, s.write); err != nil {
		return nil, explain(err, path, "bringing the schema up to date")
	}
	if s.read, err = connect(path, readers, "_query_only=1"); err != nil {
		return nil, err
	}
	commits, err := count(ctx, s.read)
	if err != nil {
		return nil, explain(err, path, "reading it")
	}
	s.mark, err = keepMark(path, commits)
	return s, err
}

// Close ends all use of the store. Commits are on disk before, so that it loses
// nothing when it is not called.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} { // the writer last: it empties the write-ahead log
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, s.mark.Close(), s.lock.Close())...)
}

// connect returns a pool of connections to an existing store.
func connect(path string, connections int, parameters ...string) (*sql.DB, error) {
	name := (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String() +
		"?mode=rw&_defensive=1&_dqs=0&_busy_timeout=5000&_foreign_keys=1&_synchronous=FULL"
	for _, parameter := range parameters {
		name += "&" + parameter
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", path, err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// count returns the number of commits that the store holds.
func count(ctx context.Context, db *sql.DB) (commits int64, err error) {
	err = db.QueryRowContext(ctx, "SELECT commits FROM head").Scan(&commits)
	return commits, err
}
