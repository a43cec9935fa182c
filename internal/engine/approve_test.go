package engine

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// The people of these tests.
const (
	anna = "uid 1 (anna)" // who deploys
	bob  = "token bob"
	cleo = "uid 3 (cleo)"
)

func approvalAt(at davit.Moment, p davit.ApprovalParams) davit.Hold {
	p.Count = max(p.Count, 1)
	if p.Within == 0 {
		p.Within = davit.Duration(24 * time.Hour)
	}
	return davit.Hold{At: at, Gate: davit.Approvals("approval", p)}
}

// askedFor is a deployment by anna with holds.
func askedFor(version string, policy davit.Policy, holds ...davit.Hold) DeployRequest {
	policy.Holds = holds
	req := request(version, policy)
	req.Actor = anna
	return req
}

// say gives a command and returns how it was answered.
func (b *bench) say(kind CommandKind, actor, reason string) error {
	_, err := b.engine.Command(b.Context(), Command{Application: "shop", Environment: "staging", Kind: kind, Actor: actor, Reason: reason})
	return err
}

// awaitApproval waits until the rollout waits for a person.
func (b *bench) awaitApproval(id string) *davit.Rollout {
	b.Helper()
	b.await(id, func(r *davit.Rollout) bool { return stageOf(r).OffClock() && !r.HeldAt.IsZero() })
	synctest.Wait()
	r, err := b.store.Rollout(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func TestApprovalHoldsUntilItIsGiven(t *testing.T) {
	for name, test := range map[string]struct {
		policy davit.Policy
		at     davit.Moment
		share  int // of the candidate while it waits
		runs   bool
	}{
		"before anything starts":      {canary(), davit.Moment{Kind: davit.BeforeStart}, 0, false},
		"before a canary's traffic":   {canary(), davit.Moment{Kind: davit.BeforeTraffic}, 0, true},
		"before the switch":           {blueGreen, davit.Moment{Kind: davit.BeforeTraffic}, 0, true},
		"before a weight":             {canary(), davit.Moment{Kind: davit.BeforeShare, Share: 250}, 50, true},
		"before promotion":            {canary(), davit.Moment{Kind: davit.BeforePromotion}, 1000, true},
		"before a rolling batch":      {rolling, davit.Moment{Kind: davit.BeforeShare, Share: 501}, 500, true},
		"before blue-green promotion": {blueGreen, davit.Moment{Kind: davit.BeforePromotion}, 1000, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.promoted(request("v1", blueGreen))
				r := b.deploy(askedFor("v2", test.policy, approvalAt(test.at, davit.ApprovalParams{})))
				b.awaitApproval(r.ID)
				time.Sleep(20 * time.Hour) // longer than deadline and patience
				r, _ = b.store.Rollout(t.Context(), r.ID)
				if r.Phase != davit.Running || b.world.split()[r.Plan.Target] != test.share {
					t.Fatalf("while it waits it is %s (%s) with %s", r.Phase, r.Cause, b.world.split())
				}
				runs := false
				for _, i := range b.world.all() {
					runs = runs || i.Release == r.Plan.Target
				}
				if runs != test.runs {
					t.Errorf("the candidate runs: %t, want %t", runs, test.runs)
				}
				if err := b.say(CommandApprove, bob, "tried it"); err != nil {
					t.Fatal(err)
				}
				r = b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase == davit.Watching || r.Phase.Ended() })
				if r.PromotedAt.IsZero() {
					t.Fatalf("ended %s: %s", r.Phase, r.Cause)
				}
				b.serves("v2")
				b.checkRecord()
			})
		})
	}
}

func TestApprovalIsRecordedWithItsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		r := b.deploy(askedFor("v2", blueGreen, approvalAt(davit.Moment{Kind: davit.BeforeTraffic}, davit.ApprovalParams{Count: 2})))
		waits := b.awaitApproval(r.ID)
		told := func(v davit.Verdict) bool { return strings.Contains(v.Reason, "davit approve staging --rollout "+r.ID) }
		if !slices.ContainsFunc(waits.Verdicts, told) {
			t.Errorf("nobody is told how to approve: %+v", waits.Verdicts)
		}
		for _, who := range []string{bob, cleo} {
			if err := b.say(CommandApprove, who, who+" tried it"); err != nil {
				t.Fatal(err)
			}
			b.stop() // what was given outlives the server
			b.boot()
		}
		r = b.await(r.ID, inPhase(davit.Watching))
		if len(r.Approvals) != 2 || r.Approvals[0].Actor != bob || r.Approvals[1].Reason != cleo+" tried it" {
			t.Errorf("recorded: %+v", r.Approvals)
		}
		audited := 0
		for _, e := range b.store.entries() {
			if e.Action == "rollout.approve" && e.Reason == e.Actor+" tried it" {
				audited++
			}
		}
		if audited != 2 {
			t.Errorf("%d approvals are audited, want 2", audited)
		}
	})
}

func TestWhoMayApprove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		two := davit.ApprovalParams{By: []davit.Approver{"user anna", "token b*", "uid 3"}, Count: 2}
		r := b.deploy(askedFor("v2", blueGreen, approvalAt(davit.Moment{Kind: davit.BeforeStart}, two)))
		b.awaitApproval(r.ID)
		refused := func(actor string, code davit.Code, why string) {
			t.Helper()
			if err := b.say(CommandApprove, actor, ""); davit.ErrorCode(err) != code || !strings.Contains(err.Error(), why) {
				t.Errorf("%s got %v, want %s: %s", actor, err, code, why)
			}
		}
		refused(anna, davit.CodeRefused, "asked for it")
		refused("uid 4 (dave)", davit.CodeRefused, "who may")
		refused("token ci", davit.CodeRefused, "who may")
		refused("unknown", davit.CodeRefused, "cannot tell who")
		if err := b.say(CommandApprove, bob, ""); err != nil {
			t.Fatal(err)
		}
		refused(bob, davit.CodeConflict, "already")
		passed := 0
		_, err := b.engine.Command(t.Context(), Command{Application: "shop", Environment: "staging", Kind: CommandApprove, Actor: cleo, Stage: ptr(passed + 1)})
		if davit.ErrorCode(err) != davit.CodeConflict {
			t.Errorf("a word to another stage: %v", err)
		}
		if err := b.say(CommandPromote, bob, ""); davit.ErrorCode(err) != davit.CodeConflict {
			t.Errorf("promote skipped the approval: %v", err)
		}
		if err := b.say(CommandApprove, cleo, ""); err != nil {
			t.Fatal(err)
		}
		b.await(r.ID, inPhase(davit.Watching))
		refused(cleo, davit.CodeConflict, "does not wait")
	})
}

func TestNobodyApproves(t *testing.T) {
	for name, test := range map[string]struct {
		do    func(*bench)
		cause string
	}{
		"in time":   {func(*bench) { time.Sleep(2 * time.Hour) }, "gate approval failed: nobody approved within 2h0m0s"},
		"by reject": {func(b *bench) { _ = b.say(CommandReject, bob, "not on Friday") }, "rejected by token bob: not on Friday"},
		"by the author's reject": {func(b *bench) {
			_ = b.say(CommandReject, anna, "wrong version")
		}, "rejected by uid 1 (anna): wrong version"},
		"because the server was away": {func(b *bench) {
			b.stop()
			time.Sleep(3 * time.Hour)
			b.boot()
		}, `passed in stage "approval before canary 50%"`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.promoted(request("v1", blueGreen))
				r := b.deploy(askedFor("v2", canary(), approvalAt(davit.Moment{Kind: davit.BeforeShare, Share: 500},
					davit.ApprovalParams{Within: davit.Duration(2 * time.Hour)})))
				b.awaitApproval(r.ID)
				if err := b.say(CommandReject, bob, ""); davit.ErrorCode(err) != davit.CodeInvalid {
					t.Errorf("reject without a reason: %v", err)
				}
				test.do(b)
				if r = b.await(r.ID, inPhase(davit.RolledBack)); !strings.Contains(r.Cause, test.cause) {
					t.Errorf("hauled back because %q, want %q", r.Cause, test.cause)
				}
				b.serves("v1")
			})
		})
	}
}

// TestCandidateIsWatchedWhileItWaits breaks it in the night before somebody
// would have approved.
func TestCandidateIsWatchedWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		errorGate := davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.01, MinRequests: 100})
		r := b.deploy(askedFor("v2", canary(errorGate), approvalAt(davit.Moment{Kind: davit.BeforeShare, Share: 500}, davit.ApprovalParams{})))
		b.awaitHeld(r.ID, 0)
		b.world.answer(r.Plan.Target, 200, 0)
		b.awaitApproval(r.ID)
		time.Sleep(8 * time.Hour)
		b.world.answer(r.Plan.Target, 100, 50)
		if r = b.await(r.ID, inPhase(davit.RolledBack)); !strings.Contains(r.Cause, "gate errors failed") {
			t.Errorf("hauled back because %q", r.Cause)
		}
	})
}

func TestDeadlineDoesNotCountPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		r := b.deploy(askedFor("v2", canary(), approvalAt(davit.Moment{Kind: davit.BeforeShare, Share: 500}, davit.ApprovalParams{})))
		b.awaitApproval(r.ID)
		time.Sleep(5 * time.Hour)
		b.world.fault(func() { b.world.routeErr = errSimulated })
		if err := b.say(CommandApprove, bob, ""); err != nil {
			t.Fatal(err)
		}
		approved := time.Now()
		r = b.await(r.ID, inPhase(davit.HaulingBack))
		if took := time.Since(approved); took > 15*time.Minute || took < 14*time.Minute {
			t.Errorf("hauled back %s after the approval (%s), want what was left of 15 minutes", took, r.Cause)
		}
		b.world.fault(func() { b.world.routeErr = nil })
		b.await(r.ID, inPhase(davit.RolledBack))
	})
}

func TestApprovalThatNobodyCouldGiveIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		for name, p := range map[string]davit.ApprovalParams{
			"only the author":  {By: []davit.Approver{"user anna"}, Count: 1, Within: 1},
			"two of one":       {By: []davit.Approver{bob}, Count: 2, Within: 1},
			"no time":          {Count: 1},
			"none of anything": {Within: 1},
		} {
			hold := davit.Hold{At: davit.Moment{Kind: davit.BeforeStart}, Gate: davit.Approvals("approval", p)}
			if _, err := b.engine.Deploy(t.Context(), askedFor("v2", blueGreen, hold)); davit.ErrorCode(err) != davit.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, kind := range []davit.MomentKind{davit.AfterPromotion, davit.AfterWatch, davit.AfterHaulBack} {
			hold := approvalAt(davit.Moment{Kind: kind}, davit.ApprovalParams{})
			if _, err := b.engine.Deploy(t.Context(), askedFor("v2", blueGreen, hold)); davit.ErrorCode(err) != davit.CodeInvalid {
				t.Errorf("%s: %v", kind, err)
			}
		}
	})
}
