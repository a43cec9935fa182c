package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/engine"
)

// laterEvery is how often a pair that could not be had is tried again for those
// who watch it.
const laterEvery = 5 * time.Second

// later stands in for a pair that cannot be had now, such as while a kubeconfig is
// missing. Every call tries to have it again, and says why it cannot, until it is
// had for good. So what is wrong with one environment keeps the server from no
// other.
type later struct {
	connect func() (engine.Platform, error)

	mu   sync.Mutex
	pair *engine.Platform // nil until it could be had
}

// platform returns the stand-in as a pair.
func (l *later) platform() engine.Platform {
	return engine.Platform{Runtime: laterRuntime{l}, Router: laterRouter{l}, Metrics: laterMetrics{l}}
}

// now returns the pair, or why it cannot be had.
func (l *later) now() (engine.Platform, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pair == nil {
		p, err := l.connect()
		if err != nil {
			return engine.Platform{}, err
		}
		l.pair = &p
	}
	return *l.pair, nil
}

// eventually returns what watch gives once the pair can be had. It is closed after
// ctx ends.
func eventually[T any](ctx context.Context, l *later, watch func(engine.Platform) <-chan T) <-chan T {
	c := make(chan T)
	go func() {
		defer close(c)
		tick := time.NewTicker(laterEvery)
		defer tick.Stop()
		p, err := l.now()
		for err != nil {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				p, err = l.now()
			}
		}
		from := watch(p)
		if from == nil {
			<-ctx.Done()
			return
		}
		for v := range from {
			select {
			case c <- v:
			case <-ctx.Done():
				return
			}
		}
	}()
	return c
}

type laterRuntime struct{ *later }

func (l laterRuntime) Pin(ctx context.Context, service davit.Service) (string, error) {
	p, err := l.now()
	if err != nil {
		return "", err
	}
	return p.Runtime.Pin(ctx, service)
}

func (l laterRuntime) Declare(ctx context.Context, release *davit.Release, size davit.Size) error {
	p, err := l.now()
	if err != nil {
		return err
	}
	return p.Runtime.Declare(ctx, release, size)
}

// Claim is engine.Claimer's.
func (l laterRuntime) Claim(ctx context.Context) error {
	p, err := l.now()
	if err != nil {
		return err
	}
	if c, ok := p.Runtime.(engine.Claimer); ok {
		return c.Claim(ctx)
	}
	return nil
}

func (l laterRuntime) Instances(ctx context.Context) ([]davit.Instance, error) {
	p, err := l.now()
	if err != nil {
		return nil, err
	}
	return p.Runtime.Instances(ctx)
}

func (l laterRuntime) Watch(ctx context.Context) <-chan struct{} {
	return eventually(ctx, l.later, func(p engine.Platform) <-chan struct{} { return p.Runtime.Watch(ctx) })
}

// Stray is engine.Strayer's.
func (l laterRuntime) Stray(ctx context.Context) <-chan string {
	return eventually(ctx, l.later, func(p engine.Platform) <-chan string {
		if s, ok := p.Runtime.(engine.Strayer); ok {
			return s.Stray(ctx)
		}
		return nil
	})
}

// Carry is engine.Carrier's.
func (l laterRuntime) Carry(i davit.Instance) http.RoundTripper {
	p, err := l.now()
	if err != nil {
		return carrying(func(*http.Request) (*http.Response, error) { return nil, err })
	}
	if c, ok := p.Runtime.(engine.Carrier); ok {
		return c.Carry(i)
	}
	return http.DefaultTransport
}

// carrying is an http.RoundTripper of a function.
type carrying func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (c carrying) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

type laterRouter struct{ *later }

func (l laterRouter) Routing(ctx context.Context) (davit.Routing, error) {
	p, err := l.now()
	if err != nil {
		return davit.Routing{}, err
	}
	return p.Router.Routing(ctx)
}

func (l laterRouter) Route(ctx context.Context, routing davit.Routing) error {
	p, err := l.now()
	if err != nil {
		return err
	}
	return p.Router.Route(ctx, routing)
}

func (l laterRouter) Drain(ctx context.Context, release *davit.Release) (int64, error) {
	p, err := l.now()
	if err != nil {
		return 0, err
	}
	return p.Router.Drain(ctx, release)
}

// FrontDoor is fronted's.
func (l laterRouter) FrontDoor(ctx context.Context) (address string, chooses bool, err error) {
	p, err := l.now()
	if err != nil {
		return "", false, err
	}
	if f, ok := p.Router.(fronted); ok {
		return f.FrontDoor(ctx)
	}
	return "", false, nil
}

// Effect is engine.Observer's.
func (l laterRouter) Effect() string {
	if p, err := l.now(); err == nil {
		if o, ok := p.Router.(engine.Observer); ok {
			return o.Effect()
		}
	}
	return ""
}

// Keeps is engine.Coarse's.
func (l laterRouter) Keeps(state davit.State, releases []*davit.Release) davit.Split {
	if p, err := l.now(); err == nil {
		if c, ok := p.Router.(engine.Coarse); ok {
			return c.Keeps(state, releases)
		}
	}
	return state.Split
}

// Check is engine.Checker's.
func (l laterRouter) Check(ctx context.Context, from, to *davit.Release) error {
	p, err := l.now()
	if err != nil {
		return err
	}
	if c, ok := p.Router.(engine.Checker); ok {
		return c.Check(ctx, from, to)
	}
	return nil
}

// Drift is engine.Drifter's.
func (l laterRouter) Drift(ctx context.Context) <-chan davit.Split {
	return eventually(ctx, l.later, func(p engine.Platform) <-chan davit.Split {
		if d, ok := p.Router.(engine.Drifter); ok {
			return d.Drift(ctx)
		}
		return nil
	})
}

type laterMetrics struct{ *later }

func (l laterMetrics) Figures(ctx context.Context) (davit.Figures, error) {
	p, err := l.now()
	if err != nil {
		return davit.Figures{}, err
	}
	return p.Metrics.Figures(ctx)
}

func (l laterMetrics) Watch(ctx context.Context) <-chan struct{} {
	return eventually(ctx, l.later, func(p engine.Platform) <-chan struct{} { return p.Metrics.Watch(ctx) })
}
