package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/davit-dev/davit"
)

// Rollback goes back: by hauling back the rollout under way or watched, and
// when there is none, or To names a release, by a rollout of its own.
func (e *Engine) Rollback(ctx context.Context, req RollbackRequest) (*davit.Rollout, error) {
	if req.Reason == "" {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "rollback needs a reason", Hint: "add --reason"}
	}
	d, err := e.driver(ctx, place{req.Application, req.Environment})
	if err != nil {
		return nil, err
	}
	var r *davit.Rollout
	err = d.do(ctx, func(ctx context.Context) error {
		r, err = d.rollback(ctx, req)
		return err
	})
	return r, err
}

func (d *driver) rollback(ctx context.Context, req RollbackRequest) (*davit.Rollout, error) {
	target, err := d.rollbackTarget(ctx, req)
	if err != nil {
		return nil, err
	}
	if r := d.rollout; r != nil && (target == nil || target.ID == r.Plan.Stable) {
		if r.Phase == davit.HaulingBack {
			return ptr(*r), nil // what is asked for is under way
		}
		t := d.transition(d.Now())
		t.command(Command{Kind: "rollback", Actor: req.Actor, Reason: req.Reason})
		if err := t.turnBackFor(req.Actor, req.Reason, "rolled back by "+req.Actor+": "+req.Reason, req.Force); err != nil {
			return nil, err
		}
		return ptr(*t.rollout), d.commit(ctx, t)
	}
	return d.rollOutBack(ctx, req, target)
}

// rollbackTarget returns the release to go back to; nil when To names none and
// a rollout is there to be hauled back.
func (d *driver) rollbackTarget(ctx context.Context, req RollbackRequest) (*davit.Release, error) {
	switch {
	case req.To == "" && d.rollout != nil:
		return nil, nil
	case req.To == "" && d.env.Previous == "":
		return nil, &davit.Error{
			Code: davit.CodeConflict, Message: fmt.Sprintf("nothing served %s before %s", d.place, d.env.Stable.Short()),
			Hint: "name a version with --to",
		}
	case req.To == "":
		return d.Store.Release(ctx, d.env.Previous)
	}
	r, err := d.Store.Release(ctx, davit.ReleaseID(req.To))
	if err == nil && r.Application == d.place.application && r.Environment == d.place.environment {
		return r, nil
	}
	if err != nil && !notFound(err) {
		return nil, err
	}
	releases, err := d.Store.ReleasesByVersion(ctx, d.place.application, d.place.environment, req.To)
	if err != nil {
		return nil, err
	}
	if len(releases) == 0 {
		return nil, &davit.Error{
			Code: davit.CodeNotFound, Message: fmt.Sprintf("%s never had a release %s", d.place, req.To),
			Hint: "`davit history " + d.place.environment + "` lists them",
		}
	}
	return releases[0], nil
}

// rollOutBack begins a rollout to an earlier release: blue-green without a
// bake, because in an emergency nothing is quicker, and without gates on
// traffic, because the release served before. Of the holds only those stay that
// tell people.
func (d *driver) rollOutBack(ctx context.Context, req RollbackRequest, target *davit.Release) (*davit.Rollout, error) {
	stable, err := d.stable(ctx)
	if err != nil {
		return nil, err
	}
	if stable != nil && stable.ID == target.ID {
		return nil, &davit.Error{Code: davit.CodeConflict, Message: fmt.Sprintf("%s serves %s already", target.ID, d.place)}
	}
	if c := d.env.Contracted; c.Bars(target) && !req.Force {
		return nil, pastContract(d.place.String()+" back to "+target.ID.Short(), c.Gate+" of rollout "+c.Rollout)
	}
	policy, err := d.lastPolicy(ctx)
	if err != nil {
		return nil, err
	}
	policy.Strategy, policy.Gates = davit.Strategy{Kind: davit.KindBlueGreen}, nil
	policy.Holds = slices.DeleteFunc(slices.Clone(policy.Holds), func(h davit.Hold) bool { return !h.At.After() || h.Gate.Contract })
	plan, err := plan(ctx, d.platform, stable, target, policy)
	if err != nil {
		return nil, err
	}
	r := d.asked(davit.KindRollback, plan, policy, req.Actor, req.Reason)
	if c := d.env.Contracted; c.Bars(target) {
		r.Forced = c.Gate
	}
	return r, d.admit(ctx, r, nil, false)
}

// lastPolicy returns the policy of the newest rollout that had one of its own.
func (d *driver) lastPolicy(ctx context.Context) (davit.Policy, error) {
	const recent = 20
	last, err := d.Store.Rollouts(ctx, d.place.application, d.place.environment, recent)
	if err != nil {
		return davit.Policy{}, err
	}
	for _, r := range last {
		if r.Kind == davit.KindDeploy {
			return r.Policy, nil
		}
	}
	return davit.Policy{}, nil
}

// asked returns a rollout that an operator asked for, not stored.
func (d *driver) asked(kind davit.RolloutKind, plan davit.Plan, policy davit.Policy, actor, reason string) *davit.Rollout {
	now := d.Now()
	return &davit.Rollout{
		ID: d.NewID(now), Application: d.place.application, Environment: d.place.environment, Kind: kind,
		Plan: plan, Policy: policy, Phase: davit.Queued, Actor: actor, Reason: reason, CreatedAt: now.UTC(),
	}
}

// Down begins a rollout to nothing.
func (e *Engine) Down(ctx context.Context, req DownRequest) (*davit.Rollout, error) {
	if req.Reason == "" {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "down needs a reason", Hint: "add --reason"}
	}
	d, err := e.driver(ctx, place{req.Application, req.Environment})
	if err != nil {
		return nil, err
	}
	var r *davit.Rollout
	err = d.do(ctx, func(ctx context.Context) error {
		stable, err := d.stable(ctx)
		if err != nil {
			return err
		}
		plan, err := davit.NewPlan(stable, nil, davit.Policy{})
		if err != nil {
			return err
		}
		r = d.asked(davit.KindDown, plan, davit.Policy{}, req.Actor, req.Reason)
		return d.admit(ctx, r, nil, false)
	})
	return r, err
}
