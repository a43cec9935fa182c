package infra

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is a root module that needs no provider of anybody: Terraform has its own.
const root = `variable "name" {
  type = string
}

resource "terraform_data" "this" {
  input = var.name
}
`

// folder writes files into one.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func needTerraform(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("there is no terraform here; make test-infra has one")
	}
	t.Setenv("TF_CLI_CONFIG_FILE", os.DevNull)
}

func TestCheckWithoutTerraform(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	r, err := Check(t.Context(), folder(t, map[string]string{"main.tf": root}))
	if !errors.Is(err, ErrNoTerraform) || len(r.Steps) != 0 || r.OK() {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCheckWithoutFiles(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, err := Check(t.Context(), dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestCheck(t *testing.T) {
	needTerraform(t)
	for _, tc := range []struct {
		name, main string
		failed     string // the step that fails
		says       string
	}{
		{name: "right", main: root},
		{name: "not formatted", main: strings.Replace(root, "  type =", "type=", 1), failed: StepFormat, says: "main.tf is not formatted"},
		{name: "a variable that is not declared", main: root + "\noutput \"x\" {\n  value = var.none\n}\n", failed: StepValid, says: "main.tf:10: Reference to undeclared input variable"},
		{name: "a module that is not there", main: root + "\nmodule \"m\" {\n  source = \"./none\"\n}\n", failed: StepInit, says: "none"},
		{name: "no Terraform at all", main: "resource {", failed: StepFormat, says: "Unclosed configuration block"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := Check(t.Context(), folder(t, map[string]string{"main.tf": tc.main}))
			if err != nil {
				t.Fatal(err)
			}
			if r.OK() != (tc.failed == "") {
				t.Errorf("ok is %v", r.OK())
			}
			for _, s := range r.Steps {
				if s.Name == tc.failed && (s.OK || !strings.Contains(strings.Join(s.Problems, "\n"), tc.says)) {
					t.Errorf("%+v does not say %q", s, tc.says)
				}
				if tc.failed == "" && !s.OK {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}

func TestCheckIsCancelled(t *testing.T) {
	needTerraform(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Check(ctx, folder(t, map[string]string{"main.tf": root})); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
