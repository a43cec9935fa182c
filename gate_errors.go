package davit

import "fmt"

// GateErrors is the kind of gate on the share of failed requests.
const GateErrors = "errors"

// ErrorsParams are the parameters of an errors gate: of the candidate's
// requests in this stage, at least MinRequests, at most MaxRate failed.
type ErrorsParams struct {
	MaxRate     float64 `json:"maxRate"`           // 0 to 1
	MinRequests int64   `json:"minRequests"`       // at least 1
	Service     string  `json:"service,omitempty"` // "" all of them together
}

// ErrorRate returns a gate on the share of failed requests.
func ErrorRate(name string, p ErrorsParams) Gate {
	g := gate(GateErrors, name, fmt.Sprintf("errors at most %s of at least %d requests", rate(p.MaxRate), p.MinRequests), 0, p)
	g.NeedsTraffic = true
	return g
}
