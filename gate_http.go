package davit

import "fmt"

// GateHTTP is the kind of gate that asks every instance of the candidate.
const GateHTTP = "http"

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
