package infra

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// terraform runs the program on a folder.
type terraform struct{ program, folder string }

// run returns what it printed, and whether it exited with 0. An error is that it
// could not be run at all.
func (t terraform) run(ctx context.Context, args ...string) (stdout, stderr string, ok bool, err error) {
	cmd := exec.CommandContext(ctx, t.program, args...)
	cmd.Dir = t.folder
	cmd.Env = append(os.Environ(), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")
	return run(ctx, cmd)
}

// run runs a program, and interrupts it when the context ends.
func run(ctx context.Context, cmd *exec.Cmd) (stdout, stderr string, ok bool, err error) {
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	// Interrupted, it ends the providers that it started; killed, it could not.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err = cmd.Run()
	if ctx.Err() != nil {
		return "", "", false, ctx.Err()
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return "", "", false, fmt.Errorf("running %s: %w", strings.Join(cmd.Args, " "), err)
	}
	return out.String(), complaints.String(), err == nil, nil
}

func (t terraform) version(ctx context.Context) (Step, error) {
	out, complaints, ok, err := t.run(ctx, "version", "-json")
	if err != nil {
		return Step{}, err
	}
	var is struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal([]byte(out), &is); err != nil || !ok {
		return Step{}, fmt.Errorf("terraform does not tell its version: %s", strings.TrimSpace(complaints))
	}
	s := Step{Name: StepTerraform, OK: semver.Compare("v"+is.Version, "v"+Oldest) >= 0, Detail: is.Version}
	if !s.OK {
		s.Problems = []string{fmt.Sprintf("terraform %s is older than %s", is.Version, Oldest)}
	}
	return s, nil
}

func (t terraform) format(ctx context.Context) (Step, error) {
	out, complaints, ok, err := t.run(ctx, "fmt", "-check", "-recursive", "-no-color")
	if err != nil {
		return Step{}, err
	}
	s := Step{Name: StepFormat, OK: ok}
	for _, file := range lines(out) {
		s.Problems = append(s.Problems, file+" is not formatted: terraform fmt -recursive")
	}
	if !ok && len(s.Problems) == 0 {
		s.Problems = lines(complaints)
	}
	return s, nil
}

func (t terraform) init(ctx context.Context) (Step, error) {
	_, complaints, ok, err := t.run(ctx, "init", "-backend=false", "-input=false", "-no-color")
	if err != nil {
		return Step{}, err
	}
	s := Step{Name: StepInit, OK: ok}
	if !ok {
		s.Problems = lines(complaints)
	}
	return s, nil
}

func (t terraform) validate(ctx context.Context) (Step, error) {
	out, complaints, ok, err := t.run(ctx, "validate", "-json")
	if err != nil {
		return Step{}, err
	}
	var answer struct {
		Diagnostics []diagnostic `json:"diagnostics"`
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		return Step{}, fmt.Errorf("terraform validate did not answer in JSON: %w\n%s", err, strings.TrimSpace(complaints))
	}
	s := Step{Name: StepValid, OK: ok}
	for _, d := range answer.Diagnostics {
		s.Problems = append(s.Problems, d.String())
	}
	return s, nil
}

// test runs the module's own tests, which is none of them where it has none.
func (t terraform) test(ctx context.Context) (Step, error) {
	s := Step{Name: StepTest, OK: true}
	for _, pattern := range []string{"*.tftest.hcl", "tests/*.tftest.hcl"} {
		files, err := filepath.Glob(filepath.Join(t.folder, pattern))
		if err != nil {
			return s, fmt.Errorf("looking for tests: %w", err)
		}
		if len(files) == 0 {
			continue
		}
		out, complaints, ok, err := t.run(ctx, "test", "-no-color")
		if err != nil {
			return s, err
		}
		s.OK = ok
		said := lines(out)
		if ok && len(said) > 0 {
			s.Detail = said[len(said)-1]
		}
		if !ok {
			s.Problems = append(said, lines(complaints)...)
		}
		return s, nil
	}
	s.Skipped, s.Detail = true, "there are no tests"
	return s, nil
}

// diagnostic is one of terraform validate: an error or a warning.
type diagnostic struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Range    *struct {
		File  string `json:"filename"`
		Start struct {
			Line int `json:"line"`
		} `json:"start"`
	} `json:"range"`
}

func (d diagnostic) String() string {
	text := d.Summary
	if detail := strings.Join(lines(d.Detail), " "); detail != "" {
		text += ": " + detail
	}
	if d.Range != nil {
		text = fmt.Sprintf("%s:%d: %s", d.Range.File, d.Range.Start.Line, text)
	}
	if d.Severity != "error" {
		text = d.Severity + ": " + text
	}
	return text
}

// lines returns the lines of a text that say something, without the frames that
// Terraform draws around errors.
func lines(text string) []string {
	var said []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(strings.TrimLeft(line, "│╷╵ ")); line != "" {
			said = append(said, line)
		}
	}
	return said
}
