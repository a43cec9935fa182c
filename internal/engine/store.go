package engine

import (
	"context"

	"github.com/davit-dev/davit"
)

// Store keeps what the engine must not forget. Methods that look one thing up
// return a *davit.Error of CodeNotFound when it is not there. Commit returns
// after the change is on disk; a change that does not follow the stored
// revisions is refused with davit.ErrStale (wrapped).
type Store interface {
	Commit(ctx context.Context, change *davit.Change) error
	Environment(ctx context.Context, application, name string) (*davit.Environment, error)
	Environments(ctx context.Context) ([]*davit.Environment, error)
	Release(ctx context.Context, id davit.ReleaseID) (*davit.Release, error)
	// ReleaseByVersion returns the newest releases of that version, newest first.
	ReleasesByVersion(ctx context.Context, application, environment, version string) ([]*davit.Release, error)
	Rollout(ctx context.Context, id string) (*davit.Rollout, error)
	// Rollouts lists the rollouts of an environment, newest first, limit at most.
	Rollouts(ctx context.Context, application, environment string, limit int) ([]*davit.Rollout, error)
	// Open lists all rollouts that have not ended, oldest first.
	Open(ctx context.Context) ([]*davit.Rollout, error)
	// Events lists events with Seq > after, of one rollout or ("") of all,
	// oldest first, limit at most.
	Events(ctx context.Context, rollout string, after int64, limit int) ([]davit.Event, error)
}
