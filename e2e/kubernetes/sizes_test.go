//go:build e2e && linux

package kubernetes

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestStableShrinks lets the stable release shrink as its share does. When the
// candidate is hauled back, what has gone is started again before it gets traffic.
func TestStableShrinks(t *testing.T) {
	t.Parallel()
	h := newHarbour(t, func(o *rig.Options) { o.Replicas = 4 })
	h.must(h.Fault("v1", `{"api": {"slowStart": "1500ms"}}`)) // which is seen, should it get traffic sooner
	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(25)
	dynamic := rig.Strategy{
		Name: "dynamic", Rules: "{canary: {steps: [25, 75, 100], bake: 0s, dynamicStableScale: true}}",
		Approvals: "{before: 75%, author: true}, {before: 100%, author: true}", Deadline: "10m",
	}
	ended := make(chan *rig.Deployment, 1)
	go func() {
		d, err := h.Deploy(t.Context(), dynamic, "v2")
		if err != nil {
			t.Error(err)
		}
		ended <- d
	}()
	h.sizes(3, 1)
	h.order("approve")
	h.sizes(1, 3)
	h.order("abort", "--reason", "the sea is wrong")
	d := <-ended
	if d == nil || d.Exit != 3 {
		h.Fatalf("it ended as %+v", d)
	}
	h.settled(davit.RolledBack, "v1")
	var pods corev1.PodList
	h.must(json.Unmarshal([]byte(h.kubectl("get", "pods", "--selector=davit.dev/service=api", "--field-selector=status.phase=Running", "--output=json")), &pods))
	for _, pod := range pods.Items {
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.LastTransitionTime.After(d.BackAt()) {
				h.Errorf("all traffic was back at %s, and pod %s ready at %s", d.BackAt().Format(time.StampMilli), pod.Name, c.LastTransitionTime)
			}
		}
	}
	if len(pods.Items) != 4 {
		h.Errorf("%d pods run, want 4", len(pods.Items))
	}
	traffic.lossless()
}

// sizes waits until the rollout does, with that many pods of the api of either release.
func (h *harbour) sizes(stable, candidate int) {
	h.Helper()
	h.when(fmt.Sprintf("%d pods of the stable release and %d of the candidate serve", stable, candidate), func(s *rig.Status) bool {
		if !awaited(s) {
			return false
		}
		ready := map[davit.ReleaseID]int{}
		for _, i := range s.Instances {
			if i.Service == "api" && i.Condition == davit.Ready {
				ready[i.Release]++
			}
		}
		return ready[s.Environment.Stable] == stable && ready[s.Rollout.Plan.Target] == candidate
	})
}
