package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/davit-dev/davit"
)

// presentLimit bounds the look at what runs before a plan is made: the driver waits
// for it.
const presentLimit = 5 * time.Second

// plan computes the plan to a release from what serves, at the size that it has now
// where the platform chooses that.
func plan(ctx context.Context, p Platform, stable, target *davit.Release, policy davit.Policy) (davit.Plan, error) {
	size, err := present(ctx, p, stable)
	if err != nil {
		return davit.Plan{}, err
	}
	return davit.NewPlanAt(size, stable, target, policy)
}

// present returns how many instances each autoscaled service of a release has; nil
// when it has no such service.
func present(ctx context.Context, p Platform, r *davit.Release) (davit.Size, error) {
	if !scales(r) {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, presentLimit)
	defer cancel()
	instances, err := p.Runtime.Instances(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking how many instances of %s run: %w", r.ID, err)
	}
	return staying(instances)[r.ID], nil
}

// scales reports whether a release has an autoscaled service.
func scales(r *davit.Release) bool {
	if r != nil {
		for name := range r.Config.Services {
			if r.Autoscaled(name) {
				return true
			}
		}
	}
	return false
}

// staying counts the instances of each release's services that do not leave.
func staying(instances []davit.Instance) map[davit.ReleaseID]davit.Size {
	running := map[davit.ReleaseID]davit.Size{}
	for _, i := range instances {
		if i.Condition == davit.Draining {
			continue
		}
		if running[i.Release] == nil {
			running[i.Release] = davit.Size{}
		}
		running[i.Release][i.Service]++
	}
	return running
}

// rise raises what is to run of other releases as much as the platform has raised
// the one from before since the plan was made, so that whoever takes over its
// traffic can bear it.
func (c *convergence) rise(ctx context.Context, releases []*davit.Release) error {
	i := slices.IndexFunc(releases, func(r *davit.Release) bool { return r.ID == c.before })
	if i < 0 || !scales(releases[i]) {
		return nil
	}
	instances, err := c.instances(ctx)
	if err != nil {
		return err
	}
	has, planned := staying(instances)[c.before], c.state.Run[c.before]
	run := maps.Clone(c.state.Run)
	for _, r := range releases {
		if r.ID == c.before || len(run[r.ID]) == 0 {
			continue
		}
		run[r.ID] = maps.Clone(run[r.ID])
		for name, n := range run[r.ID] {
			if a := r.Config.Services[name].Autoscale; a != nil && planned[name] > 0 && has[name] > planned[name] {
				run[r.ID][name] = max(n, min((n*has[name]+planned[name]-1)/planned[name], a.Max))
			}
		}
	}
	c.state.Run = run
	return nil
}
