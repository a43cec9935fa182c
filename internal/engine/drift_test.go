package engine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// Drift tells of what meddle does.
func (w *world) Drift(context.Context) <-chan davit.Split { return w.drifts }

// meddle changes the routing behind the server's back.
func (w *world) meddle(split davit.Split) {
	w.fault(func() { w.routing.Split = split })
	w.drifts <- split
}

// Stray tells of what take does.
func (w *world) Stray(context.Context) <-chan string { return w.strays }

// take ends the instances of a release behind the server's back.
func (w *world) take(id davit.ReleaseID) {
	w.fault(func() {
		for key, i := range w.instances {
			if i.Release == id {
				delete(w.instances, key)
			}
		}
	})
	w.strays <- "it is gone"
}

// What somebody else takes away is declared again, in a rollout and without one.
func TestWhatStraysIsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		policy := canary()
		policy.RollbackWindow = 0
		b.promoted(request("v1", policy))
		r := b.deploy(request("v2", policy))
		b.awaitShare(r.Plan.Target, 50)
		time.Sleep(2 * stopTime)
		b.world.take(r.Plan.Target)
		b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase == davit.Promoted })
		b.serves("v2")
		b.world.take(r.Plan.Target)
		time.Sleep(2 * startTime)
		synctest.Wait()
		if n := len(b.world.all()); n != 5 {
			t.Errorf("%d instances run, want 5 again", n)
		}
		events, err := b.store.Events(t.Context(), r.ID, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(events, func(e davit.Event) bool {
			return strings.Contains(e.Message, "somebody else changed what runs: it is gone; it is put back")
		}) {
			t.Error("it is not on record")
		}
	})
}

// Traffic that somebody else changes is put back, in a rollout and without one, and
// that is on record. A stage goes on as it was.
func TestDriftIsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		policy := canary()
		policy.RollbackWindow = 0
		b.promoted(request("v1", policy))
		r := b.deploy(request("v2", policy))
		b.awaitShare(r.Plan.Target, 50)
		began := time.Now()
		time.Sleep(2 * stopTime)
		b.world.meddle(davit.All(r.Plan.Target))
		synctest.Wait()
		if got := b.world.split()[r.Plan.Target]; got != 50 {
			t.Errorf("the candidate's share is %d, want 50 again", got)
		}
		b.awaitShare(r.Plan.Target, 500)
		if took := time.Since(began); took > 13*time.Second {
			t.Errorf("the next step came after %s: the stage began anew", took)
		}
		events, err := b.store.Events(t.Context(), r.ID, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		said := 0
		for _, e := range events {
			if strings.Contains(e.Message, "somebody else changed the routing: traffic is v2 100%") {
				said++
			}
		}
		if said != 1 {
			t.Errorf("it is on record %d times, want once", said)
		}
		b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase.Ended() })
		b.world.meddle(davit.All(r.Plan.Stable))
		synctest.Wait()
		b.serves("v2")
	})
}

// Where that is the policy, a rollout stays where it is once somebody meddled, until
// an operator has it go on; what was changed is put back all the same.
func TestDriftPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		policy := canary()
		policy.RollbackWindow, policy.OnDrift = 0, davit.DriftPause
		b.promoted(request("v1", policy))
		r := b.deploy(request("v2", policy))
		b.awaitShare(r.Plan.Target, 50)
		time.Sleep(2 * stopTime)
		b.world.meddle(davit.All(r.Plan.Target))
		time.Sleep(10 * time.Minute)
		if got := b.world.split()[r.Plan.Target]; got != 50 {
			t.Errorf("the candidate's share is %d, want 50 again, and no more", got)
		}
		resume := Command{Application: "shop", Environment: "staging", Kind: CommandResume, Actor: "anna"}
		if _, err := b.engine.Command(t.Context(), resume); err != nil {
			t.Fatal(err)
		}
		b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase == davit.Promoted })
		b.serves("v2")
	})
}

// Instances of a release that the store does not know, such as those of a store that
// was put back from an older copy, are taken down.
func TestWhatNobodyKnowsIsTakenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		policy := canary()
		policy.RollbackWindow = 0
		b.promoted(request("v1", policy))
		b.world.fault(func() {
			b.world.startLocked(&davit.Release{ID: "v9-lost"}, "api")
		})
		b.world.strays <- "there is more than was declared"
		time.Sleep(2*startTime + 2*stopTime)
		synctest.Wait()
		for _, i := range b.world.all() {
			if i.Release == "v9-lost" {
				t.Errorf("it runs on: %+v", i)
			}
		}
		b.serves("v1")
	})
}
