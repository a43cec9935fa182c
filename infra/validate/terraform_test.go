package validate

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// infra is the folder that is validated.
const infra = ".."

// tree is a copy of infra/ that a test may break, with its root of Terraform
// made ready for planning.
type tree string

// copyTree copies what Terraform reads, with a state of its own instead of
// Azure's, and edits the copy: each edit is file, old, new, and must apply.
func copyTree(t *testing.T, edits ...[3]string) tree {
	t.Helper()
	to := tree(t.TempDir())
	for _, folder := range []string{"terraform", "alerts"} {
		copyFolder(t, filepath.Join(infra, folder), filepath.Join(string(to), folder))
	}
	write(t, filepath.Join(to.root(), "backend_override.tf"), "terraform {\n  backend \"local\" {}\n}\n")
	for _, e := range edits {
		file := filepath.Join(to.root(), e[0])
		old := read(t, file)
		if !strings.Contains(old, e[1]) {
			t.Fatalf("%s has no %q to break", e[0], e[1])
		}
		write(t, file, strings.Replace(old, e[1], e[2], 1))
	}
	return to
}

func (d tree) root() string { return filepath.Join(string(d), "terraform") }

// terraform runs it in the root and returns what it printed. It asks nobody but
// the stand-in.
func (d tree) terraform(t *testing.T, args ...string) (string, error) {
	t.Helper()
	config := filepath.Join(string(d), "terraformrc")
	if _, err := os.Stat(config); errors.Is(err, fs.ErrNotExist) {
		write(t, config, "disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path    = \""+tools.mirror+"\"\n    include = [\"registry.terraform.io/*/*\"]\n  }\n}\n")
	}
	cmd := exec.CommandContext(t.Context(), tools.terraform, args...)
	cmd.Dir = d.root()
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + string(d), "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE=" + config}, tools.azure.environment()...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// must runs Terraform and ends the test when it fails.
func (d tree) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := d.terraform(t, args...)
	if err != nil {
		t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == ".terraform" {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
