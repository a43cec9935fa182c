package engine

import (
	"testing"
	"testing/synctest"

	"github.com/davit-dev/davit"
)

// scale does what an autoscaler does: it raises web of a release to n instances.
func (w *world) scale(r *davit.Release, n int) {
	w.fault(func() {
		for _, i := range w.instances {
			if i.Release == r.ID && i.Service == "web" {
				n--
			}
		}
		for ; n > 0; n-- {
			w.startLocked(r, "web")
		}
	})
}

// webs counts the ready instances of web that a release has.
func (w *world) webs(id davit.ReleaseID) int {
	n := 0
	for _, i := range w.all() {
		if i.Release == id && i.Service == "web" && i.Condition == davit.Ready {
			n++
		}
	}
	return n
}

// scaled is a request for a release whose web is autoscaled from 4 to 12.
func scaled(version string, policy davit.Policy) DeployRequest {
	req := request(version, policy)
	web := req.Config.Services["web"]
	web.Autoscale = &davit.Autoscale{Max: 12, CPU: 70}
	req.Config.Services["web"] = web
	return req
}

// A candidate gets the size that the stable release has by then, also when that was
// raised after the plan was made, and the platform's choice is kept.
func TestCandidateGetsThePresentSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		policy := canary()
		policy.RollbackWindow = 0
		v1, err := b.store.Release(t.Context(), b.promoted(scaled("v1", policy)).Plan.Target)
		if err != nil {
			t.Fatal(err)
		}
		b.world.scale(v1, 8)
		r := b.deploy(scaled("v2", policy))
		if n := r.Plan.Origin.Run[v1.ID]["web"]; n != 8 {
			t.Errorf("the plan begins with %d instances, want the 8 that run", n)
		}
		b.awaitShare(r.Plan.Target, 50)
		b.world.scale(v1, 10)
		b.awaitShare(r.Plan.Target, davit.Whole)
		if n := b.world.webs(r.Plan.Target); n != 10 {
			t.Errorf("the candidate has %d instances at full traffic, want 10", n)
		}
		b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase == davit.Promoted })
		b.serves("v2")
		if n := b.world.webs(r.Plan.Target); n != 10 {
			t.Errorf("promoting left %d instances, want 10", n)
		}
	})
}

// What is hauled back keeps its size, and may shrink afterwards.
func TestHauledBackMayShrinkAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		v1, err := b.store.Release(t.Context(), b.promoted(scaled("v1", davit.Policy{Strategy: davit.Strategy{Kind: davit.KindBlueGreen}})).Plan.Target)
		if err != nil {
			t.Fatal(err)
		}
		b.world.scale(v1, 8)
		r := b.deploy(scaled("v2", canary()))
		b.awaitShare(r.Plan.Target, 500)
		if _, err := b.engine.Command(t.Context(), Command{Application: "shop", Environment: "staging", Kind: CommandAbort, Actor: "anna", Reason: "enough"}); err != nil {
			t.Fatal(err)
		}
		b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase == davit.RolledBack })
		if n := b.world.webs(v1.ID); n != 8 {
			t.Errorf("%d instances after hauling back, want 8", n)
		}
		env, err := b.store.Environment(t.Context(), "shop", "staging")
		if err != nil {
			t.Fatal(err)
		}
		if n := env.State.Run[v1.ID]["web"]; n != 4 {
			t.Errorf("at least %d are to stay, want 4", n)
		}
	})
}
