package main

import (
	"context"
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
	p, err := ramp.New(r.book, r.outcomes, e, func(ctx context.Context) string { return r.cause(ctx, e) })
	if err != nil {
		return engine.Platform{}, err
	}
	return engine.Platform{Runtime: p, Router: p, Metrics: p}, nil
}

// cause says why the rollout under way is hauled back; "" when it is not, or that
// cannot be told.
func (r *ramps) cause(ctx context.Context, e davit.Environment) string {
	open, err := r.store.Open(ctx)
	if err != nil {
		return "" // it is told of in the audit log all the same
	}
	for _, rollout := range open {
		if rollout.Application == e.Application && rollout.Environment == e.Name && rollout.Cause != "" {
			return rollout.Cause
		}
	}
	return ""
}

// Start begins a ramp of a flag.
func (r *ramps) Start(ctx context.Context, application, key, actor string, ask davit.FlagRamp) (*engine.Proposal, error) {
	r.starting.Lock()
	defer r.starting.Unlock()
	record, err := r.book.Flag(application, key)
	if err != nil {
		return nil, err
	}
	site, err := ask.Ramped(record)
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
		Version: site.To, Config: ramp.Config(), Policy: ask.Policy(), Actor: actor, Reason: ask.Reason,
	})
}

// Report takes in how the variants of a flag do.
func (r *ramps) Report(application, key string, o api.FlagOutcomes) error {
	record, err := r.book.Flag(application, key)
	if err != nil {
		return err
	}
	return r.outcomes.Report(application, o.Environment, &record.Flag, o.Outcomes)
}
