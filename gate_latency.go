package davit

import (
	"fmt"
	"strconv"
)

// GateLatency is the kind of gate on a quantile of the latency.
const GateLatency = "latency"

// LatencyParams are the parameters of a latency gate.
type LatencyParams struct {
	Quantile    float64  `json:"quantile"` // 0 to 1
	Max         Duration `json:"max"`
	MinRequests int64    `json:"minRequests"`
	Service     string   `json:"service,omitempty"`
}

// Latency returns a gate on a quantile of the candidate's latency.
func Latency(name string, p LatencyParams) Gate {
	g := gate(GateLatency, name, fmt.Sprintf("p%s at most %s over at least %d requests",
		strconv.FormatFloat(p.Quantile*100, 'f', -1, 64), p.Max, p.MinRequests), 0, p)
	g.NeedsTraffic = true
	return g
}
