//go:build e2e && linux

package kubernetes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// suite is the gate that runs the whole validation suite, told what the api is for,
// with some further settings.
func suite(settings string) rig.Strategy {
	return rig.Strategy{Name: "validated", Rules: "blueGreen", Patience: "3m", Gates: []string{`{validation: {settings: {
      health.instances: {with: {path: /livez}}, runtime.stop: {with: {path: /api/products}}, performance.parallel: {with: {path: /api/products}},
      functional.requests: {with: {requests: [{path: /api/products, json: {"$.version": "${version}"}}]}}` + settings + `}}}`}}
}

// TestValidation has releases judged by the validation suite, through the Gateway and
// on every pod: one that is well, one whose answers are not, and one whose pods may do
// more than they should.
func TestValidation(t *testing.T) {
	t.Parallel()
	api := newHinderer(t)
	h := newHarbour(t, func(o *rig.Options) { o.Replicas, o.Kubeconfig = 2, api.kubeconfig() })
	h.must(h.Fault("v3", `{"api": {"errorRate": 1}}`))
	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(25)

	h.T.Run("Passes", func(t *testing.T) {
		h := h.on(t)
		before := len(api.since(0))
		d := h.promote(suite(""), "v2")
		t.Logf("it took %s", ms(d.Ended.Sub(d.Began)))
		asked := map[string]bool{} // pods
		for _, path := range api.since(before) {
			if _, rest, ok := strings.Cut(path, "/namespaces/"+h.Space.Name+"/pods/"); ok && strings.Contains(rest, "/proxy/") {
				pod, _, _ := strings.Cut(rest, ":")
				asked[pod] = true
			}
		}
		s, err := h.Status(t.Context())
		h.must(err)
		for _, i := range s.Instances {
			if i.Service == "api" && !asked[i.ID] {
				h.Errorf("of the pods %v were asked through the API server, and not %s", asked, i.ID)
			}
		}
		if p := h.receipt(d.Rollout.ID); p.Outcome != davit.Promoted || !strings.Contains(fmt.Sprint(p.Stages), "{validation pass ") {
			h.Errorf("the receipt says %s, %+v", p.Outcome, p.Stages)
		}
	})
	fails := func(name, version, settings, check string) {
		h.T.Run(name, func(t *testing.T) {
			h := h.on(t)
			d := h.haulBack(suite(settings), version)
			t.Logf("it took %s: %s", ms(d.Ended.Sub(d.Began)), d.Rollout.Cause)
			if p := h.receipt(d.Rollout.ID); p.Outcome != davit.RolledBack || !strings.Contains(p.Reason, check) || !strings.Contains(fmt.Sprint(p.Stages), check) {
				h.Errorf("the receipt says %s, %s, %+v; want %s to be named", p.Outcome, p.Reason, p.Stages, check)
			}
			h.settled(davit.RolledBack, "v2")
		})
	}
	fails("Answers", "v3", "", "functional.requests")
	h.must(h.Write("api.yaml", "spec: {containers: [{name: api, workingDir: /davit}]}"))
	fails("Writable", "v1", ", runtime.readonly: {severity: required}", "runtime.readonly")
	traffic.lossless()
}
