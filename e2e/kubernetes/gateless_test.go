//go:build e2e && linux

package kubernetes

import (
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestWithoutGateway deploys behind one Service, which deals traffic by the numbers of
// pods: plans say what that makes of their steps, and no request is lost.
func TestWithoutGateway(t *testing.T) {
	t.Parallel()
	h := newHarbour(t, func(o *rig.Options) { o.Replicas, o.Gateless = 2, true })
	h.promote(rig.BlueGreen, "v1")
	h.Front.Address = h.kubectl("get", "service", "shop-production-api", "--output=jsonpath={.spec.clusterIP}:{.spec.ports[0].port}")
	h.until("the Service is reached", h.Answers(h.Front, "/readyz"))
	begun, err := h.Begin(t.Context(), 50)
	h.must(err)
	t.Cleanup(begun.End)
	traffic := &traffic{begun, h.place}

	coarse := rig.Canary
	coarse.Rules = "{canary: {steps: [10, 100], bake: 0s}}"
	coarse.Approvals = "{before: 100%, author: true}"
	plan, err := h.Plan(t.Context(), coarse, "v2")
	h.must(err)
	if says := "stage canary 10%: traffic is split by the numbers of instances, which gives v1 66.7%, v2 33.3% instead of v1 90%, v2 10%"; plan.Exit != 0 || !strings.Contains(plan.Stderr, says) {
		h.Errorf("davit plan exited %d: %s%s", plan.Exit, plan.Stdout, plan.Stderr)
	}
	h.must(h.Ask(t.Context(), coarse, "v2"))
	held := h.waits()
	before := traffic.Mark()
	traffic.settle(300)
	window := traffic.Snapshot().Since(before)
	h.shows(held.Split, map[davit.ReleaseID]int{
		held.Environment.Stable: int(window.Releases["v1"].Answered), held.Rollout.Plan.Target: int(window.Releases["v2"].Answered),
	})
	h.order("approve")
	h.settled(davit.Promoted, "v2")
	h.promote(rig.Rolling, "v1")
	h.settled(davit.Promoted, "v1")
	traffic.lossless()
}
