package validate

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// infra is the folder that is validated.
const infra = ".."

// tree is a copy of infra/ that a test may break.
type tree string

// An edit replaces what a file of the tree has: the text old, which it must have.
type edit struct{ file, old, new string }

// initialized is a copy of the tree after terraform init, made once.
var initialized = sync.OnceValues(func() (tree, error) {
	d := tree(filepath.Join(tools.work, "initialized"))
	if err := d.fill(); err != nil {
		return d, fmt.Errorf("copying infra: %w", err)
	}
	if out, err := d.terraform(context.Background(), "init", "-input=false", "-no-color"); err != nil {
		return d, fmt.Errorf("terraform init: %w\n%s", err, out)
	}
	return d, nil
})

// copyTree copies what Terraform reads, initialized, and edits the copy.
func copyTree(t *testing.T, edits ...edit) tree {
	t.Helper()
	from, err := initialized()
	if err != nil {
		t.Fatal(err)
	}
	to := tree(t.TempDir())
	if err := to.fill(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".terraform", ".terraform.lock.hcl"} {
		if err := os.Symlink(filepath.Join(from.root(), name), filepath.Join(to.root(), name)); err != nil {
			t.Fatal(err)
		}
	}
	apply(t, to.root(), edits)
	return to
}

// apply makes edits below a folder.
func apply(t *testing.T, folder string, edits []edit) {
	t.Helper()
	for _, e := range edits {
		file := filepath.Join(folder, e.file)
		old := read(t, file)
		if !strings.Contains(old, e.old) {
			t.Fatalf("%s has no %q to break", e.file, e.old)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(old, e.old, e.new, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fill copies what Terraform reads into d, with a state of its own instead of
// Azure's, and the settings that make it ask nobody for providers.
func (d tree) fill() error {
	for _, folder := range []string{"terraform", "alerts"} {
		if err := os.CopyFS(filepath.Join(string(d), folder), os.DirFS(filepath.Join(infra, folder))); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(d.root(), "backend_override.tf"), []byte("terraform {\n  backend \"local\" {}\n}\n"), 0o644); err != nil {
		return err
	}
	mirror := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", tools.mirror)
	return os.WriteFile(filepath.Join(string(d), "terraformrc"), []byte(mirror), 0o644)
}

func (d tree) root() string { return filepath.Join(string(d), "terraform") }

// terraform runs it in the root and returns what it printed. It asks nobody but
// the stand-in, and knows nothing of who runs the test.
func (d tree) terraform(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, tools.terraform, args...)
	cmd.Dir = d.root()
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + string(d),
		"TF_IN_AUTOMATION=1",
		"TF_CLI_CONFIG_FILE=" + filepath.Join(string(d), "terraformrc"),
	}, tools.azure.environment()...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// must runs Terraform and ends the test when it fails.
func (d tree) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := d.terraform(t.Context(), args...)
	if err != nil {
		t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestTerraformIsFormatted(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), tools.terraform, "fmt", "-check", "-diff", "-recursive", filepath.Join(infra, "terraform")).CombinedOutput()
	if err != nil {
		t.Errorf("terraform fmt -check: %v\n%s", err, out)
	}
}

func TestTerraformIsValid(t *testing.T) {
	copyTree(t).must(t, "validate", "-no-color")
}

// The modules' logic, by Terraform's own tests with providers that pretend.
func TestModules(t *testing.T) {
	t.Parallel()
	out := copyTree(t).must(t, "test", "-no-color")
	if !strings.Contains(out, "Success!") || strings.Contains(out, "Success! 0 passed") {
		t.Errorf("terraform test ran nothing:\n%s", out)
	}
}

// What cannot be made again without loss is not destroyed by a plan.
func TestWhatMustNotBeLostIsKept(t *testing.T) {
	kept := map[string]bool{
		"azurerm_resource_group": false, "azurerm_kubernetes_cluster": false, "azurerm_container_registry": false,
		"azurerm_key_vault": false, "azurerm_storage_account": false, "azurerm_storage_container": false,
		"azurerm_log_analytics_workspace": false, "azurerm_monitor_workspace": false,
		"azurerm_postgresql_flexible_server": false, "azurerm_postgresql_flexible_server_database": false,
	}
	for _, r := range written(t) {
		if _, ok := kept[r.kind]; !ok {
			continue
		}
		if !strings.Contains(r.body, "prevent_destroy = true") {
			t.Errorf("%s: %s may be destroyed: its lifecycle has no prevent_destroy", r.file, r.kind)
		}
		kept[r.kind] = true
	}
	for kind, found := range kept {
		if !found {
			t.Errorf("no %s is there to be kept", kind)
		}
	}
}

// What Azure changes by itself is no change to be undone: a plan after a patch, or
// after the autoscaler, is empty.
func TestWhatAzureChangesIsLeftAlone(t *testing.T) {
	left := map[string][]string{
		"azurerm_kubernetes_cluster":           {"default_node_pool[0].node_count", "default_node_pool[0].orchestrator_version", "kubernetes_version"},
		"azurerm_kubernetes_cluster_node_pool": {"node_count", "orchestrator_version"},
	}
	for _, r := range written(t) {
		_, rest, _ := strings.Cut(r.body, "ignore_changes = [")
		ignored, _, _ := strings.Cut(rest, "\n  }")
		names := strings.FieldsFunc(ignored, func(c rune) bool { return strings.ContainsRune(", \n", c) })
		for _, name := range left[r.kind] {
			if !slices.ContainsFunc(names, func(n string) bool { return strings.TrimSuffix(n, "]") == name }) {
				t.Errorf("%s: %s would be put back: the lifecycle's ignore_changes has no %s", r.file, r.kind, name)
			}
		}
		delete(left, r.kind)
	}
	for kind := range left {
		t.Errorf("no %s is there to be left alone", kind)
	}
}

// block is a resource as a file of Terraform's writes it.
type block struct{ file, kind, body string }

// written are the resources of all files.
func written(t *testing.T) []block {
	t.Helper()
	var all []block
	err := filepath.WalkDir(filepath.Join(infra, "terraform"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".tf" {
			return err
		}
		for _, text := range strings.Split("\n"+read(t, path), "\nresource \"")[1:] {
			kind, _, _ := strings.Cut(text, "\"")
			body, _, _ := strings.Cut(text, "\n}")
			all = append(all, block{path, kind, body})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
