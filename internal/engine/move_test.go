package engine

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// at returns the request with a site.
func (r DeployRequest) at(k davit.Kubernetes) DeployRequest {
	r.Site.Kubernetes = &k
	return r
}

// A deployment that names the site anew has the platform's new pair, and finds
// everything as it was.
func TestMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", rolling).at(davit.Kubernetes{Namespace: "shop"}))
		next := request("v2", rolling).at(davit.Kubernetes{Namespace: "shop", Prometheus: "http://prometheus"})
		b.promoted(next)
		b.serves("v2")
		env, err := b.store.Environment(t.Context(), "shop", "staging")
		if err != nil {
			t.Fatal(err)
		}
		if !env.Site.Equal(next.Site) {
			t.Errorf("the site is %+v", env.Site.Kubernetes)
		}
		if status, err := b.engine.Status(t.Context(), "shop", "staging"); err != nil || status.Environment.Stable.Short() != "v2" {
			t.Errorf("status %+v, %v", status, err)
		}
	})
}

func TestMoveIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		here := davit.Kubernetes{Namespace: "shop"}
		b.promoted(request("v1", blueGreen).at(here))
		_, err := b.engine.Deploy(t.Context(), request("v2", blueGreen).at(davit.Kubernetes{Namespace: "other"}))
		if davit.ErrorCode(err) != davit.CodeRefused || !strings.Contains(err.Error(), "another place") {
			t.Errorf("to another namespace: %v", err)
		}
		b.deploy(request("v2", blueGreen).at(here))
		_, err = b.engine.Deploy(t.Context(), request("v3", blueGreen).at(davit.Kubernetes{Namespace: "shop", Prometheus: "http://prometheus"}))
		if davit.ErrorCode(err) != davit.CodeConflict {
			t.Errorf("during a rollout: %v", err)
		}
	})
}

// What serves already is adopted: rollouts go on from it, and back to it.
func TestAdopt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		r := request("v1", blueGreen)
		ask := AdoptRequest{Application: r.Application, Environment: r.Environment, Platform: r.Platform, Version: "v1", Config: r.Config, Actor: "anna", Reason: "it ran before"}
		release, err := b.engine.Adopt(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * startTime)
		synctest.Wait()
		b.serves("v1")
		next := b.deploy(request("v2", blueGreen))
		if next.Plan.Stable != release.ID {
			t.Errorf("the plan begins at %q", next.Plan.Stable)
		}
		if _, err := b.engine.Adopt(t.Context(), ask); davit.ErrorCode(err) != davit.CodeConflict {
			t.Errorf("during a rollout: %v", err)
		}
		if _, err := b.engine.Command(t.Context(), Command{Application: "shop", Environment: "staging", Kind: CommandAbort, Actor: "anna", Reason: "no"}); err != nil {
			t.Fatal(err)
		}
		b.await(next.ID, func(r *davit.Rollout) bool { return r.Phase == davit.RolledBack })
		b.serves("v1")
	})
}
