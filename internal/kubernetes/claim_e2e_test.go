//go:build e2e

package kubernetes

import (
	"testing"

	"github.com/davit-dev/davit"
)

// An environment belongs to the installation that made its Deployments; another one
// neither pins nor declares nor routes there.
func TestClaim(t *testing.T) {
	b := newBench(t)
	b.cluster.server = "ours"
	r := web(t, "v1")
	b.declare(r, davit.Size{"web": 1})
	b.declare(r, davit.Size{"web": 2})
	b.cluster.server = "theirs"
	_, pin := b.runtime.Pin(t.Context(), r.Config.Services["web"])
	for what, err := range map[string]error{
		"Pin": pin, "Declare": b.runtime.Declare(t.Context(), r, nil),
		"Route": b.cluster.Router("shop", "production", GatewayOptions{}).Route(t.Context(), davit.Routing{}),
	} {
		if davit.ErrorCode(err) != davit.CodeRefused {
			t.Errorf("%s: %v, want a refusal", what, err)
		}
	}
	if _, err := b.cluster.Runtime("shop", "staging").Pin(t.Context(), r.Config.Services["web"]); err != nil {
		t.Errorf("another environment: %v", err)
	}
}
