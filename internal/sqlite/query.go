package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/davit-dev/davit"
)

// Environment returns an environment of an application.
func (s *Store) Environment(ctx context.Context, application, name string) (*davit.Environment, error) {
	e, err := queryDoc[davit.Environment](ctx, s.read, "SELECT doc FROM environments WHERE application = ? AND name = ?", application, name)
	return e, s.readError(notFound(err, "environment %s of %s: nothing was deployed there yet", name, application))
}

// Environments lists all environments, by application and name.
func (s *Store) Environments(ctx context.Context) ([]*davit.Environment, error) {
	list, err := queryDocs[*davit.Environment](ctx, s.read, "SELECT doc FROM environments ORDER BY application, name")
	return list, s.readError(err)
}

// Release returns a release.
func (s *Store) Release(ctx context.Context, id davit.ReleaseID) (*davit.Release, error) {
	r, err := queryDoc[davit.Release](ctx, s.read, "SELECT doc FROM releases WHERE id = ?", id)
	return r, s.readError(notFound(err, "release %s", id))
}

// ReleasesByVersion lists the releases of a version, newest first.
func (s *Store) ReleasesByVersion(ctx context.Context, application, environment, version string) ([]*davit.Release, error) {
	list, err := queryDocs[*davit.Release](ctx, s.read,
		"SELECT doc FROM releases WHERE application = ? AND environment = ? AND version = ? ORDER BY number DESC",
		application, environment, version)
	return list, s.readError(err)
}

// Rollout returns a rollout.
func (s *Store) Rollout(ctx context.Context, id string) (*davit.Rollout, error) {
	r, err := queryDoc[davit.Rollout](ctx, s.read, "SELECT doc FROM rollouts WHERE id = ?", id)
	return r, s.readError(notFound(err, "rollout %s", id))
}

// Rollouts lists the rollouts of an environment, newest first, limit at most.
func (s *Store) Rollouts(ctx context.Context, application, environment string, limit int) ([]*davit.Rollout, error) {
	list, err := queryDocs[*davit.Rollout](ctx, s.read,
		"SELECT doc FROM rollouts WHERE application = ? AND environment = ? ORDER BY number DESC LIMIT ?",
		application, environment, max(limit, 0))
	return list, s.readError(err)
}

// Open lists all rollouts that have not ended, oldest first.
func (s *Store) Open(ctx context.Context) ([]*davit.Rollout, error) {
	list, err := queryDocs[*davit.Rollout](ctx, s.read, "SELECT doc FROM rollouts WHERE NOT ended ORDER BY number")
	return list, s.readError(err)
}

// Events lists events with Seq > after, of one rollout or ("") of all, oldest
// first, limit at most.
func (s *Store) Events(ctx context.Context, rollout string, after int64, limit int) ([]davit.Event, error) {
	query, args := "SELECT doc FROM events WHERE seq > ? ORDER BY seq LIMIT ?", []any{after, max(limit, 0)}
	if rollout != "" {
		query, args = "SELECT doc FROM events WHERE rollout = ? AND seq > ? ORDER BY seq LIMIT ?", []any{rollout, after, max(limit, 0)}
	}
	list, err := queryDocs[davit.Event](ctx, s.read, query, args...)
	return list, s.readError(err)
}

func (s *Store) readError(err error) error { return explain(err, s.path, "reading it") }

// queryDoc reads one document; sql.ErrNoRows when there is none.
func queryDoc[T any](ctx context.Context, q querier, query string, args ...any) (*T, error) {
	var doc []byte
	if err := q.QueryRowContext(ctx, query, args...).Scan(&doc); err != nil {
		return nil, err
	}
	value := new(T)
	if err := json.Unmarshal(doc, value); err != nil {
		return nil, fmt.Errorf("decoding a document: %w", err)
	}
	return value, nil
}

// queryDocs reads documents in the order of the query.
func queryDocs[T any](ctx context.Context, q querier, query string, args ...any) (list []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var doc []byte
		if err := rows.Scan(&doc); err != nil {
			return nil, err
		}
		var value T
		if err := json.Unmarshal(doc, &value); err != nil {
			return nil, fmt.Errorf("decoding a document: %w", err)
		}
		list = append(list, value)
	}
	return list, rows.Err()
}
