//go:build e2e && linux

package kubernetes

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestServerKilledInTheMiddle kills the server at random moments of rollouts, one
// of which is of a release that fails. The next server goes on or hauls back, and
// nobody else loses a request.
func TestServerKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	h := newHarbour(t, func(o *rig.Options) { o.Replicas = 2 })
	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(100)
	rounds := []struct {
		strategy rig.Strategy
		version  string
		faults   string
		end      davit.Phase
		stable   string
	}{
		{rig.Canary, "v2", "{}", davit.Promoted, "v2"},
		{rig.Rolling, "v1", "{}", davit.Promoted, "v1"},
		{rig.BlueGreen, "v2", "{}", davit.Promoted, "v2"},
		{gated(rig.Canary), "v3", `{"api": {"errorRate": 1}}`, davit.RolledBack, "v2"},
	}
	if prometheus == "" {
		rounds = rounds[:len(rounds)-1] // nobody would see that it fails
	}
	for _, r := range rounds {
		h.must(h.Fault(r.version, r.faults))
		h.must(h.Ask(t.Context(), r.strategy, r.version))
		<-time.After(rand.N(8 * time.Second)) // the moment is the test's, not the code's
		h.must(h.Break(syscall.SIGKILL))
		at := time.Now()
		h.must(h.Start(t.Context()))
		h.settled(r.end, r.stable)
		t.Logf("%s of %s was settled %s after the server was killed", r.strategy.Name, r.version, ms(time.Since(at)))
	}
	traffic.End()
	s := traffic.Snapshot()
	if bad := s.Releases["v3"].Failed; s.TotalLost() > bad {
		t.Errorf("lost %d of %d requests, %d of them to the release that fails: %v %+v", s.TotalLost(), s.Sent, bad, s.Lost, s.Samples)
	}
}

// gated has a strategy judged by its errors, for as long as it takes to see some.
func gated(s rig.Strategy) rig.Strategy {
	s.Gates, s.Rules = []string{rig.ErrorsGate}, strings.Replace(s.Rules, "bake: 500ms", "bake: 10s", 1)
	return s
}

// TestCandidateKeepsItsShareWithoutAServer leaves a canary without a server for
// longer than Davit's own proxy would let it: a Gateway goes on as it was told, and
// the server that comes back goes on from there.
func TestCandidateKeepsItsShareWithoutAServer(t *testing.T) {
	t.Parallel()
	h := newHarbour(t, func(o *rig.Options) { o.Replicas = 1 })
	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(50)
	h.must(h.Ask(t.Context(), rig.Strategy{Rules: "{canary: {steps: [50, 100], bake: 2s}}"}, "v2"))
	_, err := h.When(t.Context(), "the candidate has its share", func(s *rig.Status) bool { return len(s.Split) == 2 })
	h.must(err)
	h.must(h.Break(syscall.SIGKILL))
	<-time.After(12 * time.Second) // the lease of Davit's proxy is 10 s
	before := traffic.Mark()
	traffic.settle(100)
	window := traffic.Snapshot().Since(before)
	if n := window.Releases["v2"].Answered; n < 20 || n > 80 {
		t.Errorf("v2 answered %d of %d, want half", n, window.Answered)
	}
	h.must(h.Start(t.Context()))
	h.settled(davit.Promoted, "v2")
	traffic.lossless()
}
