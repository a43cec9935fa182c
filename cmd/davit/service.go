package main

import (
	"context"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/davit-dev/davit/internal/handover"
	"github.com/davit-dev/davit/internal/server"
)

// service is a server from its start to its end, or to its stepping aside for
// another program.
type service struct {
	options  serveOptions
	dir      string
	sockets  *sockets
	upgrader *upgrader
	log      *slog.Logger

	before     *handover.Predecessor // in whose place this server is, nil if none
	handedOver bool                  // what runs was left in an orderly way
}

// run serves until ctx ends, or until another program serves in this one's place.
// While none does, this one takes up again what it laid down.
func (s *service) run(ctx context.Context) error {
	defer s.upgrader.close()
	for {
		step, err := s.live(ctx)
		if err != nil || step == nil {
			s.log.Info("stopped; instances and proxy go on serving")
			return err
		}
		if err = s.stepAside(ctx, step); err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return nil
		}
		s.log.Error("the new server did not take over; this one goes on", "error", err)
		s.upgrader.stayed(err)
		s.handedOver = true
	}
}

// aside is what a server does when it lays everything down for another.
type aside struct {
	successor *handover.Successor
	letGo     func() // ends the holding of leases
}

// live serves until ctx ends, or until another program is prepared to take over:
// then all is laid down that only one may have, and no request was refused.
func (s *service) live(ctx context.Context) (step *aside, err error) {
	parts, err := assemble(ctx, s.dir, s.options.lease, s.handedOver, s.log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := parts.Close(step != nil); err == nil {
			err = closeErr
		}
	}()
	listeners, err := s.sockets.listeners()
	if err != nil {
		return nil, err
	}
	s.log.InfoContext(ctx, "serving", "state", s.dir, "listen", s.options.listen, "version", version)
	s.upgrader.record = parts.record
	group, ctx := errgroup.WithContext(ctx)
	answering, stop := context.WithCancel(ctx)
	defer stop()
	// The engine goes on until the last request to the API has its answer.
	driving, halt := context.WithCancel(context.WithoutCancel(ctx))
	defer halt()
	group.Go(func() error { return parts.platforms.Run(driving) })
	group.Go(func() error { return parts.engine.Run(driving) })
	group.Go(func() error { return parts.observer.Run(driving) })
	group.Go(func() error { return keepFor(driving, parts.store, s.options.retain, s.log) })
	group.Go(func() error { return parts.prune(driving, s.log) })
	group.Go(func() error { return parts.flags.run(driving, s.log) })
	group.Go(func() error { return parts.flags.keep(driving, s.log) })
	group.Go(func() error { return parts.flags.noteUsage(driving, s.log) })
	group.Go(func() error { return parts.flags.publish(driving, s.options.redis, s.log) })
	group.Go(func() error {
		if err := parts.store.Examine(driving); err != nil && driving.Err() == nil {
			s.log.ErrorContext(ctx, "the store is not whole; nothing is recorded any more, so nothing is changed", "error", err)
		}
		return nil
	})
	group.Go(func() error { return s.serving(driving, parts) })
	group.Go(func() error {
		defer halt()
		config := parts.server(s.log)
		config.Upgrader = s.upgrader
		return server.New(config).Serve(answering, stopGrace, listeners...)
	})
	group.Go(func() error {
		select {
		case successor := <-s.upgrader.prepared:
			step = &aside{successor, parts.platforms.hold(s.options.lease)}
			stop()
		case <-answering.Done():
		}
		return nil
	})
	if err = group.Wait(); err != nil && step != nil {
		s.log.Warn("what was under way did not end well", "error", err)
		err = nil
	}
	return step, err
}

// serving says that this server serves, once it does, and ends the upgrade that
// brought it here.
func (s *service) serving(ctx context.Context, parts *parts) error {
	if parts.engine.Ready(ctx) != nil {
		return nil // it stops
	}
	if s.before != nil {
		s.before.Serve()
		s.before, s.sockets.others = nil, false
	}
	notify("READY=1")
	s.upgrader.finish(ctx, parts)
	return nil
}

// stepAside lets the successor take over and returns nil when it serves.
func (s *service) stepAside(ctx context.Context, step *aside) error {
	defer step.letGo()
	if err := step.successor.Go(ctx); err != nil {
		return err
	}
	s.sockets.others = true
	notify(mainPID(step.successor.PID()))
	s.log.Info("another server serves in this one's place", "version", step.successor.Version(), "pid", step.successor.PID())
	return nil
}
