package config

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
)

func withGates(gates string) []byte {
	return []byte("application: shop\nservices: {web: {command: run}}\nenvironments:\n  staging:\n    listen: [\":8080\"]\n    gates:\n" + gates)
}

// onlyMoon knows one check, and one parameter of it.
var onlyMoon = CheckVerifier{
	Name: func(name string) error {
		if name != "moon" && name != "moon.phase" {
			return &davit.Error{Message: "there is no " + name, Hint: "try moon.phase"}
		}
		return nil
	},
	Settings: func(id string, s davit.CheckSettings) error {
		if id != "moon.phase" || len(s.With) > 0 && !strings.HasPrefix(string(s.With), `{"at":`) {
			return errors.New("that is not how to look at it")
		}
		return nil
	},
}

func TestValidationGate(t *testing.T) {
	two := 2
	for name, c := range map[string]struct {
		gates string
		want  davit.ValidationParams
	}{
		"its kind alone": {"      - validation\n", davit.ValidationParams{}},
		"an empty one":   {"      - validation: {}\n", davit.ValidationParams{}},
		"a choice":       {"      - validation: {checks: [moon], without: [moon.phase]}\n", davit.ValidationParams{Checks: []string{"moon"}, Without: []string{"moon.phase"}}},
		"settings": {
			"      - validation: {settings: {moon.phase: {severity: advisory, timeout: 2s, retries: 2, with: {at: [\"${version} night\", 1.5, True, .inf, {a: b}]}}}}\n",
			davit.ValidationParams{Settings: map[string]davit.CheckSettings{"moon.phase": {
				Severity: davit.Advisory, Timeout: 2e9, Retries: &two, With: json.RawMessage(`{"at":["v7 night",1.5,true,".inf",{"a":"b"}]}`),
			}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Parse("davit.yaml", withGates(c.gates), onlyMoon)
			if err != nil {
				t.Fatal(err)
			}
			gates, err := f.Gates("staging", "v7")
			if err != nil || len(gates) != 1 {
				t.Fatalf("%d gates, %v", len(gates), err)
			}
			if diff := cmp.Diff(davit.Validation("validation", c.want), gates[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWrongValidationGate(t *testing.T) {
	for gates, want := range map[string]string{
		"      - validatoin\n":                                                        `did you mean "validation"?`,
		"      - errors\n":                                                            "cannot be \"errors\"",
		"      - validation: {checks: [Sun]}\n":                                       "names are as in security.hsts",
		"      - validation: {checks: [sun]}\n":                                       "there is no sun",
		"      - validation: {without: [sun.set]}\n":                                  "try moon.phase",
		"      - validation: {settings: {sun.set: {}}}\n":                             "davit.yaml:7:33: that is not how",
		"      - validation: {settings: {moon.phase: {with: {it: 1}}}}\n":             "that is not how",
		"      - validation: {settings: {moon.phase: {with: all}}}\n":                 "with must be a mapping",
		"      - validation: {settings: {moon.phase: {severity: grave}}}\n":           "severity cannot be",
		"      - validation: {settings: {moon.phase: {with: {at: \"${nobody}\"}}}}\n": "has no value for ${nobody}",
	} {
		if _, err := Parse("davit.yaml", withGates(gates), onlyMoon); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", strings.TrimSpace(gates), err, want)
		}
	}
	// Without a verifier names are taken as they are.
	if _, err := Parse("davit.yaml", withGates("      - validation: {checks: [sun]}\n")); err != nil {
		t.Error(err)
	}
}
