package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/davit-dev/davit"
)

// convergence is one try to bring an environment to a state.
type convergence struct {
	place    place
	platform Platform
	state    davit.State
	stable   davit.ReleaseID // serves those whom the split gives nobody else
	// before is the release that served before the plan; "" when the state is not of
	// a plan's stage.
	before davit.ReleaseID
	// judged is the release whose failing instances end the try; "" when
	// hauling back, where there is nobody to judge.
	judged davit.ReleaseID
	// lease is what a share of the candidate is held on, if there is one.
	lease davit.Lease
	// recorded is set when it is on record already that a lease ran out.
	recorded bool
	age      int // of the grip when the try began
	release  func(context.Context, davit.ReleaseID) (*davit.Release, error)
	// patience bounds the wait for the full size when hauling back: after it,
	// one ready instance of each service has to do.
	patience time.Duration
	step     func(davit.Step)
	lacks    func(string) // what the step waits for
	routed   func(davit.Split)
	remained func(davit.ReleaseID, int64) // requests still in flight at the drain limit
}

// callLimit bounds every single call to a platform, so that one that hangs is
// cut off and tried again.
const callLimit = 30 * time.Second

// limited runs a call to a platform under callLimit and what it may take by
// itself.
func limited(ctx context.Context, itself time.Duration, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit+itself)
	defer cancel()
	return call(ctx)
}

// instances lists the instances.
func (c *convergence) instances(ctx context.Context) (list []davit.Instance, err error) {
	err = limited(ctx, 0, func(ctx context.Context) error {
		list, err = c.platform.Runtime.Instances(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the instances: %w", err)
	}
	return list, nil
}

// declare declares the size of a release.
func (c *convergence) declare(ctx context.Context, r *davit.Release, size davit.Size) error {
	return limited(ctx, 0, func(ctx context.Context) error { return c.platform.Runtime.Declare(ctx, r, size) })
}

// failure is what a try returns when an instance of the judged release will
// not become ready by waiting.
type failure struct{ reason string }

func (f *failure) Error() string { return f.reason }

// run converges once, in the order that loses no request. It is idempotent:
// whatever an earlier try left, the same steps lead to the same end.
func (c *convergence) run(ctx context.Context) error {
	releases, err := c.releases(ctx)
	if err != nil {
		return err
	}
	if err := c.rise(ctx, releases); err != nil {
		return err
	}
	for _, step := range []struct {
		name davit.Step
		do   func(context.Context, []*davit.Release) error
	}{
		{davit.StepGrow, c.grow}, {davit.StepReady, c.ready}, {davit.StepRoute, c.route},
		{davit.StepDrain, c.drain}, {davit.StepShrink, c.shrink},
	} {
		c.step(step.name)
		if err := step.do(ctx, releases); err != nil {
			return err
		}
	}
	c.step(davit.StepHold)
	return nil
}

// releases returns every release that the state names or that has instances,
// sorted by ID. One that the store does not know has no configuration; it can
// still be taken down.
func (c *convergence) releases(ctx context.Context) ([]*davit.Release, error) {
	instances, err := c.instances(ctx)
	if err != nil {
		return nil, err
	}
	ids := map[davit.ReleaseID]bool{}
	for id := range c.state.Run {
		ids[id] = true
	}
	for _, i := range instances {
		ids[i.Release] = true
	}
	var releases []*davit.Release
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		r, err := c.release(ctx, id)
		if notFound(err) && c.state.Run[id] == nil {
			r, err = &davit.Release{ID: id, Application: c.place.application, Environment: c.place.environment}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("looking up release %s: %w", id, err)
		}
		releases = append(releases, r)
	}
	return releases, nil
}

// grow declares all that is to run and keeps all that runs.
func (c *convergence) grow(ctx context.Context, releases []*davit.Release) error {
	instances, err := c.instances(ctx)
	if err != nil {
		return err
	}
	running := staying(instances)
	for _, r := range releases {
		if len(c.state.Run[r.ID]) == 0 {
			continue
		}
		size := maps.Clone(c.state.Run[r.ID])
		for service, n := range running[r.ID] {
			if size[service] == 0 || !r.Autoscaled(service) { // the platform keeps what it has of those
				size[service] = max(size[service], n)
			}
		}
		if err := c.declare(ctx, r, size); err != nil {
			return fmt.Errorf("growing %s: %w", r.ID, err)
		}
	}
	return nil
}

// ready waits until the split can be served: the judged release in full, others
// with what they are to run, or, when that takes too long, at least one instance
// of each service.
func (c *convergence) ready(ctx context.Context, releases []*davit.Release) error {
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := c.platform.Runtime.Watch(watch)
	limit := time.NewTimer(c.patience)
	defer limit.Stop()
	said := ""
	for expired := false; ; {
		instances, err := c.instances(ctx)
		if err != nil {
			return err
		}
		if f := failed(instances, c.judged); f != "" && c.judged != "" {
			return &failure{f}
		}
		if c.servable(releases, instances, expired) {
			return nil
		}
		if expired {
			return fmt.Errorf("after %s not enough is ready: %s", c.patience, unready(instances))
		}
		if lacks := unready(c.awaited(instances)); lacks != said {
			c.lacks(lacks)
			said = lacks
		}
		select {
		case <-changes:
		case <-limit.C:
			expired = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// awaited are those of the instances that the split cannot be served without.
func (c *convergence) awaited(instances []davit.Instance) []davit.Instance {
	var all []davit.Instance
	for _, i := range instances {
		if i.Condition != davit.Draining && (i.Release == c.judged || c.state.Split[i.Release] > 0) {
			all = append(all, i)
		}
	}
	return all
}

// servable reports whether enough instances are ready for the state's split.
// Workers count for the judged release alone: traffic that has to get away from
// a bad one waits for no worker.
func (c *convergence) servable(releases []*davit.Release, instances []davit.Instance, expired bool) bool {
	ready := map[davit.ReleaseID]davit.Size{}
	for _, i := range instances {
		if i.Condition == davit.Ready {
			if ready[i.Release] == nil {
				ready[i.Release] = davit.Size{}
			}
			ready[i.Release][i.Service]++
		}
	}
	for _, r := range releases {
		judged := r.ID == c.judged
		if !judged && c.state.Split[r.ID] == 0 {
			continue
		}
		for service, want := range c.state.Run[r.ID] {
			switch {
			case judged:
			case !r.Config.Services[service].Traffic:
				continue
			case expired:
				want = min(want, 1)
			}
			if ready[r.ID][service] < want {
				return false
			}
		}
	}
	return true
}

// route puts the split in effect, and says so when it was not before.
func (c *convergence) route(ctx context.Context, releases []*davit.Release) error {
	routing := davit.Routing{Split: c.state.Split, Stable: c.stable, Candidate: c.state.Candidate}
	if c.leased(releases) {
		routing.Lease = c.lease
	}
	for _, r := range releases {
		if c.state.Split[r.ID] > 0 || r.ID == c.state.Candidate || r.ID == routing.Lease.To {
			routing.Releases = append(routing.Releases, r)
		}
	}
	var before davit.Routing
	err := limited(ctx, 0, func(ctx context.Context) (err error) {
		before, err = c.platform.Router.Routing(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("asking the router for the split in effect: %w", err)
	}
	if len(before.Lapsed) > 0 && !c.recorded {
		return &lapse{before.Lapsed, c.age}
	}
	err = limited(ctx, 0, func(ctx context.Context) error { return c.platform.Router.Route(ctx, routing) })
	if err != nil {
		return fmt.Errorf("routing %s: %w", c.state.Split, err)
	}
	if !before.Split.Equal(c.state.Split) {
		c.routed(c.state.Split)
	}
	return nil
}

// drain waits for the requests of releases that are about to leave.
func (c *convergence) drain(ctx context.Context, releases []*davit.Release) error {
	for _, r := range releases {
		if c.state.Split[r.ID] > 0 || c.state.Run[r.ID].Total() > 0 {
			continue
		}
		var limit time.Duration
		for _, s := range r.Config.Services {
			limit = max(limit, s.DrainLimit.D())
		}
		var remaining int64
		err := limited(ctx, limit, func(ctx context.Context) (err error) {
			remaining, err = c.platform.Router.Drain(ctx, r)
			return err
		})
		if err != nil {
			return fmt.Errorf("draining %s: %w", r.ID, err)
		}
		if remaining > 0 {
			c.remained(r.ID, remaining)
		}
	}
	return nil
}

// shrink declares the sizes of the state and waits until nothing runs beyond
// them, so that a next stage does not add to what is still leaving.
func (c *convergence) shrink(ctx context.Context, releases []*davit.Release) error {
	for _, r := range releases {
		if err := c.declare(ctx, r, c.state.Run[r.ID]); err != nil {
			return fmt.Errorf("shrinking %s: %w", r.ID, err)
		}
	}
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := c.platform.Runtime.Watch(watch)
	for {
		instances, err := c.instances(ctx)
		if err != nil {
			return err
		}
		if !beyond(c.state, releases, instances) {
			return nil
		}
		select {
		case <-changes:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// unready describes the instances that are not ready.
func unready(instances []davit.Instance) string {
	var each []string
	for _, i := range instances {
		if i.Condition != davit.Ready {
			text := fmt.Sprintf("%s of %s (%s) is %s", i.Service, i.Release.Short(), i.ID, i.Condition)
			if i.Reason != "" {
				text += ": " + i.Reason
			}
			each = append(each, text)
		}
	}
	if len(each) == 0 {
		return "instances are missing"
	}
	slices.Sort(each)
	return shortened(each)
}

// shortened joins the first few of a list.
func shortened(list []string) string {
	const most = 3
	if extra := len(list) - most; extra > 0 {
		list = append(list[:most:most], fmt.Sprintf("and %d more", extra))
	}
	return strings.Join(list, "; ")
}

// beyond reports whether more instances run than the state has, of services whose
// number is Davit's to choose.
func beyond(state davit.State, releases []*davit.Release, instances []davit.Instance) bool {
	left := map[davit.ReleaseID]davit.Size{}
	for id, size := range state.Run {
		left[id] = maps.Clone(size)
	}
	scaled := map[davit.ReleaseID]*davit.Release{}
	for _, r := range releases {
		scaled[r.ID] = r
	}
	for _, i := range instances {
		if r := scaled[i.Release]; r != nil && r.Autoscaled(i.Service) && state.Run[i.Release][i.Service] > 0 {
			continue
		}
		if left[i.Release][i.Service] == 0 {
			return true
		}
		left[i.Release][i.Service]--
	}
	return false
}

// failed says which instances of a release failed and why; "" when none did.
func failed(instances []davit.Instance, id davit.ReleaseID) string {
	var reasons []string
	for _, i := range instances {
		if i.Release == id && i.Condition == davit.Failed {
			reasons = append(reasons, fmt.Sprintf("%s (%s): %s", i.Service, i.ID, i.Reason))
		}
	}
	slices.Sort(reasons)
	return shortened(reasons)
}
