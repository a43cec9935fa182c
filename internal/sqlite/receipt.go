package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/davit-dev/davit"
)

// Unreceipted lists rollouts that have ended and have no receipt, oldest first,
// limit at most.
func (s *Store) Unreceipted(ctx context.Context, limit int) ([]*davit.Rollout, error) {
	list, err := queryDocs[*davit.Rollout](ctx, s.read,
		"SELECT doc FROM rollouts WHERE ended AND NOT receipted ORDER BY number LIMIT ?", max(limit, 0))
	return list, s.readError(err)
}

// PutReceipt stores the receipt of a rollout that has ended, a JSON document,
// with the audit entry that says so. A rollout gets one receipt: another is a
// *davit.Error of CodeConflict, and leaves no entry.
func (s *Store) PutReceipt(ctx context.Context, rollout string, envelope []byte, entry davit.AuditEntry) error {
	change := &davit.Change{Audit: []davit.AuditEntry{entry}}
	return explain(s.commit(ctx, change, func(w *writer) error { return w.receipt(ctx, rollout, envelope) }), s.path, "storing a receipt")
}

// receipt writes a receipt, after the entry that holds its digest was sealed.
func (w *writer) receipt(ctx context.Context, rollout string, envelope []byte) error {
	free, err := w.exec(ctx, "UPDATE rollouts SET receipted = 1 WHERE id = ? AND ended AND NOT receipted", rollout)
	if err == nil && !free {
		err = &davit.Error{Code: davit.CodeConflict, Message: fmt.Sprintf("rollout %s has a receipt, or has not ended", rollout)}
	}
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, "INSERT INTO receipts (rollout, entry, envelope) VALUES (?, ?, ?)", rollout, w.audit[0].Index, string(envelope))
	return err
}

// Receipt returns the receipt of a rollout, and the index of its audit entry.
func (s *Store) Receipt(ctx context.Context, rollout string) (envelope []byte, entry int64, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT envelope, entry FROM receipts WHERE rollout = ?", rollout).Scan(&envelope, &entry)
	return envelope, entry, s.readError(notFound(err, "receipt of rollout %s", rollout))
}

// PutSeries stores what was sampled of a rollout so far, a JSON document, in
// place of what was stored before. A rollout that has a receipt keeps what the
// receipt is about.
func (s *Store) PutSeries(ctx context.Context, rollout string, doc []byte) error {
	return explain(s.commit(ctx, &davit.Change{}, func(w *writer) error {
		written, err := w.exec(ctx, `INSERT INTO series (rollout, doc) SELECT ?1, ?2 FROM rollouts WHERE id = ?1 AND NOT receipted
			ON CONFLICT DO UPDATE SET doc = excluded.doc`, rollout, string(doc))
		if err == nil && !written {
			err = errors.New("it is over, or there is none")
		}
		return err
	}), s.path, "storing the samples of rollout "+rollout)
}

// Series returns what was sampled of a rollout.
func (s *Store) Series(ctx context.Context, rollout string) (doc []byte, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT doc FROM series WHERE rollout = ?", rollout).Scan(&doc)
	return doc, s.readError(notFound(err, "samples of rollout %s", rollout))
}
