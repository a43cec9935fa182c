package server

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
)

func figures(boot string, at time.Duration, requests, failures int64) davit.Figures {
	t := davit.Traffic{Requests: requests, Failures: failures}
	t.Latency[10] = requests
	return davit.Figures{
		Boot: boot, At: time.Unix(1000, 0).Add(at),
		Traffic: map[davit.ReleaseID]map[string]davit.Traffic{"v2-b": {"web": t}},
	}
}

func TestWindowLooksAtTheLastSeconds(t *testing.T) {
	var w window
	release := func() api.LiveRelease {
		r := api.LiveRelease{ID: "v2-b"}
		w.fill(&r)
		return r
	}
	if r := release(); r.Requests != 0 || r.Rate != 0 {
		t.Errorf("without figures: %+v", r)
	}
	for second := range 31 { // 100/s that fail, then none from second 10 on
		n := int64(100 * min(second, 10))
		w.add(figures("a", time.Duration(second)*time.Second, n+int64(second), n))
	}
	if r := release(); r.Requests != 1030 || r.Rate != 1 || r.ErrorRate != 0 || r.P99.D() != davit.BucketLimit(10) {
		t.Errorf("20 s after the failures: %+v", r)
	}
	if len(w.old) > int(windowLength/windowStep)+1 {
		t.Errorf("%d figures are kept", len(w.old))
	}
	w.add(figures("b", 31*time.Second, 5, 0))
	if r := release(); r.Requests != 5 || r.Rate != 0 {
		t.Errorf("after the router began anew: %+v", r)
	}
	w.add(figures("b", 32*time.Second, 9, 1))
	if r := release(); r.Rate != 4 || r.ErrorRate != 0.25 {
		t.Errorf("a second later: %+v", r)
	}
}

func TestLiveOf(t *testing.T) {
	rollout := &davit.Rollout{Phase: davit.Running, Plan: davit.Plan{
		Stable: "v1-a", Target: "v2-b",
		Origin: davit.State{Run: map[davit.ReleaseID]davit.Size{"v1-a": {"web": 2}}},
		Stages: []davit.Stage{{State: davit.State{Run: map[davit.ReleaseID]davit.Size{"v1-a": {"web": 2}, "v2-b": {"web": 3, "worker": 1}}}}},
	}}
	status := &engine.Status{
		Split: davit.Split{"v1-a": 900, "v2-b": 100}, Troubles: []string{"half blind"},
		Instances: []davit.Instance{
			{Release: "v2-b", Service: "web", Condition: davit.Ready},
			{Release: "v2-b", Service: "web", Condition: davit.Starting},
			{Release: "v2-b", Service: "web", Condition: davit.Failed, Reason: "exit status 1"},
			{Release: "v0-z", Service: "web", Condition: davit.Draining},
			{Release: "v1-a", Service: "web", Condition: davit.Ready},
		},
	}
	want := []api.LiveRelease{
		{ID: "v1-a", Share: 900, Services: []api.LiveService{{Name: "web", Want: 2, Ready: 1}}},
		{ID: "v2-b", Share: 100, Services: []api.LiveService{
			{Name: "web", Want: 3, Ready: 1, Starting: 1, Failed: 1, Reason: "exit status 1"}, {Name: "worker", Want: 1},
		}},
		{ID: "v0-z", Services: []api.LiveService{{Name: "web", Draining: 1}}},
	}
	got := liveOf(rollout, status, &window{})
	if diff := cmp.Diff(want, got.Releases); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(status.Troubles, got.Troubles); diff != "" {
		t.Error(diff)
	}
	rollout.Phase = davit.HaulingBack
	for _, r := range liveOf(rollout, status, &window{}).Releases {
		for _, s := range r.Services {
			if r.ID == "v2-b" && s.Want != 0 {
				t.Errorf("hauling back still wants %d of %s", s.Want, s.Name)
			}
		}
	}
}
