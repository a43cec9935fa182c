package infra

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
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

// programs run f with the Terraform that is here, if one is, and with the
// stand-in of these tests, so that no machine checks nothing.
func programs(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Setenv("TF_CLI_CONFIG_FILE", os.DevNull)
	if _, err := exec.LookPath("terraform"); err == nil {
		t.Run("terraform", f)
	}
	t.Run("stand-in", func(t *testing.T) {
		t.Setenv("PATH", standIns(t, "terraform"))
		f(t)
	})
}

func TestCheckWithoutTerraform(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	r, err := Check(t.Context(), folder(t, map[string]string{"main.tf": root}), "")
	if !errors.Is(err, ErrNoTerraform) || len(r.Steps) != 0 || r.OK() {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCheckWithoutFiles(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, err := Check(t.Context(), dir, ""); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestCheck(t *testing.T) { programs(t, testCheck) }

func testCheck(t *testing.T) {
	for _, tc := range []struct {
		name, main string
		tests      string // main.tftest.hcl
		failed     string // the step that fails
		says       string
	}{
		{name: "right", main: root},
		{name: "not formatted", main: strings.Replace(root, "  type =", "type=", 1), failed: StepFormat, says: "main.tf is not formatted"},
		{name: "a variable that is not declared", main: root + "\noutput \"x\" {\n  value = var.none\n}\n", failed: StepValid, says: "main.tf:10: Reference to undeclared input variable"},
		{name: "a module that is not there", main: root + "\nmodule \"m\" {\n  source = \"./none\"\n}\n", failed: StepInit, says: "none"},
		{name: "right, with tests", main: root, tests: assertion("a")},
		{name: "a test that fails", main: root, tests: assertion("b"), failed: StepTest, says: "Failure! 0 passed, 1 failed."},
		{name: "no Terraform at all", main: "resource {", failed: StepFormat, says: "Unclosed configuration block"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"main.tf": tc.main}
			if tc.tests != "" {
				files["main.tftest.hcl"] = tc.tests
			}
			r, err := Check(t.Context(), folder(t, files), "")
			if err != nil {
				t.Fatal(err)
			}
			if r.OK() != (tc.failed == "") {
				t.Errorf("ok is %v", r.OK())
			}
			found := tc.failed == ""
			for _, s := range r.Steps {
				found = found || s.Name == tc.failed
				if s.Name == StepTest && s.Skipped != (tc.tests == "") {
					t.Errorf("%+v", s)
				}
				if s.Name == tc.failed && (s.OK || !strings.Contains(strings.Join(s.Problems, "\n"), tc.says)) {
					t.Errorf("%+v does not say %q", s, tc.says)
				}
				if tc.failed == "" && !s.OK {
					t.Errorf("%+v", s)
				}
			}
			if !found {
				t.Errorf("no step %s in %+v", tc.failed, r.Steps)
			}
		})
	}
}

func TestCheckIsCancelled(t *testing.T) {
	programs(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Check(ctx, folder(t, map[string]string{"main.tf": root}), ""); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

func TestOldTerraformIsRefused(t *testing.T) {
	t.Setenv("PATH", standIns(t, "terraform"))
	t.Setenv("STAND_IN_VERSION", "1.10.9")
	r, err := Check(t.Context(), folder(t, map[string]string{"main.tf": root}), "")
	if err != nil || r.OK() || len(r.Steps) != 1 || !slices.Equal(r.Steps[0].Problems, []string{"terraform 1.10.9 is older than 1.11.0"}) {
		t.Errorf("%+v, %v", r, err)
	}
}

// Bicep beside the folder is compiled by whichever compiler is there, and it is
// said when none is.
func TestCheckCompilesBicep(t *testing.T) {
	for _, tc := range []struct {
		name, template string
		programs       []string
		want           Step
	}{
		{"bicep", "param a string\n", []string{"terraform", "bicep", "az"}, Step{Name: StepBicep, OK: true, Problems: []string{"compiled by bicep"}}},
		{"az", "param a string\n", []string{"terraform", "az"}, Step{Name: StepBicep, OK: true, Problems: []string{"compiled by az"}}},
		{"wrong", "parm a string\n", []string{"terraform", "bicep"}, Step{Name: StepBicep, Problems: []string{"compiled by bicep", "main.bicep(1,1) : Error BCP007: This declaration type is not recognized."}}},
		{"none", "param a string\n", []string{"terraform"}, Step{Name: StepBicep, OK: true, Skipped: true, Detail: "neither bicep nor az is installed, so TEMPLATE was not compiled"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("PATH", standIns(t, tc.programs...))
			dir := t.TempDir()
			for name, text := range map[string]string{"terraform/main.tf": root, "bicep/main.bicep": tc.template} {
				file := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r, err := Check(t.Context(), filepath.Join(dir, "terraform"), "")
			if err != nil {
				t.Fatal(err)
			}
			got := r.Steps[len(r.Steps)-1]
			tc.want.Detail = strings.Replace(tc.want.Detail, "TEMPLATE", filepath.Join(dir, "bicep", "main.bicep"), 1)
			if !reflect.DeepEqual(got, tc.want) || r.OK() != tc.want.OK {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

// assertion is a test of the root module that passes for a.
func assertion(name string) string {
	return `run "name" {
  command = plan

  variables {
    name = "` + name + `"
  }

  assert {
    condition     = var.name == "a"
    error_message = "It is another."
  }
}
`
}
