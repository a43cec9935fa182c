//go:build e2e && linux

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
	"github.com/davit-dev/davit/internal/receipt"
)

// harbour is a place with an installation of Davit, whose server runs.
type harbour struct {
	*place
	*rig.Rig
}

// newHarbour makes a harbour; change may change what it is made of.
func newHarbour(t *testing.T, change ...func(*rig.Options)) *harbour {
	t.Helper()
	p := newPlace(t)
	options := rig.Options{Davit: davitPath, Space: p.Space, Prometheus: prometheus}
	for _, c := range change {
		c(&options)
	}
	r, err := rig.New(t.Context(), options)
	p.must(err)
	t.Cleanup(func() {
		if t.Failed() {
			did, err := r.Run(context.Background(), "audit", "list", "--limit", "0")
			t.Logf("what the server did:\n%s %v\nits log:\n%s", did.Stdout, err, r.Log())
		}
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	p.must(r.Start(t.Context()))
	return &harbour{p, r}
}

// promote deploys a version, and wants it to be promoted.
func (h *harbour) promote(s rig.Strategy, version string) *rig.Deployment {
	h.Helper()
	d, err := h.Promote(h.Context(), s, version)
	h.must(err)
	return d
}

// haulBack deploys a version, and wants it to be hauled back.
func (h *harbour) haulBack(s rig.Strategy, version string) *rig.Deployment {
	h.Helper()
	d, err := h.Deploy(h.Context(), s, version)
	h.must(err)
	if d.Exit != 3 {
		h.Fatalf("deploying %s by %s exited %d, want 3: %s", version, s.Name, d.Exit, d.Story())
	}
	return d
}

// order gives an order to the rollout.
func (h *harbour) order(order string, args ...string) {
	h.Helper()
	h.must(h.Order(h.Context(), order, args...))
}

// when waits until the environment is so.
func (h *harbour) when(what string, so func(*rig.Status) bool) *rig.Status {
	h.Helper()
	s, err := h.When(h.Context(), what, so)
	h.must(err)
	return s
}

// waits waits until the rollout is at an approval, with shares of both releases.
func (h *harbour) waits() *rig.Status {
	h.Helper()
	return h.when("the rollout waits for an approval, with both releases serving", awaited)
}

// awaited reports whether a rollout waits for an approval, with shares of both releases.
func awaited(s *rig.Status) bool {
	return s.Rollout.Step == davit.StepHold && len(s.Split) == 2 && slices.ContainsFunc(s.Rollout.Plan.Stages[s.Rollout.Stage].Gates, func(g davit.Gate) bool {
		return g.Kind == davit.GateApproval
	})
}

// receipt waits for the receipt of a rollout, and verifies it.
func (h *harbour) receipt(rollout string) receipt.Predicate {
	h.Helper()
	file := filepath.Join(h.TempDir(), "receipt.json")
	h.until("the rollout has a receipt", func(ctx context.Context) error {
		result, err := h.Run(ctx, "receipt", "export", rollout, file)
		if err == nil && result.Exit != 0 {
			err = errors.New(result.Stderr)
		}
		return err
	})
	result, err := h.Run(h.Context(), "receipt", "verify", file)
	h.must(err)
	if result.Exit != 0 {
		h.Fatalf("davit receipt verify exited %d: %s", result.Exit, result.Stderr)
	}
	text, err := os.ReadFile(file)
	h.must(err)
	statement, _, err := receipt.Read(text)
	h.must(err)
	return statement.Predicate
}

// settled waits for the end of the rollout, and wants a version to be what runs,
// alone.
func (h *harbour) settled(phase davit.Phase, version string) {
	h.Helper()
	h.must(h.ends(h.Context(), phase, version))
}

// ends waits for the end of the rollout, and returns what is not as it should be.
func (h *harbour) ends(ctx context.Context, phase davit.Phase, version string) error {
	s, err := h.Settled(ctx)
	if err != nil {
		return err
	}
	stable := s.Environment.Stable
	if s.Rollout.Phase != phase || stable.Short() != version || len(s.Environment.State.Run) != 1 || s.Split[stable] != davit.Whole {
		return fmt.Errorf("the rollout is %s (%s), stable is %s, %v runs with split %v; want %s, and %s alone",
			s.Rollout.Phase, s.Rollout.Cause, stable, s.Environment.State.Run, s.Split, phase, version)
	}
	return nil
}

// on is the harbour of a part of its test.
func (h *harbour) on(t *testing.T) *harbour {
	p := *h.place
	p.T = t
	return &harbour{&p, h.Rig}
}
