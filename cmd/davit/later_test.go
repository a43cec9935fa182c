package main

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

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
func (one) Effect() string                                       { return "seen" }
func (one) Keeps(davit.State, []*davit.Release) davit.Split      { return davit.All("v9") }
func (one) Carry(i davit.Instance) http.RoundTripper {
	return http.NewFileTransport(http.Dir(i.Address))
}
func (one) Check(context.Context, *davit.Release, *davit.Release) error { return nil }
func (one) Watch(ctx context.Context) <-chan struct{}                   { return announced(ctx, struct{}{}) }
func (one) Drift(ctx context.Context) <-chan davit.Split                { return announced(ctx, davit.All("v2")) }
func (one) Stray(ctx context.Context) <-chan string                     { return announced(ctx, "gone") }

// announced returns a channel that receives v, and is closed when ctx ends.
func announced[T any](ctx context.Context, v T) <-chan T {
	c := make(chan T, 1)
	c <- v
	context.AfterFunc(ctx, func() { close(c) })
	return c
}

// calls calls everything of a stand-in, and returns the errors; it fails the test
// when the answers are not those of one exactly when err is nil.
func calls(t *testing.T, p engine.Platform, err error) []error {
	t.Helper()
	digest, pin := p.Runtime.Pin(t.Context(), davit.Service{})
	instances, list := p.Runtime.Instances(t.Context())
	routing, ask := p.Router.Routing(t.Context())
	remaining, drain := p.Router.Drain(t.Context(), &davit.Release{})
	figures, read := p.Metrics.Figures(t.Context())
	effect := p.Router.(engine.Observer).Effect()
	kept := p.Router.(engine.Coarse).Keeps(davit.State{Split: davit.All("v1")}, nil)
	had := digest == "sha256:00" && len(instances) == 1 && routing.Stable == "v1" && remaining == 7 &&
		figures.Boot == "b" && effect == "seen" && kept.Equal(davit.All("v9"))
	if had != (err == nil) {
		t.Errorf("with %v: %q, %v, %v, %d, %v, %q, %s", err, digest, instances, routing, remaining, figures, effect, kept)
	}
	request, bad := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://web/later_test.go", http.NoBody)
	if bad != nil {
		t.Fatal(bad)
	}
	answer, carry := p.Runtime.(engine.Carrier).Carry(davit.Instance{Address: "."}).RoundTrip(request)
	if carry == nil {
		carry = answer.Body.Close()
	}
	return []error{carry, pin, list, ask, drain, read, p.Runtime.Declare(t.Context(), nil, nil), p.Router.Route(t.Context(), davit.Routing{}), p.Router.(engine.Checker).Check(t.Context(), nil, nil)}
}

func TestLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		missing := errors.New("no kubeconfig")
		err, tries := missing, 0
		l := &later{connect: func() (engine.Platform, error) {
			tries++
			return engine.Platform{Runtime: one{}, Router: one{}, Metrics: one{}}, err
		}}
		p := l.platform()
		for i, got := range calls(t, p, err) {
			if !errors.Is(got, missing) {
				t.Errorf("call %d: %v", i, got)
			}
		}
		instances, figures := p.Runtime.Watch(t.Context()), p.Metrics.Watch(t.Context())
		drift, stray := p.Router.(engine.Drifter).Drift(t.Context()), p.Runtime.(engine.Strayer).Stray(t.Context())
		time.Sleep(3 * laterEvery)
		synctest.Wait()
		select {
		case <-instances:
			t.Error("what cannot be watched has changed")
		default:
		}
		l.mu.Lock()
		err, tries = nil, 0
		l.mu.Unlock()
		<-instances
		<-figures
		if split, what := <-drift, <-stray; !split.Equal(davit.All("v2")) || what != "gone" {
			t.Errorf("somebody else made it %s and %q", split, what)
		}
		for i, got := range calls(t, p, nil) {
			if got != nil {
				t.Errorf("call %d: %v", i, got)
			}
		}
		if tries != 1 {
			t.Errorf("the pair was made %d times: what it knew is lost", tries)
		}
	})
}

// A watch ends with its context, whether the pair could be had or not.
func TestLaterEnds(t *testing.T) {
	for name, err := range map[string]error{"missing": errors.New("no kubeconfig"), "had": nil} {
		synctest.Test(t, func(t *testing.T) {
			l := &later{connect: func() (engine.Platform, error) { return engine.Platform{Runtime: one{}}, err }}
			ctx, cancel := context.WithCancel(t.Context())
			watch := l.platform().Runtime.Watch(ctx)
			if err == nil {
				<-watch
			}
			synctest.Wait()
			cancel()
			if _, open := <-watch; open {
				t.Errorf("%s: what is no longer watched has changed", name)
			}
		})
	}
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
