package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/davit-dev/davit"
)

// pruneBatch is how many events are removed in one commit, so that no rollout
// waits long for its own.
const pruneBatch = 5000

// Pruned is what an audit entry of a pruning says under after.
type Pruned struct {
	EndedBefore time.Time `json:"endedBefore"` // of whose rollouts the events were removed
	Events      int       `json:"events"`
	First       int64     `json:"first"` // the lowest and highest number among them
	Last        int64     `json:"last"`
}

// Prune removes the events and samples of rollouts that ended before a time, and
// returns how many events. Each commit that removes some has the entry in the audit log, with what
// was removed under after. Audit entries, receipts, rollouts and releases stay: the log's
// proof needs every entry, and a rollback the rest. The newest event stays too,
// for its number must not be given again.
func (s *Store) Prune(ctx context.Context, before time.Time, entry davit.AuditEntry) (events int, err error) {
	for {
		n, err := s.prune(ctx, before.UTC(), entry)
		if err != nil {
			return events, explain(err, s.path, "pruning its journal")
		}
		if events += n; n < pruneBatch {
			return events, nil
		}
	}
}

// prune removes one batch.
func (s *Store) prune(ctx context.Context, before time.Time, entry davit.AuditEntry) (int, error) {
	// What is old is looked for outside the transaction, which has the only
	// connection that writes: nothing that is old becomes new again.
	rows, err := s.read.QueryContext(ctx, `
		SELECT seq FROM (
			SELECT seq FROM rollouts r CROSS JOIN events e ON e.rollout = r.id WHERE r.ended AND unixepoch(r.doc ->> 'endedAt') < ?1
			UNION ALL SELECT seq FROM events WHERE rollout = '' AND unixepoch(doc ->> 'at') < ?1)
		WHERE seq < (SELECT max(seq) FROM events) LIMIT ?2`, before.Unix(), pruneBatch)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var old []int64
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return 0, err
		}
		old = append(old, seq)
	}
	if err := rows.Err(); err != nil || len(old) == 0 {
		return 0, err
	}
	entry.After, err = json.Marshal(Pruned{EndedBefore: before, Events: len(old), First: slices.Min(old), Last: slices.Max(old)})
	if err != nil {
		return 0, err
	}
	return len(old), s.commit(ctx, &davit.Change{Audit: []davit.AuditEntry{entry}}, func(w *writer) error { return w.forget(ctx, old) })
}

// forget removes events by their numbers, and what was sampled of their rollouts.
func (w *writer) forget(ctx context.Context, numbers []int64) error {
	list, err := json.Marshal(numbers)
	if err != nil {
		return err
	}
	if _, err := w.exec(ctx, "DELETE FROM series WHERE rollout IN (SELECT rollout FROM events WHERE seq IN (SELECT value FROM json_each(?)))", string(list)); err != nil {
		return err
	}
	result, err := w.tx.ExecContext(ctx, "DELETE FROM events WHERE seq IN (SELECT value FROM json_each(?))", string(list))
	if err != nil {
		return err
	}
	removed, err := result.RowsAffected()
	if err == nil && removed != int64(len(numbers)) {
		err = errors.New("another pruning goes on")
	}
	return err
}
