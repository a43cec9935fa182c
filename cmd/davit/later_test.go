package main

import (
	"context"
	"errors"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/engine"
)

// one stands for a pair that can be had.
type one struct{}

func (one) Pin(context.Context, davit.Service) (string, error)        { return "sha256:00", nil }
func (one) Declare(context.Context, *davit.Release, davit.Size) error { return nil }
func (one) Instances(context.Context) ([]davit.Instance, error) {
	return []davit.Instance{{ID: "i"}}, nil
}
func (one) Routing(context.Context) (davit.Routing, error)       { return davit.Routing{Stable: "v1"}, nil }
func (one) Route(context.Context, davit.Routing) error           { return nil }
func (one) Drain(context.Context, *davit.Release) (int64, error) { return 7, nil }
func (one) Figures(context.Context) (davit.Figures, error)       { return davit.Figures{Boot: "b"}, nil }
func (one) Watch(context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	return c
}

func TestLater(t *testing.T) {
	missing := errors.New("no kubeconfig")
	var err error
	p := later(func() (engine.Platform, error) {
		return engine.Platform{Runtime: one{}, Router: one{}, Metrics: one{}}, err
	}).platform()
	calls := func() []error {
		digest, pin := p.Runtime.Pin(t.Context(), davit.Service{})
		instances, list := p.Runtime.Instances(t.Context())
		routing, ask := p.Router.Routing(t.Context())
		remaining, drain := p.Router.Drain(t.Context(), &davit.Release{})
		figures, read := p.Metrics.Figures(t.Context())
		if had := digest == "sha256:00" && len(instances) == 1 && routing.Stable == "v1" && remaining == 7 && figures.Boot == "b"; had != (err == nil) {
			t.Errorf("with %v: %q, %v, %v, %d, %v", err, digest, instances, routing, remaining, figures)
		}
		return []error{pin, list, ask, drain, read, p.Runtime.Declare(t.Context(), nil, nil), p.Router.Route(t.Context(), davit.Routing{})}
	}
	err = missing
	for i, got := range calls() {
		if !errors.Is(got, missing) {
			t.Errorf("call %d: %v", i, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	silent := p.Runtime.Watch(ctx)
	cancel()
	if _, open := <-silent; open {
		t.Error("what cannot be watched has changed")
	}
	err = nil
	for i, got := range calls() {
		if got != nil {
			t.Errorf("call %d: %v", i, got)
		}
	}
	<-p.Runtime.Watch(t.Context())
	<-p.Metrics.Watch(t.Context())
}

func TestDialled(t *testing.T) {
	for address, want := range map[string]struct {
		hostPort string
		tls      bool
	}{
		"http://shop.example.org":       {"shop.example.org:80", false},
		"https://shop.example.org":      {"shop.example.org:443", true},
		"https://[2001:db8::1]:8443/":   {"[2001:db8::1]:8443", true},
		"http://10.250.0.1:8000/prefix": {"10.250.0.1:8000", false},
	} {
		hostPort, tls, err := dialled(address)
		if hostPort != want.hostPort || tls != want.tls || err != nil {
			t.Errorf("dialled(%s) = %s, %t, %v", address, hostPort, tls, err)
		}
	}
}
