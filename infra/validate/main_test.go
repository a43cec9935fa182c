package validate

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// tools are the programs that the tests run, and what they need to find.
var tools struct {
	davit, terraform, tflint, gitleaks string
	schemas                            string // of Kubernetes and the Gateway API
	mirror                             string // of providers, as Terraform wants it
	work                               string // a folder that is gone after the run
	azure                              *standIn
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	work, err := os.MkdirTemp("", "davit-infra-")
	if err == nil {
		defer os.RemoveAll(work)
		tools.work = work
		err = findTools(work)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "infra:", err)
		return 1
	}
	tools.azure, err = startStandIn(work)
	if err != nil {
		fmt.Fprintln(os.Stderr, "infra:", err)
		return 1
	}
	defer tools.azure.stop()
	return m.Run()
}

// findTools fills tools from what the Makefile built, and lays the provider out
// as a mirror below work.
func findTools(work string) error {
	var provider string
	for name, into := range map[string]*string{
		"DAVIT": &tools.davit, "DAVIT_AZURERM": &provider, "DAVIT_TFLINT": &tools.tflint, "DAVIT_GITLEAKS": &tools.gitleaks, "DAVIT_SCHEMAS": &tools.schemas,
	} {
		if *into = os.Getenv(name); *into == "" {
			return fmt.Errorf("%s is not set: run make test-infra", name)
		}
	}
	var err error
	if tools.terraform, err = exec.LookPath("terraform"); err != nil {
		return fmt.Errorf("looking for terraform, 1.11 or later: %w", err)
	}
	version := os.Getenv("DAVIT_AZURERM_VERSION")
	tools.mirror = filepath.Join(work, "mirror")
	dir := filepath.Join(tools.mirror, "registry.terraform.io", "hashicorp", "azurerm", version, runtime.GOOS+"_"+runtime.GOARCH)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Symlink(provider, filepath.Join(dir, "terraform-provider-azurerm_v"+version+"_x5"))
}
