package main

import (
	"context"
	"strings"
	"sync"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/flag/ramp"
)

// ramps is the platform of feature flags.
type ramps struct {
	book     *book.Book
	engine   *engine.Engine
	outcomes *ramp.Outcomes
	store    interface {
		Open(ctx context.Context) ([]*davit.Rollout, error)
	}
	starting sync.Mutex // a ramp begins in two steps
}

func newRamps(b *book.Book, store interface {
	Open(ctx context.Context) ([]*davit.Rollout, error)
},
) *ramps {
	return &ramps{book: b, outcomes: ramp.NewOutcomes(), store: store}
}

// platform returns what the ramps of a flag run on.
func (r *ramps) platform(e davit.Environment) (engine.Platform, error) {
	p, err := ramp.New(r.book, r.outcomes, e, func(ctx context.Context) *davit.Rollout { return r.underWay(ctx, e) })
	if err != nil {
		return engine.Platform{}, err
	}
	return engine.Platform{Runtime: p, Router: p, Metrics: p}, nil
}

// underWay returns the rollout under way in an environment; nil when there is none, or
// that cannot be told.
func (r *ramps) underWay(ctx context.Context, e davit.Environment) *davit.Rollout {
	open, err := r.store.Open(ctx)
	if err != nil {
		return nil // what needs its approval is refused, and tried again
	}
	for _, rollout := range open {
		if rollout.Application == e.Application && rollout.Environment == e.Name && rollout.Phase != davit.Queued {
			return rollout
		}
	}
	return nil
}

// Start begins a ramp of a flag.
func (r *ramps) Start(ctx context.Context, application, key, actor string, ask davit.FlagRamp) (*engine.Proposal, error) {
	r.starting.Lock()
	defer r.starting.Unlock()
	ask, err := ask.Checked()
	if err != nil {
		return nil, err
	}
	record, err := r.book.Flag(application, key)
	if err != nil {
		return nil, err
	}
	site, err := ask.Ramped(record)
	if err != nil {
		return nil, err
	}
	policy, err := r.policy(ctx, application, actor, ask)
	if err != nil {
		return nil, err
	}
	name := davit.RampEnvironment(ask.Environment, key)
	at := davit.Site{Flag: &site}
	_, err = r.engine.Adopt(ctx, engine.AdoptRequest{
		Application: application, Environment: name, Platform: davit.PlatformFlag, Site: at,
		Version: site.From, Config: ramp.Config(), Actor: actor, Reason: "what " + key + " serves in " + ask.Environment + " as it is to be ramped",
	})
	if err != nil {
		return nil, err
	}
	return r.engine.Deploy(ctx, engine.DeployRequest{
		Application: application, Environment: name, Platform: davit.PlatformFlag, Site: at,
		Version: site.To, Config: ramp.Config(), Policy: policy, Actor: actor, Reason: ask.Reason,
	})
}

// policy returns the policy of a ramp: in a protected environment it begins with the
// approval of others.
func (r *ramps) policy(ctx context.Context, application, actor string, ask davit.FlagRamp) (davit.Policy, error) {
	policy := ask.Policy()
	protection, err := r.book.Protection(ctx, application, ask.Environment)
	if err != nil || protection == nil {
		return policy, err
	}
	if strings.HasPrefix(actor, "key ") { // whoever made the key could approve
		return policy, &davit.Error{
			Code: davit.CodeRefused, Message: ask.Environment + " is protected, and no access key begins a ramp there",
			Hint: "ask somebody who has access to the server",
		}
	}
	policy.Holds = append(policy.Holds, davit.Hold{At: davit.Moment{Kind: davit.BeforeStart}, Gate: davit.Approvals(davit.GateApproval, protection.Approval)})
	return policy, nil
}

// Report takes in how the variants of a flag do.
func (r *ramps) Report(application, key string, o api.FlagOutcomes) error {
	record, err := r.book.Flag(application, key)
	if err != nil {
		return err
	}
	return r.outcomes.Report(application, o.Environment, &record.Flag, o.Outcomes)
}
