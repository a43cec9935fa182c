package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFlagImport takes over a flag definition of flagd, again, and into a second
// environment; what flags share becomes a segment, and is shared again when it is
// exported.
func TestFlagImport(t *testing.T) {
	s := serveFlags(t)
	t.Setenv("DAVIT_SERVER", s.url)
	t.Setenv("DAVIT_STATE", "")
	t.Setenv("DAVIT_TOKEN", operatorToken)
	t.Chdir(t.TempDir())
	const definition = `{
  "flags": {
    "banner": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
      "targeting": {"if": [{"$ref": "ours"}, "on", "off"]}},
    "colour": {"state": "ENABLED", "variants": {"red": "#f00", "blue": "#00f"}, "defaultVariant": "red",
      "targeting": {"fractional": [{"var": "targetingKey"}, ["red", 50], ["blue", 50]]}}
  },
  "$evaluators": {"ours": {"ends_with": [{"var": "email"}, "@shop.example"]}}
}`
	file := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(file, []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	application := func(args ...string) string {
		return mustRun(t, append(append([]string{"flag"}, args...), "-a", "shop")...)
	}
	if out := application("import", file); !strings.Contains(out, "banner revision 1\n") {
		t.Errorf("imported: %s", out)
	}
	if out := application("import", file); !strings.Contains(out, "banner revision 1, as before") || !strings.Contains(out, "colour revision 1, as before") {
		t.Errorf("imported again: %s", out)
	}
	for email, want := range map[string]string{"a@shop.example": "on = true", "a@elsewhere.example": "off = false"} {
		if out := application("eval", "banner", "--user", "a", "--attribute", "email="+email); !strings.Contains(out, want) {
			t.Errorf("%s gets %s", email, out)
		}
	}
	before := application("eval", "colour", "--user", "a", "--output", "json")
	application("off", "banner")
	application("import", file, "-e", "staging")
	out := application("show", "banner")
	if !strings.Contains(out, "production  off") || !strings.Contains(out, "staging     on") {
		t.Errorf("with two environments: %s", out)
	}
	if after := application("eval", "colour", "--user", "a", "--output", "json"); after != before {
		t.Errorf("before: %s, after: %s", before, after)
	}
	if out := application("segment", "list"); !strings.Contains(out, "ours     by a condition  1") {
		t.Errorf("segments: %s", out)
	}
	if r := runDavit(t, "flag", "segment", "delete", "ours", "-a", "shop"); r.code != exitUsage || !strings.Contains(r.stderr, "ours") {
		t.Errorf("removing a segment that a flag names: %d %s", r.code, r.stderr)
	}
	mustRun(t, "flag", "create", "plain", "-a", "shop")
	other := filepath.Join(t.TempDir(), "other.json")
	const mixed = `{"flags": {
		"banner": {"state": "DISABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"},
		"plain": {"state": "ENABLED", "variants": {"red": "#f00"}, "defaultVariant": "red"}}}`
	if err := os.WriteFile(other, []byte(mixed), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := runDavit(t, "flag", "import", other, "-e", "staging", "-a", "shop"); r.code != exitUsage || !strings.Contains(r.stderr, "flag plain is of type boolean") {
		t.Errorf("of another type: %d %s", r.code, r.stderr)
	}
	if again := application("show", "banner"); again != out {
		t.Errorf("an import that was refused changed a flag: %s", again)
	}
	exported := application("export", "-e", "staging")
	if !strings.Contains(exported, `"banner"`) || !strings.Contains(exported, `"ENABLED"`) || !strings.Contains(exported, `"$evaluators"`) {
		t.Errorf("exported: %s", exported)
	}
	if err := os.WriteFile(file, []byte(exported), 0o600); err != nil {
		t.Fatal(err)
	}
	application("import", file, "-e", "staging") // what was exported
	if out := application("eval", "banner", "-e", "staging", "--user", "a", "--attribute", "email=a@shop.example"); !strings.Contains(out, "on = true") {
		t.Errorf("what was exported and imported serves %s", out)
	}
}
