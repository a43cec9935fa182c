package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/davit-dev/davit/internal/validation"
)

// TestValidationGate deploys what passes and what does not, with real
// instances behind the real proxy.
func TestValidationGate(t *testing.T) {
	s := newSite(t, `blueGreen
    gates:
      - validation:
          settings:
            functional.requests: {with: {requests: [{path: /, matches: "^v[12]$"}]}}`)
	mustRun(t, "deploy", "staging", "v1")
	events := mustRun(t, "deploy", "staging", "v2", "--output", "json")
	if n := strings.Count(events, `"id":"runtime.stop","category":"runtime","severity":"required","outcome":"pass"`); n != 1 {
		t.Errorf("an instance was ended %d times, want once, in the preview:\n%s", n, events)
	}
	if got := s.get(t); got != "v2" {
		t.Errorf("%s serves", got)
	}

	r := runDavit(t, "deploy", "staging", "v3")
	if r.code != exitHauledBack || !strings.Contains(r.stdout+r.stderr, "functional.requests") {
		t.Errorf("v3: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if got := s.get(t); got != "v2" {
		t.Errorf("after v3 %s serves", got)
	}

	var report validation.Report
	if err := json.Unmarshal([]byte(mustRun(t, "validate", "staging", "--output", "json")), &report); err != nil {
		t.Fatal(err)
	}
	for _, result := range report.Results {
		switch result.ID {
		case "health.instances", "health.restarts", "functional.requests":
			if result.Outcome != validation.Passed {
				t.Errorf("%s: %s: %s", result.ID, result.Outcome, result.Reason)
			}
		case "runtime.stop":
			if result.Outcome != validation.Skipped {
				t.Errorf("davit validate ended an instance: %s", result.Reason)
			}
		}
	}
}
