package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// Commit writes a change in one transaction and returns when it is on disk. It
// sets the Seq of the change's events and the Index of its audit entries, once
// they are. A change that does not follow the stored revisions is refused with
// davit.ErrStale (wrapped); a full disk is a *davit.Error of CodeUnavailable.
// A refused change leaves nothing behind, and the store goes on.
func (s *Store) Commit(ctx context.Context, change *davit.Change) error {
	return explain(s.commit(ctx, change, func(*writer) error { return nil }), s.path, "committing")
}

// commit is Commit with something more in the same transaction.
func (s *Store) commit(ctx context.Context, change *davit.Change, more func(*writer) error) error {
	w := &writer{store: s, change: change, events: slices.Clone(change.Events), audit: slices.Clone(change.Audit), more: more}
	if damage := s.damage.Load(); damage != nil {
		return *damage
	}
	if err := w.commit(ctx); err != nil {
		return err
	}
	copy(change.Events, w.events)
	copy(change.Audit, w.audit)
	return nil
}

// writer carries one change through its transaction. It numbers copies: the
// caller's stay as they are until the change is on disk.
type writer struct {
	store  *Store
	tx     *sql.Tx
	change *davit.Change
	events []davit.Event
	audit  []davit.AuditEntry
	more   func(*writer) error
}

func (w *writer) commit(ctx context.Context) (err error) {
	// The mark is raised while this holds the only writing connection, so
	// that it counts in order.
	conn, err := w.store.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if w.tx, err = conn.BeginTx(ctx, nil); err != nil {
		return err
	}
	commits, err := w.all(ctx)
	if err != nil {
		_ = w.tx.Rollback() // which fails when SQLite, on a full disk, has done so itself
		return err
	}
	if err := w.tx.Commit(); err != nil {
		return err
	}
	// The change is on disk: to report a mark that stays behind as a failed
	// commit would be a lie, and a lagging mark refuses no sound store.
	_ = w.store.mark.raise(commits)
	return nil
}

// all writes the whole change and returns the number of this commit.
func (w *writer) all(ctx context.Context) (commits int64, err error) {
	for _, release := range w.change.Releases {
		if err := w.release(ctx, release); err != nil {
			return 0, fmt.Errorf("release %s: %w", release.ID, err)
		}
	}
	for _, rollout := range w.change.Rollouts {
		if err := w.rollout(ctx, rollout); err != nil {
			return 0, fmt.Errorf("rollout %s: %w", rollout.ID, err)
		}
	}
	for _, environment := range w.change.Environments {
		if err := w.environment(ctx, environment); err != nil {
			return 0, fmt.Errorf("environment %s of %s: %w", environment.Name, environment.Application, err)
		}
	}
	if err := w.journal(ctx); err != nil {
		return 0, fmt.Errorf("events: %w", err)
	}
	if err := w.seal(ctx); err != nil {
		return 0, fmt.Errorf("audit: %w", err)
	}
	if err := w.more(w); err != nil {
		return 0, err
	}
	err = w.tx.QueryRowContext(ctx, "UPDATE head SET commits = commits + 1 RETURNING commits").Scan(&commits)
	return commits, err
}

// document returns the JSON of v. What is raw JSON in v may come from outside, and
// is the only part that encoding/json does not make UTF-8: see checkText.
func document(v any) (string, error) {
	doc, err := json.Marshal(v)
	return strings.ToValidUTF8(string(doc), "\uFFFD"), err
}

// release keeps a release that is known as it is. Under its ID nothing else may
// ever be stored: its configuration is what a rollback restores.
func (w *writer) release(ctx context.Context, release *davit.Release) error {
	doc, err := document(release)
	if err != nil {
		return err
	}
	inserted, err := w.exec(ctx, "INSERT INTO releases (doc) VALUES (?) ON CONFLICT DO NOTHING", doc)
	if err != nil || inserted {
		return err
	}
	stored, err := queryDoc[davit.Release](ctx, w.tx, "SELECT doc FROM releases WHERE id = ?", release.ID)
	if err != nil {
		return err
	}
	stored.CreatedAt = release.CreatedAt
	same, err := document(stored)
	if err != nil {
		return err
	}
	if same != doc {
		return &davit.Error{Code: davit.CodeConflict,
			Message: fmt.Sprintf("release %s is stored with other artifacts or configuration; nothing was changed", release.ID),
			Hint:    "give the release another version"}
	}
	return nil
}

func (w *writer) rollout(ctx context.Context, rollout *davit.Rollout) error {
	doc, err := document(rollout)
	if err != nil {
		return err
	}
	if rollout.Revision == 1 {
		return w.follow(ctx, "INSERT INTO rollouts (doc, ended) VALUES (?, ?) ON CONFLICT DO NOTHING",
			doc, rollout.Phase.Ended())
	}
	return w.follow(ctx, "UPDATE rollouts SET doc = ?, ended = ? WHERE id = ? AND revision = ?",
		doc, rollout.Phase.Ended(), rollout.ID, rollout.Revision-1)
}

func (w *writer) environment(ctx context.Context, environment *davit.Environment) error {
	doc, err := document(environment)
	if err != nil {
		return err
	}
	if environment.Revision == 1 {
		return w.follow(ctx, "INSERT INTO environments (doc) VALUES (?) ON CONFLICT DO NOTHING", doc)
	}
	return w.follow(ctx, "UPDATE environments SET doc = ? WHERE application = ? AND name = ? AND revision = ?",
		doc, environment.Application, environment.Name, environment.Revision-1)
}

// journal numbers the events over all rollouts and writes them.
func (w *writer) journal(ctx context.Context) error {
	if len(w.events) == 0 {
		return nil
	}
	var last int64
	if err := w.tx.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM events").Scan(&last); err != nil {
		return err
	}
	for i := range w.events {
		w.events[i].Seq = last + int64(i) + 1
		doc, err := document(w.events[i])
		if err != nil {
			return err
		}
		if _, err := w.tx.ExecContext(ctx, "INSERT INTO events (seq, doc) VALUES (?, ?)", w.events[i].Seq, doc); err != nil {
			return err
		}
	}
	return nil
}

// follow writes a record that must follow the stored revision.
func (w *writer) follow(ctx context.Context, statement string, args ...any) error {
	written, err := w.exec(ctx, statement, args...)
	if err != nil {
		return err
	}
	if !written {
		return davit.ErrStale
	}
	return nil
}

// exec reports whether the statement wrote a row.
func (w *writer) exec(ctx context.Context, statement string, args ...any) (bool, error) {
	result, err := w.tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows > 0, err
}
