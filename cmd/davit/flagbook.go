package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/flag/ofrep"
	"github.com/davit-dev/davit/internal/flag/recent"
	"github.com/davit-dev/davit/internal/server"
)

// flagBook is the book of feature flags as the server asks it.
type flagBook struct {
	*book.Book
	usage   *usageNotes // nil: not noted
	users   *recent.Users
	unheard atomic.Bool // edge servers may answer for the flags too, and were not heard of lately
}

var _ server.Flags = (*flagBook)(nil)

func openFlagBook(ctx context.Context, store book.Store) (*flagBook, error) {
	b, err := book.Open(ctx, store, time.Now)
	if err != nil {
		return nil, err
	}
	users := recent.New()
	b.Recent = users.Of
	return &flagBook{Book: b, users: users}, nil
}

// serve adds the flags, if there are any, to what a server is made of.
func (b *flagBook) serve(config server.Config) server.Config {
	if b == nil {
		return config
	}
	handler := ofrep.New(b.Book)
	handler.Seen = b.users.Note
	if take := config.Outcomes; take != nil {
		handler.Outcomes = func(application, environment, key string, tallies []davit.FlagTally) error {
			return take(application, key, api.FlagOutcomes{Environment: environment, Outcomes: tallies})
		}
	}
	if b.usage != nil {
		handler.Used, config.FlagUsage = b.usage.Note, b.usageOf
	}
	config.Flags, config.OFREP = b, handler
	config.Collectors = append(config.Collectors, prometheus.Collector(handler))
	config.Grant = func(key string) *davit.AccessKey {
		if g := b.Grant(key); g != nil {
			return &g.AccessKey
		}
		return nil
	}
	return config
}

// keep makes scheduled changes at their time until ctx ends.
func (b *flagBook) keep(ctx context.Context, log *slog.Logger) error {
	return b.Keep(ctx, func(err error) { log.WarnContext(ctx, "a change of flags that waits", "error", err) })
}

// run notes the use of access keys until ctx ends.
func (b *flagBook) run(ctx context.Context, log *slog.Logger) error {
	return b.Run(ctx, func(err error) { log.WarnContext(ctx, "noting when access keys were used", "error", err) })
}

// Explain evaluates a flag and tells every step.
func (b *flagBook) Explain(application, environment, key string, attributes map[string]any) (*api.FlagExplanation, error) {
	e, err := b.Book.Explain(application, environment, key, attributes)
	if err != nil {
		return nil, err
	}
	out := &api.FlagExplanation{
		Key: key, Environment: environment, Variant: e.Result.Variant, Value: e.Result.Decoded(), Reason: string(e.Result.Reason),
		Rule: e.Result.Rule, Error: string(e.Result.Error), Message: e.Result.Message, Steps: make([]api.FlagStep, 0, len(e.Steps)),
	}
	for _, s := range e.Steps {
		out.Steps = append(out.Steps, api.FlagStep{Depth: s.Depth, What: s.What, Holds: s.Holds, Why: s.Why})
	}
	return out, nil
}
