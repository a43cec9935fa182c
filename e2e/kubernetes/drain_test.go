//go:build e2e && linux

package kubernetes

import (
	"context"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/cluster"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestNodeIsDrained drains the only node in the middle of a rollout, as its owner would:
// both releases serve on with as many pods as their budgets say, what is missing is told
// in the scheduler's words, and the rollout goes on when pods are taken again.
func TestNodeIsDrained(t *testing.T) { // beside no other: pods have nowhere to go
	if !kube.Own() {
		t.Skip(cluster.ErrForeign)
	}
	h := newHarbour(t, func(o *rig.Options) { o.Replicas, o.NodePatience = 2, "10m" })
	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(30)
	h.must(h.Ask(t.Context(), halved, "v2"))
	h.waits()

	node := h.kubectl("get", "nodes", "--output=jsonpath={.items[0].metadata.name}")
	t.Cleanup(func() {
		if _, err := h.Kubectl(context.Background(), "uncordon", node); err != nil {
			t.Error(err)
		}
	})
	out, err := h.Kubectl(t.Context(), "drain", node, "--pod-selector=davit.dev/application=shop", "--delete-emptydir-data", "--force", "--timeout=8s")
	if err == nil || !strings.Contains(out, budgetSays) || !strings.Contains(out, "global timeout reached") {
		h.Errorf("the node was drained: %v %s", err, out)
	}
	h.lacks("the stable release has one pod, and one that waits for a node", func(s *rig.Status) davit.ReleaseID { return s.Environment.Stable })
	h.order("approve")
	s := h.lacks("the candidate has one pod, and one that waits for a node", func(s *rig.Status) davit.ReleaseID { return s.Rollout.Plan.Target })
	if s.Rollout.Phase != davit.Running || len(s.Split) != 2 {
		h.Errorf("without a node it came to\n%s", s)
	}
	traffic.settle(200)
	h.kubectl("uncordon", node)
	h.settled(davit.Promoted, "v2")
	traffic.lossless()
}

// lacks waits until of a release's two pods of the api one serves, and of the other it is
// told that no node takes it.
func (h *harbour) lacks(what string, release func(*rig.Status) davit.ReleaseID) *rig.Status {
	h.Helper()
	return h.when(what, func(s *rig.Status) bool {
		ready, waiting := 0, 0
		for _, i := range s.Instances {
			switch {
			case i.Service != "api" || i.Release != release(s):
			case i.Condition == davit.Ready:
				ready++
			case strings.HasPrefix(i.Reason, "Unschedulable: 0/1 nodes are available: 1 node(s) were unschedulable"):
				waiting++
			}
		}
		return ready == 1 && waiting == 1
	})
}
