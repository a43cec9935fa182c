//go:build e2e

package kubernetes

import (
	"testing"

	"github.com/davit-dev/davit"
)

// Affinity is refused before a rollout where the Gateway API is installed without it, as
// here by its standard channel.
func TestAffinityIsRefused(t *testing.T) {
	b := newBench(t)
	release := web(t, "v1")
	release.Config.Routes = []davit.Route{{Host: "shop.example.org", Prefix: "/", Service: "web"}}
	options := GatewayOptions{Name: "front"}
	if err := b.cluster.Router("shop", "production", options).Check(t.Context(), nil, release); err != nil {
		t.Errorf("without affinity: %v", err)
	}
	options.Affinity = true
	if err := b.cluster.Router("shop", "production", options).Check(t.Context(), nil, release); davit.ErrorCode(err) != davit.CodeUnsupported {
		t.Errorf("with affinity: %v, want a refusal", err)
	}
}
