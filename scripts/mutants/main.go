// Command mutants checks the engine's simulation: it seeds deliberate faults
// into the engine, one at a time, and wants the simulation to find each. It
// prints one line for each fault and exits 1 if one was not found.
//
// The faults are put in by the build's overlay; no file of the tree changes.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const engine = "internal/engine"

// fault is a change of the engine's source that makes it break a promise.
type fault struct{ name, file, old, new string }

var faults = []fault{
	{"shrinks before it drains", "converge.go",
		"{davit.StepDrain, c.drain}, {davit.StepShrink, c.shrink},", "{davit.StepShrink, c.shrink}, {davit.StepDrain, c.drain},"},
	{"shrinks before it routes", "converge.go",
		"{davit.StepRoute, c.route},\n\t\t{davit.StepDrain, c.drain}, {davit.StepShrink, c.shrink},", "{davit.StepShrink, c.shrink},\n\t\t{davit.StepRoute, c.route}, {davit.StepDrain, c.drain},"},
	{"routes before anything is ready", "converge.go",
		"{davit.StepReady, c.ready}, ", ""},
	{"grows by stopping what runs", "converge.go",
		"size[service] = max(size[service], n)", "_, _ = service, n"},
	{"takes no evidence for success", "decide.go",
		"case len(p.limited)+len(p.others) == 0 || stage.Watch", "case len(p.others) >= 0 || stage.Watch"},
	{"ignores a gate that fails", "decide.go",
		"if v.Outcome == davit.Fail && ", "if v.Outcome == \"never\" && "},
	{"has no deadline", "decide.go",
		"if !deadline.IsZero() && !now.Before(deadline) {", "if false {"},
	{"has no end to its patience", "decide.go",
		"case !now.Before(limit):", "case false:"},
	{"acts before it records", "driver.go",
		"if err := d.store(ctx, &t.change); err != nil {\n\t\treturn err\n\t}\n\td.unsaid", "d.env, d.rollout = t.env, t.rollout\n\tif err := d.store(ctx, &t.change); err != nil {\n\t\treturn err\n\t}\n\td.unsaid"},
	{"goes on though a commit failed", "driver.go",
		"d.doubt = d.doubt || err != nil\n\treturn err", "_ = err\n\treturn nil"},
	{"does not look again after a lost answer of the store", "driver.go",
		"d.doubt = d.doubt || err != nil\n", ""},
	{"forgets who served when it hauls back after promotion", "transition.go",
		"t.env.Stable, t.env.Previous = r.Plan.Stable, r.Earlier", "t.env.Previous = r.Earlier"},
	{"promotes without saying who serves", "transition.go",
		"t.env.Previous, t.env.Stable = r.Plan.Stable, r.Plan.Target", "t.env.Previous = r.Plan.Stable"},
	{"ignores what an interruption asks for", "transition.go",
		"r.Policy.OnInterrupt == davit.InterruptRollback", "false"},
	{"waits for ever on a call that hangs", "converge.go",
		"ctx, cancel := context.WithTimeout(ctx, callLimit+itself)", "ctx, cancel := context.WithTimeout(ctx, 1000*callLimit+itself)"},
	{"takes one approval for as many as are asked", "judge_approval.go",
		"if len(given) >= p.Count {", "if len(given) >= 1 {"},
	{"does not record where it hauls back to", "transition.go",
		"t.state(actor, \"rollout.haul_back\", cause, r.Plan.Origin)", "_ = actor"},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "davit-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // scratch
	passed, missed := 0, 0
	for _, f := range faults {
		began := time.Now()
		found, err := f.found(dir)
		if err != nil {
			return fmt.Errorf("an engine that %s: %w", f.name, err)
		}
		word := "found"
		if passed++; !found {
			word, passed, missed = "NOT FOUND", passed-1, missed+1
		}
		fmt.Printf("%-9s in %5.1f s: an engine that %s\n", word, time.Since(began).Seconds(), f.name)
	}
	fmt.Printf("%d passed, %d failed\n", passed, missed)
	if missed > 0 {
		return fmt.Errorf("the simulation does not find %d of %d faults", missed, len(faults))
	}
	return nil
}

// found reports whether the simulation fails with the fault in.
func (f fault) found(dir string) (bool, error) {
	path, err := filepath.Abs(filepath.Join(engine, f.file))
	if err != nil {
		return false, err
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	if strings.Count(string(source), f.old) != 1 {
		return false, fmt.Errorf("%s has not just one place to put it in", f.file)
	}
	faulty := filepath.Join(dir, f.file)
	if err := os.WriteFile(faulty, []byte(strings.Replace(string(source), f.old, f.new, 1)), 0o600); err != nil {
		return false, err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: faulty}})
	if err != nil {
		return false, err
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		return false, err
	}
	binary := filepath.Join(dir, "engine.test")
	if out, err := exec.Command("go", "test", "-c", "-overlay", overlayFile, "-o", binary, "./"+engine).CombinedOutput(); err != nil {
		return false, fmt.Errorf("it does not compile: %w\n%s", err, out)
	}
	test := exec.Command(binary, "-test.run", "^TestRandom", "-test.timeout", "1m", "-simulations", "3000")
	test.Dir = engine
	out, err := test.CombinedOutput()
	if err == nil {
		return false, nil
	}
	if !strings.Contains(string(out), "FAIL") && !strings.Contains(string(out), "panic") {
		return false, fmt.Errorf("the simulation did not run: %w\n%s", err, out)
	}
	return true, nil
}
