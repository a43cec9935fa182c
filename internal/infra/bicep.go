package infra

import (
	"context"
	"os/exec"
)

// compile compiles a template of Bicep, and what it uses, with the compiler
// that is there: bicep, or the one of the Azure CLI.
func compile(ctx context.Context, template string) (Step, error) {
	s := Step{Name: StepBicep, OK: true}
	var args []string
	if program, err := exec.LookPath("bicep"); err == nil {
		args = []string{program, "build", "--stdout", template}
	} else if program, err := exec.LookPath("az"); err == nil {
		args = []string{program, "bicep", "build", "--stdout", "--file", template}
	} else {
		s.Skipped, s.Detail = true, "neither bicep nor az is installed, so "+template+" was not compiled"
		return s, nil
	}
	_, complaints, ok, err := run(ctx, exec.CommandContext(ctx, args[0], args[1:]...))
	if err != nil {
		return s, err
	}
	s.OK, s.Problems = ok, lines(complaints)
	return s, nil
}
