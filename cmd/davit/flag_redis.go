package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/redis"
)

// redisOptions say where flags are handed over.
type redisOptions struct {
	address, prefix string
	every           time.Duration // how often both sides look for what was lost
}

func (o *redisOptions) add(flags *pflag.FlagSet) {
	flags.StringVar(&o.address, "redis", "", "Redis that hands feature flags to edge servers, redis://HOST:PORT or rediss://HOST:PORT (default $DAVIT_REDIS, which is the place for one with a password)")
	flags.DurationVar(&o.every, "redis-poll", 3*time.Second, "how often Redis is looked at, beside what it tells")
	flags.StringVar(&o.prefix, "redis-prefix", redis.Prefix, "what the names in Redis begin with; of its own for each server that shares one")
}

// open returns the Redis; nil when none is named.
func (o *redisOptions) open() (*redis.Redis, error) {
	address := o.address
	if address == "" {
		address = os.Getenv("DAVIT_REDIS")
	}
	if address == "" {
		return nil, nil
	}
	return redis.Open(address, o.prefix)
}

// check refuses an address that is none.
func (o *redisOptions) check() error {
	r, err := o.open()
	if err != nil || r == nil {
		return err
	}
	return errors.Join(o.checkPoll(), r.Close())
}

// checkPoll refuses to look so often that nothing else is done.
func (o *redisOptions) checkPoll() error {
	if o.every >= 10*time.Millisecond {
		return nil
	}
	return &davit.Error{Code: davit.CodeInvalid, Message: "cannot look at Redis every " + o.every.String(), Hint: "give --redis-poll 1s or so"}
}

// publish hands the flags over through Redis, if there is one, until ctx ends.
func (b *flagBook) publish(ctx context.Context, o redisOptions, log *slog.Logger) error {
	r, err := o.open()
	if err != nil || r == nil {
		return err
	}
	defer r.Close() //nolint:errcheck // nothing is lost
	b.unheard.Store(true)
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host" // it is told to people alone
	}
	p := redis.Publisher{
		Redis: r, Flags: b, Origin: b.Origin(), Host: host, Every: o.every, Now: time.Now,
		Failed: func(err error) {
			log.WarnContext(ctx, "cannot hand flags over; tried until it can be done", "error", err)
		},
		Recovered: func() { log.InfoContext(ctx, "flags are handed over again") },
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.Run(ctx) })
	group.Go(func() error { return b.hearUses(ctx, r, log) })
	return group.Wait()
}

// errNoRedis refuses an edge server without Redis.
func errNoRedis() error {
	return usageError(&davit.Error{
		Code: davit.CodeInvalid, Message: "an edge server needs a Redis to read flags from",
		Hint: "name the one that davit serve has, with --redis or DAVIT_REDIS",
	})
}
