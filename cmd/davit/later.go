package main

import (
	"context"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/engine"
)

// later stands in for a pair that cannot be had now, such as while a kubeconfig is
// missing. Every call tries to have it again, and says why it cannot. So what is
// wrong with one environment keeps the server from no other.
type later func() (engine.Platform, error)

// platform returns the stand-in as a pair.
func (l later) platform() engine.Platform {
	return engine.Platform{Runtime: laterRuntime{l}, Router: laterRouter{l}, Metrics: laterMetrics{l}}
}

type laterRuntime struct{ later }

func (l laterRuntime) Pin(ctx context.Context, service davit.Service) (string, error) {
	p, err := l.later()
	if err != nil {
		return "", err
	}
	return p.Runtime.Pin(ctx, service)
}

func (l laterRuntime) Declare(ctx context.Context, release *davit.Release, size davit.Size) error {
	p, err := l.later()
	if err != nil {
		return err
	}
	return p.Runtime.Declare(ctx, release, size)
}

func (l laterRuntime) Instances(ctx context.Context) ([]davit.Instance, error) {
	p, err := l.later()
	if err != nil {
		return nil, err
	}
	return p.Runtime.Instances(ctx)
}

func (l laterRuntime) Watch(ctx context.Context) <-chan struct{} {
	p, err := l.later()
	if err != nil {
		return silence(ctx)
	}
	return p.Runtime.Watch(ctx)
}

type laterRouter struct{ later }

func (l laterRouter) Routing(ctx context.Context) (davit.Routing, error) {
	p, err := l.later()
	if err != nil {
		return davit.Routing{}, err
	}
	return p.Router.Routing(ctx)
}

func (l laterRouter) Route(ctx context.Context, routing davit.Routing) error {
	p, err := l.later()
	if err != nil {
		return err
	}
	return p.Router.Route(ctx, routing)
}

func (l laterRouter) Drain(ctx context.Context, release *davit.Release) (int64, error) {
	p, err := l.later()
	if err != nil {
		return 0, err
	}
	return p.Router.Drain(ctx, release)
}

type laterMetrics struct{ later }

func (l laterMetrics) Figures(ctx context.Context) (davit.Figures, error) {
	p, err := l.later()
	if err != nil {
		return davit.Figures{}, err
	}
	return p.Metrics.Figures(ctx)
}

func (l laterMetrics) Watch(ctx context.Context) <-chan struct{} {
	p, err := l.later()
	if err != nil {
		return silence(ctx)
	}
	return p.Metrics.Watch(ctx)
}

// silence returns a channel that receives nothing, and is closed when ctx ends.
func silence(ctx context.Context) <-chan struct{} {
	c := make(chan struct{})
	context.AfterFunc(ctx, func() { close(c) })
	return c
}
