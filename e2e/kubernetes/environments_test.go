//go:build e2e && linux

package kubernetes

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestTwoEnvironments has one application in two namespaces, which the server reaches
// by kubeconfigs of their own, and deploys to both at the same time. Neither sees
// anything of the other.
func TestTwoEnvironments(t *testing.T) {
	t.Parallel()
	second := newPlace(t)
	staging := rig.Environment{Name: "staging", Space: second.Space, Kubeconfig: elsewhere(t), Context: "staging"}
	h := newHarbour(t, func(o *rig.Options) { o.Replicas, o.Beside = 1, []rig.Environment{staging} })
	both := []*harbour{h, {second, h.At(staging)}}
	rollouts := []struct {
		strategy rig.Strategy
		version  string
		end      davit.Phase
		stable   string
	}{
		{rig.Canary, "v2", davit.Promoted, "v2"},
		{rig.BlueGreen, "v3", davit.RolledBack, "v1"},
	}
	h.must(h.Fault("v1", "{}"))
	h.must(h.Fault("v2", "{}"))
	h.must(h.Fault("v3", `{"api": {"crashAfter": "1ms"}}`))
	together := func(do func(i int, h *harbour) error) {
		t.Helper()
		var tasks errgroup.Group
		for i, h := range both {
			tasks.Go(func() error { return do(i, h) })
		}
		h.must(tasks.Wait())
	}
	together(func(_ int, h *harbour) error {
		_, err := h.Promote(t.Context(), rig.BlueGreen, "v1")
		return err
	})
	traffics := []*traffic{h.begin(25), second.begin(25)}
	deployments := make([]*rig.Deployment, 2)
	together(func(i int, h *harbour) (err error) {
		deployments[i], err = h.Deploy(t.Context(), rollouts[i].strategy, rollouts[i].version)
		return errors.Join(err, h.ends(t.Context(), rollouts[i].end, rollouts[i].stable))
	})
	if a, b := deployments[0].Rollout, deployments[1].Rollout; a.EndedAt.Before(b.StartedAt) || b.EndedAt.Before(a.StartedAt) {
		h.Errorf("one rollout waited for the other: %s to %s and %s to %s", a.StartedAt, a.EndedAt, b.StartedAt, b.EndedAt)
	}
	for i, name := range []string{"production", "staging"} {
		h, rollout := both[i], deployments[i].Rollout
		s, err := h.Status(t.Context())
		h.must(err)
		p := h.receipt(rollout.ID)
		if s.Environment.Name != name || s.Rollout.ID != rollout.ID || p.Rollout.Environment != name || p.Outcome != rollouts[i].end || len(s.Instances) != 2 {
			h.Errorf("%s: the receipt is of %s, %s; its status:\n%s", name, p.Rollout.Environment, p.Outcome, s)
		}
		for _, kind := range []string{"deployments,services,poddisruptionbudgets,configmaps", "pods,endpointslices", "httproutes"} {
			got := h.kubectl("get", kind, "--selector=app.kubernetes.io/managed-by=davit", `--output=jsonpath={.items[*].metadata.labels.davit\.dev/environment}`)
			if strings.Trim(strings.ReplaceAll(got, name, ""), " ") != "" || got == "" {
				h.Errorf("%s has %s of the environments %q", name, kind, got)
			}
		}
		traffics[i].lossless()
	}
}

// elsewhere writes a kubeconfig whose context staging is the tests' cluster, and whose
// current one leads nowhere.
func elsewhere(t *testing.T) string {
	t.Helper()
	config, err := clientcmd.NewDefaultClientConfigLoadingRules().Load()
	if err != nil {
		t.Fatal(err)
	}
	config.Contexts["staging"] = config.Contexts[config.CurrentContext]
	config.Clusters["nowhere"] = &clientcmdapi.Cluster{Server: "http://127.0.0.1:1"}
	config.Contexts["nowhere"] = &clientcmdapi.Context{Cluster: "nowhere"}
	config.CurrentContext = "nowhere"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}
