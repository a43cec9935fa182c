//go:build e2e && linux

package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestAdopt takes over plain objects under load, deploys over what it adopted, and
// leaves that as plain objects again, which need no Davit.
func TestAdopt(t *testing.T) {
	t.Parallel()
	h := plainHarbour(t)
	traffic := h.begin(100)
	traffic.settle(100)

	plan, err := h.Adopt(t.Context(), "v1")
	h.must(err)
	if plan.Exit != 0 || !strings.Contains(plan.Stdout, "HTTPRoute shop") {
		h.Fatalf("showing exited %d: %s%s", plan.Exit, plan.Stdout, plan.Stderr)
	}
	if claimed := h.kubectl("get", "deployments,httproutes", "--selector=app.kubernetes.io/managed-by=davit", "--output=name"); claimed != "" {
		h.Errorf("showing has changed %s", claimed)
	}
	h.adopt()
	h.adopt() // again: there is nothing left to do
	h.adopted()
	if team := h.kubectl("get", "pods", "--selector=davit.dev/service=api", "--output=jsonpath={.items[*].metadata.annotations.team}"); team != "checkout checkout" {
		h.Errorf("the pods' annotations are %q, want those of the plain ones", team)
	}
	h.promote(rig.Canary, "v2")

	result, err := h.Run(t.Context(), "disown", "production", "--application", "shop", "--reason", "moves away")
	h.must(err)
	if result.Exit != 0 {
		h.Fatalf("davit disown exited %d: %s%s", result.Exit, result.Stdout, result.Stderr)
	}
	h.must(h.Break(syscall.SIGKILL))
	if left := h.kubectl("get", "deployments,services,configmaps,httproutes,poddisruptionbudgets", "--selector=davit.dev/application", "--output=name"); left != "" {
		h.Errorf("of Davit's own %s is left", left)
	}
	if managers := h.kubectl("get", "deployments,httproutes", "--output=jsonpath={.items[*].metadata.managedFields[*].manager}"); slices.Contains(strings.Fields(managers), "davit") {
		h.Errorf("fields are managed by %s", managers)
	}
	traffic.settle(100)
	traffic.lossless()
}

// TestAdoptKilled kills the server in the middle of an adoption. The next one goes on.
func TestAdoptKilled(t *testing.T) {
	t.Parallel()
	h := plainHarbour(t)
	traffic := h.begin(100)
	moments := map[string]func(context.Context) error{
		"the plain ones are claimed": h.there("deployment", "--selector=davit.dev/adopting"),
		"the release has pods":       h.there("pods", "--selector=davit.dev/service=api"),
		"it has a route":             h.there("httproute", "--selector=davit.dev/application=shop"),
	}
	for _, moment := range []string{"the plain ones are claimed", "the release has pods", "it has a route"} {
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			_, _ = h.Adopt(t.Context(), "v1", "--yes") // its server is killed
		}()
		h.until(moment, moments[moment])
		h.must(h.Break(syscall.SIGKILL))
		<-asked
		h.must(h.Start(t.Context()))
	}
	h.adopt()
	h.adopted()
	traffic.lossless()
}

// plainHarbour is a harbour whose application runs as plain objects.
func plainHarbour(t *testing.T) *harbour {
	t.Helper()
	h := newHarbour(t, func(o *rig.Options) { o.Replicas = 2 })
	h.must(h.Space.Plain(t.Context(), h.Front, "v1"))
	h.until("the plain objects serve", h.Answers(h.Front, "/readyz"))
	return h
}

// adopt adopts v1.
func (h *harbour) adopt() {
	h.Helper()
	result, err := h.Adopt(h.Context(), "v1", "--yes")
	h.must(err)
	if result.Exit != 0 {
		h.Fatalf("davit adopt exited %d: %s%s", result.Exit, result.Stdout, result.Stderr)
	}
}

// adopted wants v1 to be the stable release, and the plain objects to be gone.
func (h *harbour) adopted() {
	h.Helper()
	s, err := h.Status(h.Context())
	h.must(err)
	if stable := s.Environment.Stable; stable.Short() != "v1" || s.Split[stable] != davit.Whole {
		h.Fatalf("stable is %s with split %v, want v1 alone", stable, s.Split)
	}
	if left := h.kubectl("get", "deployments,httproutes", "--selector=!davit.dev/application", "--output=name"); left != "" {
		h.Fatalf("%s is left", left)
	}
}

// there asks whether there is an object.
func (h *harbour) there(args ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		out, err := h.Kubectl(ctx, append([]string{"get", "--output=name"}, args...)...)
		if err == nil && out == "" {
			err = fmt.Errorf("there is no %v", args)
		}
		return err
	}
}
