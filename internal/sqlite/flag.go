package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/davit-dev/davit"
)

// requestsKept is how long requests that may be repeated are remembered.
const requestsKept = 24 * time.Hour

// Flags lists the newest record of every flag of every application, of deleted
// ones too, by application and key.
func (s *Store) Flags(ctx context.Context) ([]*davit.FlagRecord, error) {
	list, err := queryDocs[*davit.FlagRecord](ctx, s.read,
		"SELECT r.doc FROM flags f JOIN flag_records r USING (sequence) ORDER BY f.application, f.key")
	return list, s.readError(err)
}

// FlagRecords lists the records of a flag with a revision below before, newest
// first, limit at most.
func (s *Store) FlagRecords(ctx context.Context, application, key string, before int64, limit int) ([]*davit.FlagRecord, error) {
	list, err := queryDocs[*davit.FlagRecord](ctx, s.read,
		"SELECT doc FROM flag_records WHERE application = ? AND key = ? AND revision < ? ORDER BY revision DESC LIMIT ?",
		application, key, before, max(limit, 0))
	return list, s.readError(err)
}

// FlagRecord returns a flag as a revision left it.
func (s *Store) FlagRecord(ctx context.Context, application, key string, revision int64) (*davit.FlagRecord, error) {
	r, err := queryDoc[davit.FlagRecord](ctx, s.read,
		"SELECT doc FROM flag_records WHERE application = ? AND key = ? AND revision = ?", application, key, revision)
	return r, s.readError(notFound(err, "revision %d of flag %s in %s", revision, key, application))
}

// FlagRequest returns a request that an actor made under a key; nil when there is
// none, or it was too long ago.
func (s *Store) FlagRequest(ctx context.Context, actor, key string) (*davit.FlagRequest, error) {
	r := davit.FlagRequest{Actor: actor, Key: key}
	var at int64
	err := s.read.QueryRowContext(ctx, "SELECT digest, application, flag, revision, at FROM flag_requests WHERE actor = ? AND key = ?", actor, key).
		Scan(&r.Digest, &r.Application, &r.Flag, &r.Revision, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	r.At = time.Unix(at, 0)
	return &r, s.readError(err)
}

// CommitFlag writes a change of a flag and its audit entry in one transaction, and
// sets the record's Sequence once it is on disk. A record that does not follow the
// stored one is refused with davit.ErrStale (wrapped).
func (s *Store) CommitFlag(ctx context.Context, c davit.FlagCommit) error {
	record := *c.Record
	err := s.commit(ctx, &davit.Change{Audit: []davit.AuditEntry{c.Entry}}, func(w *writer) error {
		if err := w.flag(ctx, &record); err != nil || c.Request == nil {
			return err
		}
		return w.flagRequest(ctx, c.Request)
	})
	if err == nil {
		c.Record.Sequence = record.Sequence
	}
	return explain(err, s.path, "storing a flag")
}

// flag writes a record, after the entry that tells of it was sealed.
func (w *writer) flag(ctx context.Context, r *davit.FlagRecord) error {
	if err := w.tx.QueryRowContext(ctx, "SELECT coalesce(max(sequence), 0) + 1 FROM flag_records").Scan(&r.Sequence); err != nil {
		return err
	}
	doc, err := document(r)
	if err != nil {
		return err
	}
	if _, err := w.exec(ctx, "INSERT INTO flag_records (sequence, doc, entry) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
		r.Sequence, doc, w.audit[0].Index); err != nil {
		return err
	}
	if r.Revision == 1 {
		return w.follow(ctx, "INSERT INTO flags (application, key, revision, sequence) VALUES (?, ?, 1, ?) ON CONFLICT DO NOTHING",
			r.Application, r.Flag.Key, r.Sequence)
	}
	return w.follow(ctx, "UPDATE flags SET revision = ?, sequence = ? WHERE application = ? AND key = ? AND revision = ?",
		r.Revision, r.Sequence, r.Application, r.Flag.Key, r.Revision-1)
}

// flagRequest remembers a request, and forgets old ones.
func (w *writer) flagRequest(ctx context.Context, r *davit.FlagRequest) error {
	if _, err := w.exec(ctx, "DELETE FROM flag_requests WHERE at < ?", r.At.Add(-requestsKept).Unix()); err != nil {
		return err
	}
	_, err := w.exec(ctx, "INSERT INTO flag_requests (actor, key, digest, application, flag, revision, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		r.Actor, r.Key, r.Digest, r.Application, r.Flag, r.Revision, r.At.Unix())
	return err
}
