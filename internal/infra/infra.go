// Package infra checks Terraform's files of an infrastructure as far as that can
// be done without the cloud: are they formatted, do their modules and providers
// come together, are they valid, do their tests pass, does the Bicep beside them
// compile, and does a plan keep to the policies beside them.
package infra

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// Oldest is the oldest Terraform that the infrastructure is written for.
const Oldest = "1.11.0"

// The steps of a check, in their order.
const (
	StepTerraform = "terraform" // is it there, and new enough
	StepFormat    = "format"    // terraform fmt
	StepInit      = "init"      // terraform init, without its backend
	StepValid     = "valid"     // terraform validate
	StepTest      = "test"      // terraform test, of the module's own tests
	StepBicep     = "bicep"     // bicep build of ../bicep, where there is one
	StepPolicies  = "policies"  // a plan, by the policies in ../policy
)

// A Step is one thing that was checked.
type Step struct {
	Name     string   `json:"name"`
	OK       bool     `json:"ok"`
	Skipped  bool     `json:"skipped,omitempty"`  // nothing was checked, and Detail says why; it counts as OK
	Detail   string   `json:"detail,omitempty"`   // what was found, in a line
	Problems []string `json:"problems,omitempty"` // what is wrong, a line each, with file and line where they are known
}

// A Report is what a check found. Steps after the first that the others need and
// that failed are missing from it.
type Report struct {
	Folder string `json:"folder"`
	Steps  []Step `json:"steps"`
}

// OK tells whether all that was to be checked was, and is right.
func (r Report) OK() bool {
	for _, s := range r.Steps {
		if !s.OK {
			return false
		}
	}
	return slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Name == StepTest })
}

// ErrNoTerraform says that there is no Terraform to check with.
var ErrNoTerraform = errors.New("terraform is not installed")

// Check checks the root module in folder, and a plan of it unless plan is empty: the
// file of one, as terraform plan -out or terraform show -json writes it. It writes into
// the folder what terraform init writes: providers and modules in .terraform, and the
// lock file. An error is one of checking; what is wrong with the files or the plan is in
// the report.
func Check(ctx context.Context, folder, plan string) (Report, error) {
	r := Report{Folder: folder}
	files, err := filepath.Glob(filepath.Join(folder, "*.tf"))
	if err != nil {
		return r, fmt.Errorf("looking for Terraform's files: %w", err)
	}
	if len(files) == 0 {
		if _, err := os.Stat(folder); err != nil {
			return r, err
		}
		return r, fmt.Errorf("%s has no file *.tf: %w", folder, fs.ErrNotExist)
	}
	program, err := exec.LookPath("terraform")
	if err != nil {
		return r, fmt.Errorf("%w: %w", ErrNoTerraform, err)
	}
	t := terraform{program: program, folder: folder}
	for _, step := range []struct {
		check  func(context.Context) (Step, error)
		needed bool // by those after it
	}{{t.version, true}, {t.format, false}, {t.init, true}, {t.validate, true}, {t.test, false}} {
		s, err := step.check(ctx)
		if err != nil {
			return r, err
		}
		r.Steps = append(r.Steps, s)
		if step.needed && !s.OK {
			break
		}
	}
	template := filepath.Join(folder, "..", "bicep", "main.bicep")
	if _, err := os.Stat(template); err == nil {
		s, err := compile(ctx, template)
		if err != nil {
			return r, err
		}
		r.Steps = append(r.Steps, s)
	}
	if plan == "" && !t.hasPolicies() {
		return r, nil
	}
	s, err := t.policies(ctx, plan)
	if err != nil {
		return r, err
	}
	r.Steps = append(r.Steps, s)
	return r, nil
}
