package engine

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// weekend is a policy that is frozen until Monday; simulated time begins on a
// Saturday, 2000-01-01.
func weekend(t *testing.T, policy davit.Policy) davit.Policy {
	t.Helper()
	f := davit.Freeze{Name: "weekend", Zone: "Europe/Berlin", Weekly: make([]davit.WeekSpan, 1)}
	if err := f.Weekly[0].UnmarshalText([]byte("Fri 16:00 - Mon 08:00")); err != nil {
		t.Fatal(err)
	}
	policy.Freezes = []davit.Freeze{f}
	return policy
}

var monday = time.Date(2000, 1, 3, 7, 0, 0, 0, time.UTC)

func TestFrozenDeploymentIsRefusedAndGoingBackIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		req := request("v2", weekend(t, blueGreen))
		_, err := b.engine.Deploy(t.Context(), req)
		if davit.ErrorCode(err) != davit.CodeRefused || !strings.Contains(err.Error(), "shop/staging is frozen (weekend) until Mon 2000-01-03 07:00 UTC") {
			t.Fatalf("a frozen deployment got %v", err)
		}
		p, err := b.engine.Propose(t.Context(), req)
		if err != nil || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "is frozen") {
			t.Errorf("the plan says %q, %v", p.Notes, err)
		}
		req.OverrideFreeze = true
		if _, err := b.engine.Deploy(t.Context(), req); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("overriding without a reason: %v", err)
		}
		req.Reason = "the door is open"
		r := b.promoted(req)
		overridden := 0
		for _, e := range b.store.entries() {
			if e.Action == "rollout.override_freeze" && e.Rollout == r.ID && e.Reason == req.Reason && strings.Contains(string(e.After), "weekend") {
				overridden++
			}
		}
		if overridden != 1 {
			t.Errorf("%d audit entries say that the freeze was overridden", overridden)
		}
		if err := b.rollback("", false); err != nil {
			t.Errorf("going back is frozen: %v", err)
		}
		env, _ := b.store.Environment(t.Context(), "shop", "staging")
		b.await(env.Rollout, inPhase(davit.Promoted))
		b.serves("v1")
	})
}

func TestQueuedDeploymentWaitsForTheEndOfAFreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		req := request("v2", weekend(t, blueGreen))
		req.Queue = true
		waits := b.deploy(req)
		time.Sleep(10 * time.Hour)
		b.stop()
		b.boot() // it waits in a restarted server too
		time.Sleep(time.Hour)

		b.promoted(request("v3", blueGreen)) // others need not wait for it
		if err := b.rollback("", false); err != nil {
			t.Fatalf("going back waits for the queue: %v", err)
		}
		env, _ := b.store.Environment(t.Context(), "shop", "staging")
		b.await(env.Rollout, inPhase(davit.Promoted))
		urgent := request("v4", weekend(t, blueGreen))
		urgent.OverrideFreeze, urgent.Reason = true, "the door is open"
		b.promoted(urgent)

		said := 0
		events, _ := b.store.Events(t.Context(), waits.ID, 0, 1000)
		for _, e := range events {
			if strings.Contains(e.Message, "waits: staging is frozen (weekend) until Mon") {
				said++
			}
		}
		if said != 2 {
			t.Errorf("said %d times that it waits, want once by each server", said)
		}
		time.Sleep(time.Until(monday.Add(-time.Second)))
		if r, _ := b.store.Rollout(t.Context(), waits.ID); r.Phase != davit.Queued {
			t.Fatalf("before Monday it is %s", r.Phase)
		}
		r := b.await(waits.ID, inPhase(davit.Promoted))
		if late := r.StartedAt.Sub(monday); late < 0 || late > time.Second {
			t.Errorf("began %s after the freeze", late)
		}
		b.serves("v2")
	})
}

func TestRolloutThatIsUnderWayIsNotFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		time.Sleep(time.Until(monday.AddDate(0, 0, 4).Add(8*time.Hour - 5*time.Second))) // Friday, just before
		r := b.promoted(request("v2", weekend(t, canary())))
		if took := r.PromotedAt.Sub(r.StartedAt); took < 10*time.Second {
			t.Errorf("promoted after %s, before the freeze began", took)
		}
	})
}
