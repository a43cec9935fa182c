//go:build e2e && linux

package kubernetes

import (
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestStrategies deploys by all three strategies under GETs, POSTs and open
// WebSockets, side by side: no request is lost, and no WebSocket cut.
func TestStrategies(t *testing.T) {
	t.Parallel()
	for _, s := range []rig.Strategy{rig.BlueGreen, rig.Canary, rig.Rolling} {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			if prometheus != "" {
				s.Gates = []string{rig.ErrorsGate}
			}
			h := newHarbour(t)
			h.promote(s, "v1")
			traffic := h.begin(100)
			streams, err := h.Open(t.Context(), 20)
			h.must(err)
			defer streams.Close()
			d := h.promote(s, "v2")
			t.Logf("it took %s", ms(d.Ended.Sub(d.Began)))
			h.settled(davit.Promoted, "v2")
			streams.Close()
			if f := streams.Figures(); f.Cut+f.Refused > 0 || f.Messages == 0 {
				h.Errorf("WebSockets: %+v", f)
			} else {
				t.Logf("%d WebSockets were opened, %d ended, %d cut", f.Opened, f.Ended, f.Cut)
			}
			traffic.lossless()
		})
	}
}
