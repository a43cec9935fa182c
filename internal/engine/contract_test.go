package engine

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// force gives a command past a contract step.
func (b *bench) force(kind CommandKind, reason string) error {
	_, err := b.engine.Command(b.Context(), Command{Application: "shop", Environment: "staging", Kind: kind, Actor: bob, Reason: reason, Force: true})
	return err
}

// blocked deploys v2 with a contract step before half of the traffic, and lets
// it fail after that.
func (b *bench) blocked() *davit.Rollout {
	b.Helper()
	b.promoted(request("v1", blueGreen))
	errorGate := davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.01, MinRequests: 10})
	r := b.deploy(askedFor("v2", canary(errorGate),
		davit.Hold{At: davit.Moment{Kind: davit.BeforeShare, Share: 500}, Gate: hookAt(davit.BeforeShare, "drop", davit.Contract).Gate}))
	b.awaitHeld(r.ID, 0)
	b.world.answer(r.Plan.Target, 100, 0)
	b.awaitShare(r.Plan.Target, 500)
	b.awaitHeld(r.ID, 2)
	b.world.answer(r.Plan.Target, 100, 50)
	return b.await(r.ID, inPhase(davit.Blocked))
}

func TestNothingHaulsBackPastAContract(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		r := b.blocked()
		if !strings.Contains(r.Cause, "gate errors failed") || !r.HauledAt.IsZero() {
			t.Errorf("blocked because %q", r.Cause)
		}
		time.Sleep(5 * time.Hour) // past the deadline
		b.stop()
		b.boot() // and a restart
		time.Sleep(time.Hour)
		r, _ = b.store.Rollout(t.Context(), r.ID)
		if r.Phase != davit.Blocked || b.world.split()[r.Plan.Target] != 500 {
			t.Fatalf("it is %s with %s", r.Phase, b.world.split())
		}
		for name, err := range map[string]error{
			"abort":          b.say(CommandAbort, bob, "why"),
			"a bare promote": b.say(CommandPromote, bob, "why"),
			"rollback":       b.rollback("", false),
		} {
			if davit.ErrorCode(err) != davit.CodeRefused {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := b.engine.Deploy(t.Context(), request("v3", blueGreen)); davit.ErrorCode(err) != davit.CodeConflict {
			t.Errorf("a deployment in its place: %v", err)
		}
		if err := b.force(CommandAbort, "v1 reads the new shape too"); err != nil {
			t.Fatal(err)
		}
		b.await(r.ID, inPhase(davit.RolledBack))
		b.serves("v1")
		forced := 0
		for _, e := range b.store.entries() {
			if e.Action == "rollout.force" && e.Actor == bob && e.Reason != "" {
				forced++
			}
		}
		if forced != 1 {
			t.Errorf("%d audit entries say that it was forced", forced)
		}
	})
}

// rollback asks to go back.
func (b *bench) rollback(to string, force bool) error {
	_, err := b.engine.Rollback(b.Context(), RollbackRequest{Application: "shop", Environment: "staging", To: to, Actor: bob, Reason: "why", Force: force})
	return err
}

func TestWaysOutOfBlocked(t *testing.T) {
	for name, test := range map[string]struct {
		do     func(*testing.T, *bench)
		phase  davit.Phase
		serves string
	}{
		"resume, and it is well": {func(t *testing.T, b *bench) {
			if err := b.say(CommandResume, bob, "the queue was full"); err != nil {
				t.Fatal(err)
			}
		}, davit.Promoted, "v2"},
		"promote": {func(t *testing.T, b *bench) {
			if err := b.force(CommandPromote, "v2 is the lesser evil"); err != nil {
				t.Fatal(err)
			}
		}, davit.Promoted, "v2"},
		"abandon": {func(t *testing.T, b *bench) {
			if err := b.say(CommandAbandon, bob, "v3 comes"); err != nil {
				t.Fatal(err)
			}
		}, davit.FailedPhase, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				r := b.blocked()
				test.do(t, b)
				for !r.Phase.Ended() {
					b.world.answer(r.Plan.Target, 100, 0)
					time.Sleep(10 * time.Second)
					r, _ = b.store.Rollout(t.Context(), r.ID)
				}
				if r.Phase != test.phase {
					t.Fatalf("ended %s: %s", r.Phase, r.Cause)
				}
				if test.serves != "" {
					b.serves(test.serves)
				} else if b.world.split()[r.Plan.Target] != 500 {
					t.Errorf("left with %s", b.world.split())
				}
				b.promoted(request("v3", blueGreen)) // the environment is free again
				b.serves("v3")
			})
		})
	}
}

func TestContractHookThatFailsBlocksAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		b.hooks.set("hook drop", hookFails)
		r := b.deploy(askedFor("v2", blueGreen, hookAt(davit.BeforePromotion, "drop", davit.Contract)))
		b.await(r.ID, inPhase(davit.Blocked))
		b.hooks.set("hook drop", hookSucceeds)
		if err := b.say(CommandResume, bob, "the disk was full"); err != nil {
			t.Fatal(err)
		}
		b.await(r.ID, inPhase(davit.Promoted))
		if n := b.hooks.ran(r.ID, "hook drop before promotion"); n != 2 {
			t.Errorf("it ran %d times, want 2", n)
		}
	})
}

func TestWatchPastAContractYieldsToAMendedRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		policy := blueGreen
		policy.Gates = []davit.Gate{davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.01, MinRequests: 10})}
		r := b.deploy(askedFor("v2", policy, hookAt(davit.AfterPromotion, "drop", davit.Contract)))
		b.awaitHeld(r.ID, 1)
		b.world.answer(r.Plan.Target, 100, 0)
		b.await(r.ID, func(r *davit.Rollout) bool { return stageOf(r).Name == "watch" && !r.HeldAt.IsZero() })
		synctest.Wait()
		b.world.answer(r.Plan.Target, 100, 100)
		b.await(r.ID, inPhase(davit.Blocked))
		b.serves("v2")
		b.promoted(request("v3", blueGreen))
		b.serves("v3")
	})
}

func TestNoRollbackPastAContractOfAPromotedRollout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		b.promoted(askedFor("v2", blueGreen, hookAt(davit.AfterWatch, "drop", davit.Contract)))
		b.promoted(request("v3", blueGreen))
		if err := b.rollback("v1", false); davit.ErrorCode(err) != davit.CodeRefused || !strings.Contains(err.Error(), "hook drop") {
			t.Fatalf("back to v1: %v", err)
		}
		if err := b.rollback("", false); err != nil { // v2 is what the data was contracted for
			t.Fatalf("back to v2: %v", err)
		}
		env, _ := b.store.Environment(t.Context(), "shop", "staging")
		b.await(env.Rollout, inPhase(davit.Promoted))
		b.serves("v2")
		if err := b.rollback("v1", true); err != nil {
			t.Fatal(err)
		}
		env, _ = b.store.Environment(t.Context(), "shop", "staging")
		b.await(env.Rollout, inPhase(davit.Promoted))
		b.serves("v1")
	})
}
