package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/davit-dev/davit"
)

// lookTime bounds how long Status waits for each part of the world.
const lookTime = 2 * time.Second

// Status looks at an environment. What cannot be seen is said in Troubles; the
// rest is there all the same.
func (e *Engine) Status(ctx context.Context, application, environment string) (*Status, error) {
	d, err := e.driver(ctx, place{application, environment})
	if err != nil {
		return nil, err
	}
	s := &Status{}
	err = d.do(ctx, func(context.Context) error {
		s.Environment = *d.env
		if d.rollout != nil {
			s.Rollout = ptr(*d.rollout)
			s.Rollout.Verdicts = slices.Clone(d.rollout.Verdicts)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.Rollout == nil {
		last, err := e.Store.Rollouts(ctx, application, environment, 1)
		if err != nil {
			return nil, err
		}
		if len(last) > 0 {
			s.Rollout = last[0]
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	d.look(ctx, s)
	return s, nil
}

// look fills in what the platform says.
func (d *driver) look(ctx context.Context, s *Status) {
	var err error
	trouble := func(what string) {
		if err != nil {
			s.Troubles = append(s.Troubles, what+": "+err.Error())
		}
	}
	s.Instances, err = d.platform.Runtime.Instances(ctx)
	trouble("listing the instances")
	routing, err := d.platform.Router.Routing(ctx)
	trouble("asking the router for the split in effect")
	s.Split = routing.Split
	if err = lapseError(routing.Lapsed); err != nil {
		trouble("the server was away for too long")
	}
	s.Figures, err = d.platform.Metrics.Figures(ctx)
	trouble("reading the figures")

	ids := map[davit.ReleaseID]bool{}
	for _, i := range s.Instances {
		ids[i.Release] = true
	}
	for id := range s.Environment.State.Run {
		ids[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		r, lookErr := d.Store.Release(ctx, id)
		if err = lookErr; err != nil {
			trouble("looking up release " + string(id))
			continue
		}
		s.Releases = append(s.Releases, r)
	}
}
