package engine

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

var (
	blueGreen = davit.Policy{Strategy: davit.Strategy{Kind: davit.KindBlueGreen}, RollbackWindow: davit.Duration(5 * time.Minute)}
	rolling   = davit.Policy{Strategy: davit.Strategy{Kind: davit.KindRolling, Rolling: davit.RollingOptions{
		Batch: davit.Amount{Count: 2}, MaxSurge: davit.Amount{Count: 1}, MaxUnavailable: davit.Amount{Count: 1},
	}}}
)

func canary(gates ...davit.Gate) davit.Policy {
	bake := davit.Duration(10 * time.Second)
	return davit.Policy{Strategy: davit.Strategy{Kind: davit.KindCanary, Canary: davit.CanaryOptions{Steps: []davit.CanaryStep{
		{Weight: 50, Bake: bake}, {Weight: 500, Bake: bake}, {Weight: 1000, Bake: bake},
	}}}, Gates: gates, RollbackWindow: davit.Duration(5 * time.Minute)}
}

func TestRolloutsPromote(t *testing.T) {
	for name, policy := range map[string]davit.Policy{"blueGreen": blueGreen, "canary": canary(), "rolling": rolling} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.promoted(request("v1", policy))
				r := b.promoted(request("v2", policy))
				b.serves("v2")
				for _, i := range b.world.all() {
					if i.Release != r.Plan.Target {
						t.Errorf("%s of %s still runs", i.Service, i.Release)
					}
				}
				env, err := b.store.Environment(t.Context(), "shop", "staging")
				if err != nil {
					t.Fatal(err)
				}
				if env.Stable != r.Plan.Target || env.Previous.Short() != "v1" || env.Rollout != "" {
					t.Errorf("environment is %+v", env)
				}
				for i, split := range b.world.history() {
					if err := split.Check(); err != nil {
						t.Errorf("routed split %d: %v", i, err)
					}
				}
			})
		})
	}
}

func TestCandidateIsHauledBack(t *testing.T) {
	errorGate := davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.01, MinRequests: 100})
	for name, test := range map[string]struct {
		policy davit.Policy
		make   func(*bench)                  // before the deployment
		during func(*bench, davit.ReleaseID) // once it runs
		cause  string
	}{
		"never ready": {blueGreen, func(b *bench) { b.world.fault(func() { b.world.neverReady["v2"] = true }) }, nil, "is starting: its probe is answered 503"},
		"crash loop":  {blueGreen, func(b *bench) { b.world.fault(func() { b.world.crashing["v2"] = true }) }, nil, "crash loop: exited 3"},
		"errors": {canary(errorGate), nil, func(b *bench, id davit.ReleaseID) {
			b.awaitShare(id, 50)
			time.Sleep(2 * stopTime) // the stage is held
			b.world.answer(id, 30, 2)
		}, "2 of 30 requests failed"},
		"no evidence": {canary(errorGate), nil, nil, "inconclusive for too long"},
		"a hanging router": {blueGreen, func(b *bench) { b.world.fault(func() { b.world.hang = true }) }, func(b *bench, _ davit.ReleaseID) {
			time.Sleep(16 * time.Minute)
			b.world.fault(func() { b.world.hang = false })
		}, "the deadline of 15m0s passed"},
		"a failing router": {blueGreen, func(b *bench) { b.world.fault(func() { b.world.routeErr = errSimulated }) }, func(b *bench, _ davit.ReleaseID) {
			b.command(CommandAbort, "router is broken")
			time.Sleep(time.Minute)
			b.world.fault(func() { b.world.routeErr = nil })
		}, "aborted by anna: router is broken"},
		"an abort": {canary(), nil, func(b *bench, id davit.ReleaseID) {
			b.awaitShare(id, 500)
			b.command(CommandAbort, "second thoughts")
		}, "aborted by anna: second thoughts"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.promoted(request("v1", davit.Policy{Strategy: davit.Strategy{Kind: davit.KindBlueGreen}}))
				if test.make != nil {
					test.make(b)
				}
				r := b.deploy(request("v2", test.policy))
				if test.during != nil {
					test.during(b, r.Plan.Target)
				}
				r = b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase.Ended() })
				if r.Phase != davit.RolledBack || !strings.Contains(r.Cause, test.cause) {
					t.Errorf("ended %s because %q, want rolled back because %q", r.Phase, r.Cause, test.cause)
				}
				b.serves("v1")
				if env, _ := b.store.Environment(t.Context(), "shop", "staging"); env.Stable.Short() != "v1" {
					t.Errorf("stable is %s", env.Stable)
				}
			})
		})
	}
}

// TestHaulingBackWaitsForNoStream hauls back a candidate whose long connections
// take long to end.
func TestHaulingBackWaitsForNoStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", davit.Policy{Strategy: davit.Strategy{Kind: davit.KindBlueGreen}}))
		r := b.deploy(request("v2", canary()))
		b.awaitShare(r.Plan.Target, 500)
		b.world.fault(func() { b.world.streams = 20 * time.Second })
		began := time.Now()
		b.command(CommandAbort, "second thoughts")
		b.awaitShare(r.Plan.Stable, davit.Whole)
		if took := time.Since(began); took > time.Second {
			t.Errorf("all traffic was on stable after %v", took)
		}
		b.await(r.ID, inPhase(davit.RolledBack))
	})
}

// awaitShare waits until the release has a share of the traffic.
func (b *bench) awaitShare(id davit.ReleaseID, share int) {
	b.Helper()
	changes := b.world.changed.subscribe(b.Context())
	for b.world.split()[id] != share {
		<-changes
	}
}

func TestWatchHaulsBackAfterPromotion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		policy := blueGreen
		policy.Gates = []davit.Gate{davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.01, MinRequests: 10})}
		b.deployServing("v1", policy)
		r := b.deploy(request("v2", policy))
		b.awaitHeld(r.ID, 1)
		b.world.answer(r.Plan.Target, 100, 0)
		r = b.await(r.ID, inPhase(davit.Watching))
		time.Sleep(time.Minute)
		b.world.answer(r.Plan.Target, 10, 10)
		r = b.await(r.ID, inPhase(davit.RolledBack))
		if took := r.EndedAt.Sub(r.HauledAt); took > 2*stopTime {
			t.Errorf("hauling back took %s though stable was warm", took)
		}
		b.serves("v1")
		if env, _ := b.store.Environment(t.Context(), "shop", "staging"); env.Stable.Short() != "v1" || env.Previous != "" {
			t.Errorf("environment is %+v, want v1 and nothing before it", env)
		}
	})
}

// awaitHeld waits until a stage's state is reached and its gates are judged.
func (b *bench) awaitHeld(id string, stage int) {
	b.Helper()
	b.await(id, func(r *davit.Rollout) bool { return r.Stage == stage && !r.HeldAt.IsZero() })
	synctest.Wait()
}

// deployServing deploys a first release under a policy with gates on traffic.
func (b *bench) deployServing(version string, policy davit.Policy) {
	b.Helper()
	policy.Gates = nil
	b.promoted(request(version, policy))
}

func TestWatchEndsWithoutEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.deployServing("v1", blueGreen)
		policy := blueGreen
		policy.Gates = []davit.Gate{davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.01, MinRequests: 10})}
		r := b.deploy(request("v2", policy))
		b.awaitHeld(r.ID, 1)
		b.world.answer(r.Plan.Target, 100, 0)
		if r = b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase.Ended() }); r.Phase != davit.Promoted {
			t.Errorf("ended %s: %s", r.Phase, r.Cause)
		}
	})
}

func TestPauseHoldsAndPromoteSkipsTheBake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.deployServing("v1", blueGreen)
		r := b.deploy(request("v2", canary()))
		b.awaitShare(r.Plan.Target, 50)
		b.command(CommandPause, "lunch")
		time.Sleep(10 * time.Minute)
		if split := b.world.split(); split[r.Plan.Target] != 50 {
			t.Errorf("a paused rollout went on to %s", split)
		}
		b.command(CommandResume, "")
		b.awaitShare(r.Plan.Target, 500)
		synctest.Wait()
		before := time.Now()
		b.command(CommandPromote, "looks good")
		b.awaitShare(r.Plan.Target, 1000)
		if waited := time.Since(before); waited >= 10*time.Second {
			t.Errorf("promote waited %s, as long as the bake", waited)
		}
		b.await(r.ID, inPhase(davit.Promoted))
	})
}

func TestOneRolloutAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.deployServing("v1", blueGreen)
		first := b.deploy(request("v2", canary()))
		_, err := b.engine.Deploy(t.Context(), request("v3", blueGreen))
		if davit.ErrorCode(err) != davit.CodeConflict || !strings.Contains(err.Error(), first.ID) {
			t.Fatalf("a second deployment got %v, want a conflict that names %s", err, first.ID)
		}
		queued := request("v3", blueGreen)
		queued.Queue = true
		second := b.deploy(queued)
		if r := b.await(second.ID, inPhase(davit.Watching)); r.Plan.Stable.Short() != "v2" {
			t.Errorf("the queued rollout starts from %s, want v2", r.Plan.Stable)
		}
		if r := b.await(first.ID, inPhase(davit.Promoted)); r.EndedAt.IsZero() {
			t.Error("the first has no end")
		}
		b.serves("v3")
	})
}

func TestRollbackAfterTheWatchRestoresTheReleaseBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		b.promoted(request("v2", blueGreen))
		r, err := b.engine.Rollback(t.Context(), RollbackRequest{Application: "shop", Environment: "staging", Actor: "anna", Reason: "v2 is slow"})
		if err != nil {
			t.Fatal(err)
		}
		if r = b.await(r.ID, inPhase(davit.Watching)); r.Kind != davit.KindRollback {
			t.Errorf("kind is %s", r.Kind)
		}
		b.serves("v1")
		release, err := b.store.Release(t.Context(), r.Plan.Target)
		if err != nil {
			t.Fatal(err)
		}
		if got := release.Config.Services["web"].Env["VERSION"]; got != "v1" {
			t.Errorf("the configuration is of %s, want v1's", got)
		}
	})
}

func TestRestartedEngine(t *testing.T) {
	for _, test := range []struct {
		interrupt davit.OnInterrupt
		phase     davit.Phase
		serves    string
	}{{davit.InterruptResume, davit.Promoted, "v2"}, {davit.InterruptRollback, davit.RolledBack, "v1"}} {
		t.Run(string(test.interrupt), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.deployServing("v1", blueGreen)
				policy := canary()
				policy.OnInterrupt = test.interrupt
				r := b.deploy(request("v2", policy))
				b.awaitShare(r.Plan.Target, 500)
				b.stop()
				b.boot()
				r = b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase.Ended() })
				if r.Phase != test.phase {
					t.Errorf("ended %s (%s), want %s", r.Phase, r.Cause, test.phase)
				}
				b.serves(test.serves)
			})
		})
	}
}

func TestNothingIsDoneThatCannotBeRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.deployServing("v1", blueGreen)
		b.store.setFail(errSimulated)
		if _, err := b.engine.Deploy(t.Context(), request("v2", blueGreen)); !errors.Is(err, errSimulated) {
			t.Fatalf("a deployment that cannot be recorded got %v", err)
		}
		time.Sleep(time.Minute)
		for _, i := range b.world.all() {
			if i.Release.Short() != "v1" {
				t.Errorf("%s of %s runs without a record", i.Service, i.Release)
			}
		}
		b.store.setFail(nil)
		r := b.deploy(request("v2", canary()))
		b.awaitShare(r.Plan.Target, 50)
		b.store.setFail(errSimulated)
		time.Sleep(10 * time.Minute)
		if split := b.world.split(); split[r.Plan.Target] != 50 {
			t.Errorf("went on to %s without a record", split)
		}
		b.store.setFail(nil)
		b.await(r.ID, inPhase(davit.Promoted))
	})
}

func (m *memory) setFail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

func TestDownLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		r, err := b.engine.Down(t.Context(), DownRequest{Application: "shop", Environment: "staging", Actor: "anna", Reason: "season is over"})
		if err != nil {
			t.Fatal(err)
		}
		b.await(r.ID, inPhase(davit.Promoted))
		if len(b.world.all()) > 0 || len(b.world.split()) > 0 {
			t.Errorf("%d instances and split %s are left", len(b.world.all()), b.world.split())
		}
		b.promoted(request("v1", blueGreen))
		b.serves("v1")
	})
}

func TestSameVersionWithAnotherConfigurationIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		again := request("v1", blueGreen)
		web := again.Config.Services["web"]
		web.Replicas = 2
		again.Config.Services["web"] = web
		p, err := b.engine.Deploy(t.Context(), again)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "another configuration") {
			t.Errorf("notes are %q", p.Notes)
		}
		b.await(p.Rollout.ID, inPhase(davit.Watching))
	})
}

func TestEveryChangeIsAudited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		b.promoted(request("v2", canary()))
		states := 0
		for _, e := range b.store.entries() {
			if e.Actor == "" || e.Action == "" {
				t.Errorf("entry %+v has no actor or action", e)
			}
			if e.Action == "rollout.stage" {
				states++
			}
		}
		if want := 2 + 5; states != want {
			t.Errorf("%d stages are audited, want %d", states, want)
		}
	})
}
