package engine

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

var (
	simulations = flag.Int("simulations", manySimulations, "random rollouts to simulate")
	onlySeed    = flag.Uint64("simulation-seed", 0, "simulate this seed alone")
)

// TestRandomRolloutsEndWhole simulates rollouts under random faults: a world
// that errs, hangs and loses answers, instances that flap and die, a store that
// refuses or loses its answer, a server that is killed, clocks that jump
// meanwhile, operators who interfere. At every step nothing happens that was not
// recorded, and nothing is shrunk that has traffic; when the faults are over the
// rollout ends in bounded time, and the world is as the record says.
func TestRandomRolloutsEndWhole(t *testing.T) {
	if *onlySeed != 0 {
		synctest.Test(t, func(t *testing.T) { simulate(t, *onlySeed) })
		return
	}
	began := time.Now()
	t.Run("all", func(t *testing.T) {
		lanes := runtime.GOMAXPROCS(0)
		for lane := range lanes {
			t.Run(fmt.Sprint("lane", lane), func(t *testing.T) {
				t.Parallel()
				for seed := lane + 1; seed <= *simulations && !t.Failed(); seed += lanes {
					synctest.Test(t, func(t *testing.T) { simulate(t, uint64(seed)) })
				}
			})
		}
	})
	t.Logf("%d rollouts simulated, %.0f a second", *simulations, float64(*simulations)/time.Since(began).Seconds())
}

// faultTime is how long faults and interference go on in a simulation.
const faultTime = 20 * time.Minute

func simulate(t *testing.T, seed uint64) {
	defer func() {
		if t.Failed() {
			t.Logf("replay with: go test ./internal/engine -run TestRandomRolloutsEndWhole -simulation-seed=%d", seed)
		}
	}()
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a simulation is to be replayable
	b := newBench(t)
	b.promoted(request("v1", davit.Policy{Strategy: davit.Strategy{Kind: davit.KindBlueGreen}}))
	policy := randomPolicy(random)
	doom := random.IntN(10)
	b.world.fault(func() { b.world.crashing["v2"], b.world.neverReady["v2"] = doom == 0, doom == 1 })
	began := time.Now()
	r := b.deploy(request("v2", policy))
	id, interrupted := r.ID, false
	for end := time.Now().Add(faultTime); time.Now().Before(end) && !r.Phase.Ended(); {
		time.Sleep(time.Duration(random.Int64N(int64(20 * time.Second))))
		if random.IntN(13) == 0 {
			interrupted = b.restart(random, id) || interrupted
		} else {
			b.interfere(random, r.Plan.Target)
		}
		r, _ = b.store.Rollout(t.Context(), id)
	}
	b.heal()
	if r = b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase.Ended() }); r.Phase != davit.Promoted && r.Phase != davit.RolledBack {
		t.Errorf("ended %s: %s", r.Phase, r.Cause)
	}
	// A clock that is set back while the server is down gives that much time.
	bound := policy.Deadline.D() + policy.RollbackWindow.D() + faultTime + 5*time.Minute + b.setBack
	if took := time.Since(began); took > bound {
		t.Errorf("took %s, want %s at most", took, bound)
	}
	if r.Phase == davit.Promoted && (doom < 2 || interrupted && policy.OnInterrupt == davit.InterruptRollback) {
		t.Errorf("promoted, though doom was %d and interrupted %t", doom, interrupted)
	}
	if seen := b.world.requests[r.Plan.Target]; r.Phase == davit.Promoted && len(policy.Gates) > 0 && seen < evidence {
		t.Errorf("promoted on the evidence of %d requests, want %d or more", seen, evidence)
	}
	time.Sleep(time.Minute) // the steady state is converged to
	b.checkWhole(r)
}

// evidence is how many requests the gate of randomPolicy wants in its canary of
// three stages.
const evidence = 3 * 20

// restart kills the server, with the clock off by up to ten minutes when the
// next one starts. It reports whether that interrupted the rollout before its
// promotion.
func (b *bench) restart(random *rand.Rand, id string) bool {
	jump := time.Duration(random.Int64N(int64(20*time.Minute))) - 10*time.Minute
	b.clock += jump
	b.setBack += max(-jump, 0)
	b.world.fault(func() { b.world.life++ })
	b.store.nextLife()
	r, err := b.store.Rollout(b.Context(), id)
	b.stop()
	b.boot()
	return err == nil && r.Phase == davit.Running
}

func randomPolicy(random *rand.Rand) davit.Policy {
	policies := []davit.Policy{blueGreen, rolling, canary(), canary(davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.05, MinRequests: 20}))}
	policy := policies[random.IntN(len(policies))]
	policy.Deadline = davit.Duration(time.Duration(1+random.IntN(15)) * time.Minute)
	policy.Patience = davit.Duration(time.Duration(1+random.IntN(5)) * time.Minute)
	policy.OnInterrupt = []davit.OnInterrupt{davit.InterruptResume, davit.InterruptRollback}[random.IntN(2)]
	return policy
}

// interfere does one random thing to the world, the store or the rollout.
func (b *bench) interfere(random *rand.Rand, candidate davit.ReleaseID) {
	some := func(err error) error {
		if random.IntN(2) == 0 {
			return nil
		}
		return err
	}
	switch random.IntN(12) {
	case 0:
		b.store.setLost(random.IntN(2) == 0)
	case 1:
		b.store.setFail(some(errSimulated))
	case 2:
		b.world.fault(func() { b.world.routeErr = some(errSimulated) })
	case 3:
		b.world.fault(func() { b.world.declareErr = some(errSimulated) })
	case 4:
		b.world.fault(func() { b.world.hang = random.IntN(2) == 0 })
	case 5:
		b.world.fault(func() { b.world.lost = random.IntN(2) == 0 })
	case 6:
		b.flap(random)
	case 7:
		failures := int64(random.IntN(3) * random.IntN(10))
		b.world.answer(candidate, 10+failures, failures)
	case 8:
		kinds := []CommandKind{CommandPause, CommandResume, CommandPromote}
		b.interject(kinds[random.IntN(len(kinds))])
	case 9:
		if random.IntN(10) == 0 {
			b.interject(CommandAbort)
		}
	default:
		b.world.answer(candidate, 100, 0)
	}
}

// interject gives a command that may be refused.
func (b *bench) interject(kind CommandKind) {
	_, err := b.engine.Command(b.Context(), Command{Application: "shop", Environment: "staging", Kind: kind, Actor: "anna", Reason: "simulated"})
	if code := davit.ErrorCode(err); code != "" && code != davit.CodeConflict && code != davit.CodeRefused && code != davit.CodeInternal {
		b.Errorf("%s: %v", kind, err)
	}
}

func (m *memory) setLost(lost bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost = lost
}

// flap makes one ready instance unready, or fail, for a while.
func (b *bench) flap(random *rand.Rand) {
	ready := b.world.all()
	if len(ready) == 0 {
		return
	}
	id := ready[random.IntN(len(ready))].ID
	set := func(from, to davit.Condition) (done bool) {
		b.world.fault(func() {
			if i := b.world.instances[id]; i != nil && i.Condition == from {
				i.Condition, done = to, true
			}
		})
		return done
	}
	ill := davit.Starting
	if random.IntN(4) == 0 {
		ill = davit.Failed
	}
	if !set(davit.Ready, ill) {
		return
	}
	time.AfterFunc(5*time.Second, func() { set(ill, davit.Ready) })
}

func (b *bench) heal() {
	b.store.setFail(nil)
	b.store.setLost(false)
	b.world.fault(func() { b.world.routeErr, b.world.declareErr, b.world.hang, b.world.lost = nil, nil, false, false })
	b.interject(CommandResume)
}

// checkWhole compares the world with the record.
func (b *bench) checkWhole(r *davit.Rollout) {
	b.Helper()
	env, err := b.store.Environment(b.Context(), "shop", "staging")
	if err != nil {
		b.Fatal(err)
	}
	want := r.Plan.Stages[len(r.Plan.Stages)-1].State
	if r.Phase == davit.RolledBack {
		want = r.Plan.Origin
	}
	if !env.State.Equal(want) || env.Rollout != "" {
		b.Errorf("after %s the record is %+v, want state %+v", r.Phase, env, want)
	}
	if env.Stable != want.Releases()[0] {
		b.Errorf("after %s stable is %s, want %s", r.Phase, env.Stable, want.Releases()[0])
	}
	if split := b.world.split(); !split.Equal(want.Split) {
		b.Errorf("after %s traffic goes to %s, want %s", r.Phase, split, want.Split)
	}
	have := davit.State{Run: map[davit.ReleaseID]davit.Size{}, Split: want.Split, Candidate: want.Candidate}
	for _, i := range b.world.all() {
		if have.Run[i.Release] == nil {
			have.Run[i.Release] = davit.Size{}
		}
		have.Run[i.Release][i.Service]++
	}
	if !have.Equal(want) {
		b.Errorf("after %s %v runs, want %v", r.Phase, have.Run, want.Run)
	}
	b.checkRecord()
}

// checkRecord holds the journal to what it promises: every split that was ever
// in effect belongs to a state that was audited before.
func (b *bench) checkRecord() {
	b.Helper()
	b.world.mu.Lock()
	for _, v := range b.world.violations {
		b.Error(v)
	}
	b.world.mu.Unlock()
	audited := map[string]bool{}
	for _, e := range b.store.entries() {
		if e.Action == "rollout.stage" || e.Action == "rollout.haul_back" {
			var state davit.State
			if err := json.Unmarshal(e.After, &state); err != nil {
				b.Fatal(err)
			}
			audited[state.Split.String()] = true
		}
	}
	for _, split := range b.world.history() {
		if len(split) > 0 && !audited[split.String()] {
			b.Errorf("%s was in effect and is in no audit entry", split)
		}
	}
}
