package engine

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// TestRandomHoldsKeepTheirWord simulates rollouts with approvals, hooks and
// contract steps, under the faults of TestRandomRolloutsEndWhole and hooks that
// fail, hang and crash with their server. Nothing is promoted without its
// approvals on record, nothing hauls back by itself after a contract step, and
// every rollout ends, once people have decided what they have to.
func TestRandomHoldsKeepTheirWord(t *testing.T) {
	if *onlySeed != 0 {
		synctest.Test(t, func(t *testing.T) { simulateHolds(t, *onlySeed) })
		return
	}
	t.Run("all", func(t *testing.T) {
		lanes := runtime.GOMAXPROCS(0)
		for lane := range lanes {
			t.Run(fmt.Sprint("lane", lane), func(t *testing.T) {
				t.Parallel()
				for seed := lane + 1; seed <= *simulations/4 && !t.Failed(); seed += lanes {
					synctest.Test(t, func(t *testing.T) { simulateHolds(t, uint64(seed)) })
				}
			})
		}
	})
}

func simulateHolds(t *testing.T, seed uint64) {
	defer func() {
		if t.Failed() {
			t.Logf("replay with: go test ./internal/engine -run TestRandomHoldsKeepTheirWord -simulation-seed=%d", seed)
		}
	}()
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a simulation is to be replayable
	b := newBench(t)
	b.promoted(request("v1", davit.Policy{Strategy: davit.Strategy{Kind: davit.KindBlueGreen}}))
	req := askedFor("v2", randomPolicy(random), randomHolds(random)...)
	r := b.deploy(req)
	for end := time.Now().Add(faultTime); time.Now().Before(end) && !r.Phase.Ended(); {
		time.Sleep(time.Duration(random.Int64N(int64(20 * time.Second))))
		switch random.IntN(8) {
		case 0:
			b.hooks.set("hook "+string(rune('a'+random.IntN(4))), hookDoes(random.IntN(4)))
		case 1:
			b.people(random)
		case 2:
			b.restart(random, r.ID)
		default:
			b.interfere(random, r.Plan.Target)
		}
		r, _ = b.store.Rollout(t.Context(), r.ID)
	}
	b.heal()
	for name := range 4 {
		b.hooks.set("hook "+string(rune('a'+name)), hookSucceeds)
	}
	for limit := time.Now().Add(12 * time.Hour); !r.Phase.Ended(); {
		if time.Now().After(limit) {
			t.Fatalf("still %s in stage %q: %s", r.Phase, stageOf(r).Name, r.Cause)
		}
		b.world.answer(r.Plan.Target, 100, 0)
		b.decideFor(r)
		time.Sleep(10 * time.Second)
		r, _ = b.store.Rollout(t.Context(), r.ID)
	}
	time.Sleep(time.Minute)
	b.checkHolds(r)
	if r.Phase != davit.FailedPhase { // which leaves everything as it stands
		b.checkWhole(r)
	}
}

// randomHolds returns up to four approvals and hooks at random moments.
func randomHolds(random *rand.Rand) []davit.Hold {
	var holds []davit.Hold
	for i := range random.IntN(5) {
		kinds := []davit.MomentKind{davit.BeforeStart, davit.BeforeTraffic, davit.BeforeStep, davit.BeforePromotion, davit.AfterPromotion, davit.AfterWatch, davit.AfterHaulBack}
		kind := kinds[random.IntN(len(kinds))]
		if i := slices.Index(kinds, kind); i < 4 && random.IntN(2) == 0 {
			holds = append(holds, approvalAt(davit.Moment{Kind: kind}, davit.ApprovalParams{
				Count: 1 + random.IntN(2), Within: davit.Duration(time.Duration(1+random.IntN(120)) * time.Minute),
			}))
			continue
		}
		migrations := []davit.Migration{"", davit.Expand, davit.Contract}
		holds = append(holds, hookAt(kind, string(rune('a'+i)), migrations[random.IntN(len(migrations))]))
	}
	return holds
}

// people say something at random, which may be refused.
func (b *bench) people(random *rand.Rand) {
	who := []string{anna, bob, cleo}[random.IntN(3)]
	kind := []CommandKind{CommandApprove, CommandApprove, CommandApprove, CommandReject, CommandResume}[random.IntN(5)]
	switch code := davit.ErrorCode(b.say(kind, who, "simulated")); code {
	case "", davit.CodeConflict, davit.CodeRefused, davit.CodeInternal:
	default:
		b.Errorf("%s by %s: %s", kind, who, code)
	}
}

// decideFor does what a rollout waits for people to do. Commands may be refused,
// as it goes on meanwhile.
func (b *bench) decideFor(r *davit.Rollout) {
	if r.Phase == davit.Blocked {
		_ = b.force(CommandPromote, "simulated")
		_ = b.say(CommandAbandon, bob, "simulated")
		return
	}
	for _, who := range []string{bob, cleo} {
		_ = b.say(CommandApprove, who, "simulated")
	}
}

// checkHolds holds the record to what approvals and contracts promise.
func (b *bench) checkHolds(r *davit.Rollout) {
	b.Helper()
	if !r.PromotedAt.IsZero() && !b.audited(r.ID, "rollout.force") {
		for i, s := range r.Plan.Stages[:r.Plan.PromotedAt()+1] {
			for _, g := range s.Gates {
				if p, err := approvalOf(g); g.Kind == davit.GateApproval {
					given := map[string]bool{}
					for _, a := range r.Approvals {
						if a.Stage == i && a.Actor != r.Actor {
							given[a.Actor] = true
						}
					}
					if err != nil || len(given) < p.Count {
						b.Errorf("promoted with %d approvals of %d for stage %q", len(given), p.Count, s.Name)
					}
				}
			}
		}
	}
	if gate, contracted := r.Contracted(); contracted && r.Phase == davit.RolledBack && !b.audited(r.ID, "rollout.force") {
		b.Errorf("rolled back past %s: %s", gate, r.Cause)
	}
	for _, a := range r.Approvals {
		if !slices.ContainsFunc(b.store.entries(), func(e davit.AuditEntry) bool {
			return e.Action == "rollout.approve" && e.Rollout == r.ID && e.Actor == a.Actor
		}) {
			b.Errorf("an approval by %s is in no audit entry", a.Actor)
		}
	}
	b.checkRecord()
}

func (b *bench) audited(rollout, action string) bool {
	return slices.ContainsFunc(b.store.entries(), func(e davit.AuditEntry) bool { return e.Rollout == rollout && e.Action == action })
}
