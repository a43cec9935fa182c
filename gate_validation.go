package davit

import (
	"encoding/json"
	"fmt"
	"strings"
)

// GateValidation is the kind of gate that runs the validation suite.
const GateValidation = "validation"

// ValidationParams are the parameters of a validation gate. The zero value is
// the whole suite with its defaults.
type ValidationParams struct {
	// Checks names the checks to run, by ID or category; all when empty.
	Checks []string `json:"checks,omitempty"`
	// Without names checks that are left out, by ID or category.
	Without []string `json:"without,omitempty"`
	// Settings changes checks, by ID.
	Settings map[string]CheckSettings `json:"settings,omitempty"`
}

// CheckSettings change one check. What is left out stays as the check has it.
type CheckSettings struct {
	Severity Severity        `json:"severity,omitempty"`
	Timeout  Duration        `json:"timeout,omitempty"` // of one try
	Retries  *int            `json:"retries,omitempty"` // after the first try
	With     json.RawMessage `json:"with,omitempty"`    // the check's own parameters
}

// Severity says what it means that a check fails.
type Severity string

// The severities of checks.
const (
	Required Severity = "required" // the release is hauled back
	Advisory Severity = "advisory" // it is told in the evidence
)

// Validation returns a gate that runs the validation suite against the
// candidate: through the front door and on each instance.
func Validation(name string, p ValidationParams) Gate {
	says := "the validation suite finds no fault"
	if len(p.Checks) > 0 {
		says = fmt.Sprintf("validation of %s finds no fault", strings.Join(p.Checks, ", "))
	}
	return gate(GateValidation, name, says, 0, p)
}
