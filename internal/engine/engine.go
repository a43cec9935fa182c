package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// Config is what an engine needs of the outside. All fields but Judges,
// HandedOver and Measured are required.
type Config struct {
	Store Store
	// Platform returns the pair that an environment runs on.
	Platform func(davit.Environment) (Platform, error)
	// Judges by the kind of gate; Judges() of this package when nil.
	Judges map[string]Judge
	// Lease is how long a candidate keeps its traffic without a sign of life
	// from the engine, where the router is a Leaser; 0 is for ever.
	Lease time.Duration
	Now   func() time.Time
	// HandedOver says that the server before stepped aside for this one: what it
	// left open was not interrupted.
	HandedOver bool
	// NewID names a new rollout.
	NewID func(now time.Time) string
	// Measured tells at once what the witness of a rollout has measured so
	// far; nil when it has none. Every commit of the rollout keeps it.
	Measured func(rollout string) *davit.Measured
	Log      *slog.Logger
}

// Engine drives the rollouts of all environments. New makes one; Run makes it
// go. Its methods are safe for concurrent use and wait for Run to have begun.
type Engine struct {
	Config
	changed broadcast
	started chan struct{} // closed when Run has taken up what was open
	stopped chan struct{} // closed when Run returns

	mu      sync.Mutex
	running context.Context // Run's, which drivers live in; nil before
	drivers map[place]*driver
	wg      sync.WaitGroup
}

// place is an environment's key.
type place struct{ application, environment string }

func (p place) String() string { return p.application + "/" + p.environment }

// New returns an engine that does nothing before Run.
func New(config Config) *Engine {
	if config.Judges == nil {
		config.Judges = Judges()
	}
	return &Engine{
		Config: config, drivers: map[place]*driver{},
		started: make(chan struct{}), stopped: make(chan struct{}),
	}
}

// Run takes up what an earlier server left open, then drives all environments
// until ctx ends. It leaves instances and routes as they are. It must be
// called once.
func (e *Engine) Run(ctx context.Context) error {
	defer close(e.stopped)
	environments, err := e.Store.Environments(ctx)
	if err != nil {
		return fmt.Errorf("taking up the environments: %w", err)
	}
	open, err := e.Store.Open(ctx)
	if err != nil {
		return fmt.Errorf("taking up the open rollouts: %w", err)
	}
	e.mu.Lock()
	e.running = ctx
	e.mu.Unlock()
	for _, env := range environments {
		if err := e.takeUp(env, open); err != nil {
			return fmt.Errorf("taking up %s/%s: %w", env.Application, env.Name, err)
		}
	}
	close(e.started)
	<-ctx.Done()
	e.wg.Wait()
	return nil
}

// takeUp starts the driver of an environment that the store knows.
func (e *Engine) takeUp(env *davit.Environment, open []*davit.Rollout) error {
	d, err := e.newDriver(env)
	if err != nil {
		return err
	}
	d.adopt(open)
	d.resumed = d.rollout != nil
	e.start(d)
	return nil
}

func (e *Engine) newDriver(env *davit.Environment) (*driver, error) {
	platform, err := e.Platform(*env)
	if err != nil {
		return nil, err
	}
	leaser, _ := platform.Router.(Leaser)
	return &driver{
		grip:   newGrip(leaser, e.Lease),
		Engine: e, place: place{env.Application, env.Name}, on: env.Platform, platform: platform, env: env,
		ops: make(chan op), facts: make(chan fact), end: make(chan struct{}),
	}, nil
}

// start starts a driver, unless its environment has one, and returns the one
// that drives.
func (e *Engine) start(d *driver) *driver {
	e.mu.Lock()
	defer e.mu.Unlock()
	if other := e.drivers[d.place]; other != nil {
		return other
	}
	e.drivers[d.place] = d
	e.wg.Go(func() { d.run(e.running) })
	return d
}

// errStopped is the answer to calls on an engine that no longer runs.
var errStopped = &davit.Error{Code: davit.CodeUnavailable, Message: "the server is stopping", Hint: "try again when it is back"}

// Ready returns nil when the engine has taken up what was open, and drives.
func (e *Engine) Ready(ctx context.Context) error { return e.ready(ctx) }

// ready waits until Run has begun.
func (e *Engine) ready(ctx context.Context) error {
	select {
	case <-e.started:
		return nil
	case <-e.stopped:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// driver returns the driver of an environment, or a CodeNotFound error.
func (e *Engine) driver(ctx context.Context, p place) (*driver, error) {
	if err := e.ready(ctx); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.drivers[p]
	if d == nil {
		return nil, &davit.Error{
			Code:    davit.CodeNotFound,
			Message: fmt.Sprintf("nothing was ever deployed to %s", p),
			Hint:    "check the names, or deploy to it first",
		}
	}
	return d, nil
}

// found returns the driver of a request's environment at its site, and creates both
// when the environment is new.
func (e *Engine) found(ctx context.Context, req DeployRequest) (*driver, error) {
	p := place{req.Application, req.Environment}
	d, err := e.driver(ctx, p)
	if err == nil && d.on != req.Platform {
		return nil, &davit.Error{
			Code:    davit.CodeRefused,
			Message: fmt.Sprintf("%s runs on platform %q, and the release asks for %q", p, d.on, req.Platform),
			Hint:    "take it down first, or give the new platform another environment",
		}
	}
	if err == nil {
		return e.settle(ctx, d, req)
	}
	if davit.ErrorCode(err) != davit.CodeNotFound {
		return nil, err
	}
	d, err = e.newDriver(&davit.Environment{Application: p.application, Name: p.environment, Platform: req.Platform, Site: req.Site})
	if err != nil {
		return nil, err
	}
	return e.start(d), nil
}

// Watch returns a channel that receives after anything about any environment
// changed; several changes may come as one. It is closed after ctx ends.
func (e *Engine) Watch(ctx context.Context) <-chan struct{} { return e.changed.subscribe(ctx) }

// notFound reports whether err says that a thing is not there.
func notFound(err error) bool {
	e, ok := errors.AsType[*davit.Error](err)
	return ok && e.Code == davit.CodeNotFound
}
