//go:build e2e && linux

package kubernetes

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
	"github.com/davit-dev/davit/internal/receipt"
)

// TestServerKilledInTheMiddle kills the server at random moments of rollouts, some of
// which are of a release that fails, again and again. The next server goes on or hauls
// back, every rollout ends once, and nobody else loses a request.
func TestServerKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	seed := seeded(t)
	for i, course := range []struct {
		kills  int
		rounds []round
	}{
		{7, []round{{rig.Canary, "v2", davit.Promoted, "v2"}, {rig.Rolling, "v1", davit.Promoted, "v1"}}},
		{7, []round{{gated(rig.Canary), "v3", davit.RolledBack, "v1"}, {rig.BlueGreen, "v2", davit.Promoted, "v2"}, {rig.Canary, "v1", davit.Promoted, "v1"}}},
		{6, []round{{rig.Rolling, "v2", davit.Promoted, "v2"}, {rig.BlueGreen, "v1", davit.Promoted, "v1"}}},
	} {
		t.Run("Course"+strconv.Itoa(i+1), func(t *testing.T) {
			t.Parallel()
			killedInTheMiddle(t, course.kills, course.rounds, rand.New(rand.NewPCG(seed, uint64(i)))) //nolint:gosec // draws moments, guards nothing
		})
	}
}

// killedInTheMiddle leads an environment through rounds, which end where they began, until
// so many kills have met one.
func killedInTheMiddle(t *testing.T, kills int, rounds []round, random *rand.Rand) {
	t.Helper()
	h := newHarbour(t, func(o *rig.Options) { o.Replicas = 2 })
	h.must(h.Fault("v3", `{"api": {"errorRate": 1}}`))
	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(30)
	if prometheus == "" { // nobody would see that v3 fails
		rounds = slices.DeleteFunc(rounds, func(r round) bool { return r.end == davit.RolledBack })
	}
	for n, killed := 0, 0; killed < kills; n++ {
		killed += h.haunt(rounds[n%len(rounds)], random)
	}
	traffic.End()
	s := traffic.Snapshot()
	t.Logf("%d requests, %d lost", s.Sent, s.TotalLost())
	if bad := s.Releases["v3"].Failed; s.TotalLost() > bad {
		h.Errorf("lost %d of %d requests, %d of them to the release that fails: %v %+v", s.TotalLost(), s.Sent, bad, s.Lost, s.Samples)
	}
}

// round is a rollout, and how it is to end.
type round struct {
	strategy rig.Strategy
	version  string
	end      davit.Phase
	stable   string
}

// haunt kills the server at some moments of a rollout, and returns how often it did
// before the rollout had ended.
func (h *harbour) haunt(r round, random *rand.Rand) (killed int) {
	h.Helper()
	h.must(h.Ask(h.Context(), r.strategy, r.version))
	began := time.Now()
	asked, err := h.Status(h.Context())
	h.must(err)
	const most = 5 // of one rollout, so that it ends
	var status *rig.Status
	for range most {
		<-time.After(time.Duration(random.Int64N(int64(3 * time.Second)))) // the moment is the test's, not the code's
		at := time.Now()
		h.must(h.Break(syscall.SIGKILL))
		h.must(h.Start(h.Context()))
		status, err = h.Status(h.Context())
		h.must(err)
		if ended := status.Rollout.EndedAt; !ended.IsZero() && ended.Before(at) {
			break
		}
		killed++
		h.Logf("%s of %s: killed %s after it was asked for; the next server finds it %s, at stage %d of %d", r.strategy.Name, r.version,
			ms(at.Sub(began)), status.Rollout.Phase, status.Rollout.Stage+1, len(status.Rollout.Plan.Stages))
	}
	h.settled(r.end, r.stable)
	h.Logf("%s of %s was %s %s after it was asked for", r.strategy.Name, r.version, r.end, ms(time.Since(began)))
	if status.Rollout.ID != asked.Rollout.ID {
		h.Errorf("the rollout was %s, and then %s", asked.Rollout.ID, status.Rollout.ID)
	}
	h.once(asked.Rollout.ID, r.end)
	return killed
}

// once wants a rollout to have ended one time alone.
func (h *harbour) once(rollout string, end davit.Phase) {
	h.Helper()
	if p := h.receipt(rollout); p.Outcome != end {
		h.Errorf("the receipt says %s, want %s", p.Outcome, end)
	}
	result, err := h.Run(h.Context(), "audit", "list", "--rollout", rollout, "--limit", "0", "--output", "json")
	h.must(err)
	receipts := 0
	for line := range strings.Lines(result.Stdout) {
		var entry davit.AuditEntry
		h.must(json.Unmarshal([]byte(line), &entry))
		if entry.Action == receipt.Action {
			receipts++
		}
	}
	if receipts != 1 {
		h.Errorf("there are %d receipts of one rollout", receipts)
	}
}

// seeded returns a seed of moments that are drawn, and tells it: SEED, or a new one.
func seeded(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any number will do
	if text := os.Getenv("SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("SEED is %q, which is no number", text)
		}
	}
	t.Logf("SEED=%d", seed)
	return seed
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
	traffic := h.begin(30)
	h.must(h.Ask(t.Context(), rig.Strategy{Rules: "{canary: {steps: [50, 100], bake: 2s}}"}, "v2"))
	_, err := h.When(t.Context(), "the candidate has its share", func(s *rig.Status) bool { return len(s.Split) == 2 })
	h.must(err)
	h.must(h.Break(syscall.SIGKILL))
	<-time.After(12 * time.Second) // the lease of Davit's proxy is 10 s
	before := traffic.Mark()
	traffic.settle(100)
	window := traffic.Snapshot().Since(before)
	if n := window.Releases["v2"].Answered; n < 20 || n > 80 {
		h.Errorf("v2 answered %d of %d, want half", n, window.Answered)
	}
	h.must(h.Start(t.Context()))
	h.settled(davit.Promoted, "v2")
	traffic.lossless()
}
