package validate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// davit infra check has a plan judged by the policies, by way of the program judge
// where opa is not installed: it finds nothing wrong with production's, and what is
// broken in it.
func TestDavitJudgesAPlan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Whether Terraform's files are right is another test's question.
	if err := os.MkdirAll(filepath.Join(dir, "terraform"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "terraform", "main.tf"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"policy", "validate"} {
		to, err := filepath.Abs(filepath.Join(infra, folder))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, filepath.Join(dir, folder)); err != nil {
			t.Fatal(err)
		}
	}
	right := plan(t, "production").document(t)
	broken := plan(t, "production").document(t)
	registry := change(t, broken, func(r map[string]any) bool { return r["type"] == "azurerm_container_registry" })
	set(t, registry["change"].(map[string]any)["after"], []any{"admin_enabled"}, true)
	for name, tc := range map[string]struct {
		plan any
		ok   bool
		says string
	}{
		"right":  {right, true, "policies   ok       judged by "},
		"broken": {broken, false, "module.registry.azurerm_container_registry.this: the admin user is on (admin_enabled is true)"},
	} {
		data, err := json.Marshal(tc.plan)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name+".json")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := runTool(t, tools.davit, "infra", "check", filepath.Join(dir, "terraform"), "--plan", file)
		if (err == nil) != tc.ok || !strings.Contains(out, tc.says) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
