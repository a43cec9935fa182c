package demo

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed davit.yaml.tmpl
var settingsSource string

// Strategy is how the shop is rolled out: what differs between the davit.yaml
// files of a rig.
type Strategy struct {
	Name  string   // of the file
	Rules string   // the strategy, as davit.yaml says it
	Gates []string // the gates, as davit.yaml says them
	// Deadline and Window are the environment's deadline and rollback window.
	Deadline, Window string
	// Replicas of the api; 0 is 4.
	Replicas int
}

// The strategies of the demo.
var (
	BlueGreen = Strategy{Name: "blue-green", Rules: "blueGreen", Gates: []string{ErrorsGate}, Deadline: "30s", Window: "2s"}
	Canary    = Strategy{Name: "canary", Rules: "{canary: {steps: [5, 25, 50, 100], bake: 1s}}", Gates: []string{ErrorsGate}, Deadline: "30s", Window: "2s"}
	Rolling   = Strategy{Name: "rolling", Rules: "{rolling: {batch: 1, maxSurge: 1, bake: 500ms}}", Gates: []string{ErrorsGate}, Deadline: "30s", Window: "2s"}
	impatient = Strategy{Name: "impatient", Rules: "blueGreen", Gates: []string{ErrorsGate}, Deadline: "4s", Window: "2s"}
)

// ErrorsGate allows one request in a hundred to fail.
const ErrorsGate = "{errors: {max: 1%, minRequests: 20}}"

// render returns the davit.yaml of a strategy.
func (s Strategy) render(front, ledger string) (string, error) {
	t, err := template.New("davit.yaml").Parse(settingsSource)
	if err != nil {
		return "", fmt.Errorf("reading the template of davit.yaml: %w", err)
	}
	var text strings.Builder
	err = t.Execute(&text, map[string]any{"Strategy": s, "Front": front, "Ledger": ledger})
	if err != nil {
		return "", fmt.Errorf("writing davit.yaml: %w", err)
	}
	return text.String(), nil
}
