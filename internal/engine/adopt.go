package engine

import (
	"context"

	"github.com/davit-dev/davit"
)

// AdoptRequest tells of an environment in which a release serves that no rollout
// brought there.
type AdoptRequest struct {
	Application string
	Environment string
	Platform    string
	Site        davit.Site
	Version     string
	Config      davit.ReleaseConfig
	Actor       string
	Reason      string
}

// Adopt records that a release serves in an environment, in full and with all of the
// traffic, and from then on keeps it so. Rollouts go back to it. An environment that
// has a rollout is refused.
func (e *Engine) Adopt(ctx context.Context, req AdoptRequest) (*davit.Release, error) {
	ask := DeployRequest{
		Application: req.Application, Environment: req.Environment, Platform: req.Platform, Site: req.Site,
		Version: req.Version, Config: req.Config, Actor: req.Actor, Reason: req.Reason,
	}
	if err := ask.check(); err != nil {
		return nil, err
	}
	d, err := e.found(ctx, ask)
	if err != nil {
		return nil, err
	}
	release, err := e.pin(ctx, d.platform, ask)
	if err != nil {
		return nil, err
	}
	return release, d.do(ctx, func(ctx context.Context) error { return d.adoptRelease(ctx, release, req) })
}

func (d *driver) adoptRelease(ctx context.Context, release *davit.Release, req AdoptRequest) error {
	if d.rollout != nil || len(d.queue) > 0 {
		return d.busy()
	}
	if err := d.claim(ctx); err != nil {
		return err
	}
	t := d.transition(d.Now())
	t.change.Releases = append(t.change.Releases, release)
	t.state(req.Actor, "environment.adopt", req.Reason, davit.State{
		Run: map[davit.ReleaseID]davit.Size{release.ID: release.Full()}, Split: davit.All(release.ID),
	})
	t.env.Stable, t.env.Previous = release.ID, ""
	if err := d.commit(ctx, t); err != nil {
		return err
	}
	d.drifts++ // what is there now, nobody here has brought about: the state is converged to
	return nil
}
