package validate

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTflintFindsNothing(t *testing.T) {
	if out, err := tflint(t, filepath.Join(infra, "terraform")); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTflintFindsWhatNobodyUses(t *testing.T) {
	d := copyTree(t, edit{"variables.tf", `variable "workload"`, "variable \"idle\" {\n  description = \"Not used.\"\n  type        = string\n}\n\nvariable \"workload\""})
	if out, err := tflint(t, d.root()); err == nil || !strings.Contains(out, `variable "idle" is declared but not used`) {
		t.Errorf("tflint: %v\n%s", err, out)
	}
}

// tflint looks at a root and its modules by the root's own configuration.
func tflint(t *testing.T, root string) (string, error) {
	t.Helper()
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	return runTool(t, tools.tflint, "--chdir="+root, "--recursive", "--format=compact", "--config="+filepath.Join(root, ".tflint.hcl"))
}

// No commit of the repository has ever had a secret.
func TestNoSecretsInTheRepository(t *testing.T) {
	repository := filepath.Join(infra, "..")
	if out, err := runTool(t, tools.gitleaks, "git", "--no-banner", "--no-color", "--redact", "--verbose", repository); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestGitleaksFindsAStorageKey(t *testing.T) {
	dir := t.TempDir()
	config := read(t, filepath.Join(infra, "..", ".gitleaks.toml"))
	key := strings.Join([]string{"kf8QzT2v9cLx4Wb7", "Nn1Rm5Yp3Jd6Hs0G", "aE8uVi2oKq4Zt7Xw", "Bc9Ml1Pf5Rj3Dh6S", "gU0yTe8nAv2Io4Qz", "=="}, "")
	for name, text := range map[string]string{".gitleaks.toml": config, "main.tf": "  access_key = \"" + key + "\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := runTool(t, tools.gitleaks, "dir", "--no-banner", "--no-color", "--redact", "--verbose", dir); err == nil || !strings.Contains(out, "main.tf") {
		t.Errorf("gitleaks: %v\n%s", err, out)
	}
}

func runTool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
