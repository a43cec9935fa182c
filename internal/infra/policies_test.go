package infra

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A plan is judged by whichever program is there, and a report says by which: a plan
// that nothing judged is no good plan.
func TestCheckJudgesAPlan(t *testing.T) {
	const (
		head  = `{"format_version": "1.2", "configuration": {}, "resource_changes": [], "wrong": [`
		good  = head + `]}`
		wrong = head + `{"rule": "identity", "address": "azurerm_container_registry.this", "says": "the admin user is on"}]}`
	)
	says := []string{"azurerm_container_registry.this: the admin user is on"}
	for _, tc := range []struct {
		name, plan string // what the file has; none without
		programs   []string
		module     bool // ../validate is there
		want       Step
		err        error
	}{
		{"opa", wrong, []string{"opa", "go"}, true, Step{Name: StepPolicies, Detail: "judged by opa", Problems: says}, nil},
		{"opa of a good plan", good, []string{"opa"}, false, Step{Name: StepPolicies, OK: true, Detail: "judged by opa"}, nil},
		{"go", wrong, []string{"go"}, true, Step{Name: StepPolicies, Detail: "judged by go, with infra/validate", Problems: says}, nil},
		{"go of a good plan", good, []string{"go"}, true, Step{Name: StepPolicies, OK: true, Detail: "judged by go, with infra/validate"}, nil},
		{"saved", "PK" + wrong, []string{"opa"}, false, Step{Name: StepPolicies, Detail: "judged by opa", Problems: says}, nil},
		{"saved, and cut", "PX", []string{"opa"}, false, Step{Name: StepPolicies, Problems: []string{"Error: Failed to read the given file as a state or plan file"}}, nil},
		{"a state", `{"format_version": "1.0", "values": {}}`, []string{"opa"}, false, Step{Name: StepPolicies, Problems: []string{"PLAN is no plan of Terraform's: save one with terraform plan -out, or give what terraform show -json says of it"}}, nil},
		{"cut", good[:20], []string{"opa"}, false, Step{Name: StepPolicies, Problems: []string{"PLAN is no plan of Terraform's: save one with terraform plan -out, or give what terraform show -json says of it"}}, nil},
		{"no program", good, nil, true, Step{}, ErrNoJudge},
		{"go without the module", good, []string{"go"}, false, Step{}, ErrNoJudge},
		{"no plan", "", []string{"opa"}, true, Step{}, ErrNoPlan},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("PATH", standIns(t, append(tc.programs, "terraform")...))
			dir := withPolicies(t, tc.module)
			plan := filepath.Join(dir, "plan")
			if tc.plan != "" {
				if err := os.WriteFile(plan, []byte(tc.plan), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r, err := Check(t.Context(), filepath.Join(dir, "terraform"), plan)
			if !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
			if tc.err != nil {
				if len(r.Steps) > 0 && r.Steps[len(r.Steps)-1].Name == StepPolicies {
					t.Errorf("%+v", r)
				}
				return
			}
			got := r.Steps[len(r.Steps)-1]
			for i := range tc.want.Problems {
				tc.want.Problems[i] = strings.Replace(tc.want.Problems[i], "PLAN", plan, 1)
			}
			if got.Name != tc.want.Name || got.OK != tc.want.OK || got.Skipped || got.Detail != tc.want.Detail || !slices.Equal(got.Problems, tc.want.Problems) || r.OK() != tc.want.OK {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestCheckSaysThatNoPlanWasJudged(t *testing.T) {
	t.Setenv("PATH", standIns(t, "terraform", "opa"))
	r, err := Check(t.Context(), filepath.Join(withPolicies(t, false), "terraform"), "")
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Steps[len(r.Steps)-1]; s.Name != StepPolicies || !s.Skipped || !s.OK || !strings.Contains(s.Detail, "no plan was given (--plan)") {
		t.Errorf("%+v", s)
	}
}

// withPolicies is a folder with a root module, a policy beside it, and the module
// that judges.
func withPolicies(t *testing.T, module bool) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"terraform/main.tf": root, "policy/rules.rego": "package infra\n"}
	if module {
		files["validate/judge/main.go"] = "package main\n"
	}
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCheckJudgesNoPlanWithoutPolicies(t *testing.T) {
	t.Setenv("PATH", standIns(t, "terraform", "opa"))
	dir := folder(t, map[string]string{"main.tf": root})
	r, err := Check(t.Context(), dir, filepath.Join(dir, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Steps[len(r.Steps)-1]; s.Name != StepPolicies || s.OK || len(s.Problems) != 1 || !strings.HasPrefix(s.Problems[0], "there are no policies in ") {
		t.Errorf("%+v", s)
	}
}
