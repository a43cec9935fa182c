package davit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// The kinds of gate that come with Davit.
const (
	GateInstances = "instances"
	GateBake      = "bake"
	GateHTTP      = "http"
	GateErrors    = "errors"
	GateLatency   = "latency"
)

// Instances returns the gate that every stage has: every instance of the
// candidate is ready, and none is in a crash loop.
func Instances() Gate {
	return gate(GateInstances, "instances", "every instance of the candidate is ready", 0, struct{}{})
}

// BakeParams are the parameters of a bake gate: it passes when its stage has
// been held for a time.
type BakeParams struct {
	For Duration `json:"for"`
}

// Bake returns a gate that passes d after its stage was reached.
func Bake(d time.Duration) Gate {
	return gate(GateBake, "bake", fmt.Sprintf("held for %s", d), Duration(d), BakeParams{For: Duration(d)})
}

// HTTPParams are the parameters of an http gate: every ready instance of the
// candidate's service answers as expected.
type HTTPParams struct {
	Service string   `json:"service"`
	Path    string   `json:"path"`
	Status  int      `json:"status"`             // expected status
	Body    string   `json:"contains,omitempty"` // expected part of the body
	Timeout Duration `json:"timeout"`            // of one request
	Retries int      `json:"retries"`            // after the first try
}

// HTTPCheck returns a gate that asks every instance of the candidate.
func HTTPCheck(name string, p HTTPParams) Gate {
	says := fmt.Sprintf("%s answers %d on %s", p.Service, p.Status, p.Path)
	if p.Body != "" {
		says += fmt.Sprintf(" with %q", p.Body)
	}
	return gate(GateHTTP, name, says, 0, p)
}

// ErrorsParams are the parameters of an errors gate: of the candidate's
// requests in this stage, at least MinRequests, at most MaxRate failed.
type ErrorsParams struct {
	MaxRate     float64 `json:"maxRate"`           // 0 to 1
	MinRequests int64   `json:"minRequests"`       // at least 1
	Service     string  `json:"service,omitempty"` // "" all of them together
}

// ErrorRate returns a gate on the share of failed requests.
func ErrorRate(name string, p ErrorsParams) Gate {
	return gate(GateErrors, name, fmt.Sprintf("errors at most %s of at least %d requests", rate(p.MaxRate), p.MinRequests), 0, p)
}

// LatencyParams are the parameters of a latency gate.
type LatencyParams struct {
	Quantile    float64  `json:"quantile"` // 0 to 1
	Max         Duration `json:"max"`
	MinRequests int64    `json:"minRequests"`
	Service     string   `json:"service,omitempty"`
}

// Latency returns a gate on a quantile of the candidate's latency.
func Latency(name string, p LatencyParams) Gate {
	return gate(GateLatency, name, fmt.Sprintf("p%s at most %s over at least %d requests",
		strconv.FormatFloat(p.Quantile*100, 'f', -1, 64), p.Max, p.MinRequests), 0, p)
}

// NeedsTraffic reports whether the gate judges live traffic, and so applies
// only where the candidate has a share.
func (g Gate) NeedsTraffic() bool { return g.Kind == GateErrors || g.Kind == GateLatency }

func gate(kind, name, says string, takes Duration, params any) Gate {
	encoded, err := json.Marshal(params)
	if err != nil { // the parameter types above hold nothing that JSON cannot
		panic(err)
	}
	return Gate{Name: name, Kind: kind, Says: says, Takes: takes, Params: encoded}
}

func rate(r float64) string { return strconv.FormatFloat(r*100, 'g', 4, 64) + "%" }
