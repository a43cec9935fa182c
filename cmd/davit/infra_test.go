package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
)

// runInfra runs "davit infra" with arguments.
func runInfra(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := &cobra.Command{Use: "davit", SilenceErrors: true, SilenceUsage: true}
	cmd.PersistentFlags().StringP("output", "o", "text", "")
	cmd.AddCommand(newInfraCommand())
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs(append([]string{"infra"}, args...))
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestInfraCheckWithoutTerraform(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := runInfra(t, "check", filepath.Join("..", "..", "infra", "terraform"))
	if exitCode(err) != exitUnavailable || !strings.Contains(errorText(err), "nothing was checked") {
		t.Errorf("%v", err)
	}
}

func TestInfraCheckOfNothing(t *testing.T) {
	_, err := runInfra(t, "check", t.TempDir())
	if e, ok := errors.AsType[*davit.Error](err); !ok || e.Code != davit.CodeInvalid || !strings.Contains(e.Hint, "FOLDER") {
		t.Errorf("%v", err)
	}
}

// A plan that was asked for and not judged is an outcome of its own.
func TestInfraCheckThatJudgesNoPlan(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"terraform/main.tf": "", "policy/rules.rego": "package infra\n", "plan.json": `{"format_version": "1.2", "configuration": {}, "resource_changes": []}`} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", terraformStandIn(t))
	_, err := runInfra(t, "check", filepath.Join(dir, "terraform"), "--plan", filepath.Join(dir, "plan.json"))
	if exitCode(err) != exitUnavailable || !strings.Contains(errorText(err), "the plan was not judged") {
		t.Errorf("%v", err)
	}
	_, err = runInfra(t, "check", filepath.Join(dir, "terraform"), "--plan", filepath.Join(dir, "none"))
	if e, ok := errors.AsType[*davit.Error](err); !ok || e.Code != davit.CodeInvalid || !strings.Contains(e.Hint, "terraform plan -out") {
		t.Errorf("%v", err)
	}
}

func TestInfraCheck(t *testing.T) {
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Setenv("PATH", terraformStandIn(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	t.Setenv("TF_CLI_CONFIG_FILE", os.DevNull)
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("output \"one\" {\n  value = 1\n}\n")
	out, err := runInfra(t, "check", dir)
	if err != nil || !strings.Contains(out, "valid      ok\n") {
		t.Errorf("%v\n%s", err, out)
	}
	write("output \"one\" {\n  value = var.one\n}\n")
	out, err = runInfra(t, "check", dir, "--output", "json")
	var report struct {
		OK    bool
		Steps []struct {
			Name     string
			OK       bool
			Problems []string
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	last := report.Steps[len(report.Steps)-1]
	if !errors.Is(err, outcome(exitFailed)) || report.OK || last.Name != "valid" || last.OK || !strings.HasPrefix(last.Problems[0], "main.tf:2: ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// terraformStandIn returns a folder with a program that says of the two modules
// above what Terraform says, for machines that have none.
func terraformStandIn(t *testing.T) string {
	t.Helper()
	const script = `#!/bin/sh
case "$1" in
version) echo '{"terraform_version": "1.11.4"}' ;;
validate)
	if grep -q var.one main.tf; then
		echo '{"valid": false, "diagnostics": [{"severity": "error", "summary": "Reference to undeclared input variable", "range": {"filename": "main.tf", "start": {"line": 2}}}]}'
		exit 1
	fi
	echo '{"valid": true, "diagnostics": []}'
	;;
esac
`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "terraform"), []byte(script), 0o700); err != nil { //nolint:gosec // a program is executable
		t.Fatal(err)
	}
	return dir
}
