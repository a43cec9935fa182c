//go:build e2e && linux

package kubernetes

import (
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestNeverReady deploys releases that can never become ready, each for a reason
// of its own: each is hauled back within seconds, with the cluster's own words, and
// its users notice nothing.
func TestNeverReady(t *testing.T) {
	t.Parallel()
	h := newHarbour(t, func(o *rig.Options) { o.Replicas, o.NodePatience, o.ProbePatience = 1, "2s", "10s" })
	h.must(h.Fault("v2", `{"api": {"crashAfter": "1ms"}}`))
	h.must(h.Fault("v3", `{"api": {"neverReady": true}}`))
	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(30)
	for _, c := range []struct {
		name, version string
		strategy      rig.Strategy
		want          string
		within        time.Duration
	}{
		{"ImageThatNobodyHas", "v9", rig.Canary, "ErrImageNeverPull", 10 * time.Second},
		{"ImageThatCannotBePulled", "v1", pulled(rig.BlueGreen, "127.0.0.1:1/shop@sha256:"+strings.Repeat("a", 64)), "connection refused", time.Minute},
		{"CrashLoop", "v2", rig.BlueGreen, "CrashLoopBackOff", 30 * time.Second},
		{"SecretThatIsNotThere", "v1", with(rig.BlueGreen, "secrets: {TOKEN: secret:nobodys/token}"), `CreateContainerConfigError: secret "nobodys" not found`, 10 * time.Second},
		{"NoNodeHasRoom", "v1", with(rig.Rolling, "resources: {cpu: 1000}"), "Unschedulable: 0/", 10 * time.Second},
		{"NeverReady", "v3", rig.BlueGreen, "Readiness probe failed: HTTP probe failed with statuscode: 503", 25 * time.Second},
		{"Impatient", "v3", rig.Strategy{Name: "impatient", Rules: "blueGreen", Deadline: "3s"}, "at step ready: api of v3 ", 5 * time.Second},
	} {
		h.T.Run(c.name, func(t *testing.T) {
			h := h.on(t)
			d := h.haulBack(c.strategy, c.version)
			if !strings.Contains(d.Rollout.Cause, c.want) {
				h.Errorf("it was hauled back for %q, want %q", d.Rollout.Cause, c.want)
			}
			took := d.Rollout.HauledAt.Sub(d.Began)
			t.Logf("after %s, over after %s: %s", ms(took), ms(d.Ended.Sub(d.Began)), d.Rollout.Cause)
			if took > c.within {
				h.Errorf("it took %s until it was hauled back, want at most %s", took, c.within)
			}
		})
	}
	h.T.Run("QuotaIsFull", func(t *testing.T) {
		h := h.on(t)
		h.kubectl("create", "quota", "small", "--hard=pods=2")
		defer h.kubectl("delete", "quota", "small")
		h.kubectl("wait", "--for=jsonpath={.status.used.pods}=2", "--timeout=1m", "quota/small") // the api's and the worker's
		d := h.haulBack(with(rig.Canary, "resources: {cpu: 20m}"), "v1")
		took := d.Rollout.HauledAt.Sub(d.Began)
		t.Logf("after %s: %s", ms(took), d.Rollout.Cause)
		if !strings.Contains(d.Rollout.Cause, "exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2") || took > 20*time.Second {
			h.Errorf("it was hauled back after %s for %q", took, d.Rollout.Cause)
		}
	})
	h.settled(davit.RolledBack, "v1")
	traffic.lossless()
}

// with adds a line to the service api.
func with(s rig.Strategy, line string) rig.Strategy {
	s.API = append(s.API, line)
	return s
}

// pulled has the image of the service api be one of a registry.
func pulled(s rig.Strategy, image string) rig.Strategy {
	s.Image = image
	return s
}

// TestFailsUnderTraffic deploys a release that passes its probes and fails its
// users: it is hauled back, and nobody loses a request who was not on it.
func TestFailsUnderTraffic(t *testing.T) {
	if prometheus == "" {
		t.Skip("nothing counts requests: PROMETHEUS names none")
	}
	t.Parallel()
	h := newHarbour(t)
	h.must(h.Fault("v2", `{"api": {"errorRate": 1}}`))
	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(100)
	d := h.haulBack(rig.Strategy{
		Name: "twenty-percent", Rules: "{canary: {steps: [20, 100], bake: 1m}}", Gates: []string{rig.ErrorsGate}, Deadline: "5m",
	}, "v2")
	if !strings.Contains(d.Rollout.Cause, "gate errors failed") {
		h.Errorf("it was hauled back for %q", d.Rollout.Cause)
	}
	h.settled(davit.RolledBack, "v1")
	traffic.End()
	s := traffic.Snapshot()
	bad := s.Releases["v2"]
	t.Logf("%d bad answers in %s; hauled back %s after the first of them, all traffic back after %s more: %s", bad.Failed, ms(bad.LastFailed.Sub(bad.FirstFailed)),
		ms(d.Rollout.HauledAt.Sub(bad.FirstFailed)), ms(d.BackAt().Sub(d.Rollout.HauledAt)), d.Rollout.Cause)
	if bad.Failed == 0 || bad.Failed != s.TotalLost() {
		h.Errorf("lost %d of %d requests, %d of them to v2: %v", s.TotalLost(), s.Sent, bad.Failed, s.Samples)
	}
	if bad.LastFailed.After(d.BackAt()) {
		h.Errorf("v2 answered %s after all traffic was said to be back", bad.LastFailed.Sub(d.BackAt()))
	}
}
