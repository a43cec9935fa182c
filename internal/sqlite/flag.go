package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/davit-dev/davit"
)

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

// FlagRequest returns a request that an actor made under a key, not before since; nil
// when there is none.
func (s *Store) FlagRequest(ctx context.Context, actor, key string, since time.Time) (*davit.FlagRequest, error) {
	r := davit.FlagRequest{Actor: actor, Key: key}
	var at int64
	err := s.read.QueryRowContext(ctx, `SELECT digest, application, flag, revision, proposal, unchanged, at FROM flag_requests
		WHERE actor = ? AND key = ? AND at >= ?`, actor, key, since.Unix()).
		Scan(&r.Digest, &r.Application, &r.Flag, &r.Revision, &r.Proposal, &r.Unchanged, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	r.At = time.Unix(at, 0)
	return &r, s.readError(err)
}

// CommitFlags writes changes of flags, segments, proposals and protections, and
// their audit entries, in one transaction,
// and sets the records' Sequence, in order, once they are on disk. With a record
// that does not follow the stored one, all are refused with davit.ErrStale
// (wrapped). A commit that changes nothing has no entry.
func (s *Store) CommitFlags(ctx context.Context, commits ...davit.FlagCommit) error {
	change := &davit.Change{}
	for _, c := range commits {
		if c.Changes() {
			change.Audit = append(change.Audit, c.Entry)
		}
	}
	sequences := make([]int64, len(commits))
	err := s.commit(ctx, change, func(w *writer) error {
		entries := w.audit
		for i, c := range commits {
			if c.Changes() {
				var err error
				if sequences[i], err = w.record(ctx, c, entries[0].Index); err != nil {
					return err
				}
				entries = entries[1:]
			}
			if c.Request == nil {
				continue
			}
			if err := w.flagRequest(ctx, c.Request); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return explain(err, s.path, "storing a flag")
	}
	for i, c := range commits {
		switch {
		case c.Segment != nil:
			c.Segment.Sequence = sequences[i]
		case c.Record != nil:
			c.Record.Sequence = sequences[i]
		}
	}
	return nil
}

// record writes a record with the sequence that it returns, after the entry that
// tells of it was sealed under a number.
func (w *writer) record(ctx context.Context, c davit.FlagCommit, entry int64) (sequence int64, err error) {
	switch {
	case c.Proposal != nil:
		return 0, w.proposal(ctx, c.Proposal)
	case c.Protection != nil:
		return 0, w.protection(ctx, c.Protection)
	}
	if err := w.tx.QueryRowContext(ctx, `SELECT 1 + max(
		(SELECT coalesce(max(sequence), 0) FROM flag_records), (SELECT coalesce(max(sequence), 0) FROM segment_records))`).Scan(&sequence); err != nil {
		return 0, err
	}
	if c.Segment != nil {
		r := *c.Segment
		r.Sequence = sequence
		return sequence, w.segment(ctx, &r, entry)
	}
	r := *c.Record
	r.Sequence = sequence
	return sequence, w.flag(ctx, &r, entry)
}

func (w *writer) flag(ctx context.Context, r *davit.FlagRecord, entry int64) error {
	doc, err := document(r)
	if err != nil {
		return err
	}
	if _, err := w.exec(ctx, "INSERT INTO flag_records (sequence, doc, entry) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
		r.Sequence, doc, entry); err != nil {
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
	if _, err := w.exec(ctx, "DELETE FROM flag_requests WHERE at < ?", r.At.Add(-davit.FlagRequestKept).Unix()); err != nil {
		return err
	}
	// One that is still there was too old when it was looked for, by a clock that was set
	// back since.
	_, err := w.exec(ctx, `INSERT OR REPLACE INTO flag_requests (actor, key, digest, application, flag, revision, proposal, unchanged, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.Actor, r.Key, r.Digest, r.Application, r.Flag, r.Revision, r.Proposal, r.Unchanged, r.At.Unix())
	return err
}
