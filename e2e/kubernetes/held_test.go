//go:build e2e && linux

package kubernetes

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
	"github.com/davit-dev/davit/internal/receipt"
)

// halved waits for an approval when both releases have half the traffic.
var halved = rig.Strategy{
	Name: "halved", Rules: "{canary: {steps: [50, 100], bake: 0s}}", Approvals: "{before: 100%, author: true}", OnDrift: "pause", Deadline: "10m",
}

// TestHeld leaves a canary alone for a while, in which nothing is asked of the API
// server, and then has somebody change its weights: they are put back, and the rollout
// stays where it is, whatever else it waits for, until it is resumed.
func TestHeld(t *testing.T) {
	t.Parallel()
	api := newHinderer(t)
	h := newHarbour(t, func(o *rig.Options) { o.Kubeconfig = api.kubeconfig() })
	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(25)
	before, watches := len(api.since(0)), api.watches.Load()
	h.must(h.Ask(t.Context(), halved, "v2"))
	held := h.waits()
	t.Logf("a canary of 3 pods and a worker came to its half by %d requests, with %d watches", len(api.since(before)), watches)

	<-time.After(time.Second) // what the last answers led to
	quiet, watches := len(api.since(0)), api.watches.Load()
	<-time.After(10 * time.Second)
	if asked := api.since(quiet); len(asked) > 0 || api.watches.Load() > watches {
		h.Errorf("while nothing happened there were %d watches and the requests %q", api.watches.Load()-watches, asked)
	}

	name := h.kubectl("get", "httproutes", "--selector=davit.dev/application", "--output=name")
	weights := func() string {
		return h.kubectl("get", name, "--output=jsonpath={.spec.rules[*].backendRefs[*].weight}")
	}
	ours := weights()
	h.kubectl("patch", name, "--type=json", `--patch=[{"op":"replace","path":"/spec/rules/0/backendRefs/0/weight","value":0}]`)
	paused := h.when("it is paused, with its own split", func(s *rig.Status) bool { return s.Rollout.Paused && s.Split.Equal(held.Split) })
	if now := weights(); now != ours {
		h.Errorf("the weights are %s, and were %s", now, ours)
	}
	h.order("approve")
	<-time.After(2 * time.Second) // nothing else holds it any more
	if s := h.when("there is a status", func(*rig.Status) bool { return true }); s.Rollout.Stage != paused.Rollout.Stage || !s.Rollout.Paused {
		h.Errorf("it was paused at stage %d, and is at\n%s", paused.Rollout.Stage, s)
	}
	h.order("resume")
	h.settled(davit.Promoted, "v2")
	told := h.receipt(held.Rollout.ID)
	if !slices.ContainsFunc(told.Incidents, func(i receipt.Incident) bool {
		return strings.Contains(i.Message, "somebody else changed the routing") && strings.Contains(i.Message, "it is put back")
	}) {
		h.Errorf("the incidents are %+v", told.Incidents)
	}
	traffic.lossless()
}
