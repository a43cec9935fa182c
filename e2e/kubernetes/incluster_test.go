//go:build e2e && linux

package kubernetes

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestServerInTheCluster runs the server by the manifests that are shipped, in a
// namespace whose Pod Security is restricted, and deploys through it from outside. Its
// pod is deleted in the middle of a rollout, which the next one ends as promised;
// nobody loses a request. The tests' own cluster takes NetworkPolicies and enforces
// none.
func TestServerInTheCluster(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.kubectl("label", "namespace", p.Space.Name, "pod-security.kubernetes.io/enforce=restricted")
	server := p.install()
	r, err := rig.New(t.Context(), rig.Options{Davit: davitPath, Space: p.Space, Replicas: 2, Remote: server.reach("operator")})
	p.must(err)
	t.Cleanup(func() { p.must(r.Close(context.Background())) })
	h := &harbour{p, r}

	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(30)
	h.must(h.Ask(t.Context(), rig.Strategy{Rules: "{canary: {steps: [50, 100], bake: 3s}}"}, "v2"))
	_, err = h.When(t.Context(), "the candidate has its share", func(s *rig.Status) bool { return len(s.Split) == 2 })
	h.must(err)
	h.kubectl("delete", "pod", "davit-0")
	gone := time.Now()
	h.settled(davit.Promoted, "v2")
	s, err := h.Status(t.Context())
	h.must(err)
	if ended := s.Rollout.EndedAt; ended.Before(gone) {
		h.Errorf("the rollout had ended %s before the server's pod was gone", gone.Sub(ended))
	}
	t.Logf("the rollout ended %s after the server's pod was gone", ms(s.Rollout.EndedAt.Sub(gone)))
	traffic.lossless()

	logs, err := h.Run(t.Context(), "logs", "production", "--application", "shop", "--service", "api", "--output", "json")
	h.must(err)
	if logs.Exit != 0 || !strings.Contains(logs.Stdout, "\n") {
		h.Errorf("davit logs exited %d: %s%s", logs.Exit, logs.Stdout, logs.Stderr)
	}
	r.Remote = server.reach("nobody")
	refused, err := h.Run(t.Context(), "status")
	h.must(err)
	if refused.Exit != 4 {
		h.Errorf("with a wrong token davit status exited %d: %s%s", refused.Exit, refused.Stdout, refused.Stderr)
	}
}
