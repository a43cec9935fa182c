package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
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

// TestFlagsGoToFlagdAndBack takes flags that flagd has no words for, and who approves
// changes of them, into another environment.
func TestFlagsGoToFlagdAndBack(t *testing.T) {
	s := serveFlags(t)
	t.Setenv("DAVIT_SERVER", s.url)
	t.Setenv("DAVIT_STATE", "")
	t.Setenv("DAVIT_TOKEN", operatorToken)
	t.Chdir(t.TempDir())
	s.want(t, 201, "POST", "/v1/flags/shop", `{"flag":{"key":"office","type":"boolean","owner":"anna","salt":"pepper",
		"variants":[{"name":"on","value":true,"description":"the new one"},{"name":"off","value":false}],
		"environments":{"production":{"enabled":true,"off":"off","default":{"variant":"off"},"rules":[
			{"id":"inside","when":{"attribute":"ip","op":"cidr","values":["10.0.0.0/8"]},"serve":{"variant":"on"}}]}}}}`)
	mustRun(t, "flag", "protection", "set", "production", "--by", "user anna", "--within", "2h", "-a", "shop")
	r := runDavit(t, "flag", "export", "-a", "shop")
	if r.code != exitFailed || !strings.Contains(r.stderr, "disabled for flagd: flags[office]: rules[0]") || !strings.Contains(r.stdout, `"davit.note"`) {
		t.Fatalf("exported: %d %s %s", r.code, r.stdout, r.stderr)
	}
	if err := os.WriteFile("flags.json", []byte(r.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	r = runDavit(t, "flag", "import", "flags.json", "-e", "staging", "-a", "shop")
	if r.code != exitOK || !strings.Contains(r.stderr, "the approval of 1 of user anna") {
		t.Errorf("imported: %d %s %s", r.code, r.stdout, r.stderr)
	}
	if out := mustRun(t, "flag", "eval", "office", "-e", "staging", "--user", "a", "--attribute", "ip=10.1.2.3", "-a", "shop"); !strings.Contains(out, "on = true") || !strings.Contains(out, "inside") {
		t.Errorf("what came back serves %s", out)
	}
	_, text := s.want(t, 200, "GET", "/v1/flags/shop/office", "")
	var record davit.FlagRecord
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		t.Fatal(err)
	}
	f := record.Flag
	if diff := cmp.Diff(f.Environments["production"], f.Environments["staging"]); diff != "" || f.Salt != "pepper" || f.Variants[0].Description != "the new one" || f.Metadata != nil {
		t.Errorf("it is %s; %s", text, diff)
	}
	mustRun(t, "flag", "import", "flags.json", "-e", "staging", "--protection", "-a", "shop")
	if out := mustRun(t, "flag", "protection", "list", "-a", "shop"); strings.Count(out, "1 of user anna  2h0m0s") != 2 {
		t.Errorf("protected: %s", out)
	}
}

// TestFlagImportTellsWhatItLeavesOut names what of a definition there is no place for.
func TestFlagImportTellsWhatItLeavesOut(t *testing.T) {
	s := serveFlags(t)
	t.Setenv("DAVIT_SERVER", s.url)
	t.Setenv("DAVIT_STATE", "")
	t.Setenv("DAVIT_TOKEN", operatorToken)
	t.Chdir(t.TempDir())
	const definition = `{"flags": {"a": {"key": "b", "state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"}}}`
	if err := os.WriteFile("flags.json", []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := runDavit(t, "flag", "import", "flags.json", "-a", "shop"); r.code != exitOK || !strings.Contains(r.stderr, "left out: flags[a].key: ") {
		t.Errorf("imported: %d %s", r.code, r.stderr)
	}
	var told flagImport
	if err := json.Unmarshal([]byte(mustRun(t, "flag", "import", "flags.json", "-a", "shop", "--output", "json")), &told); err != nil {
		t.Fatal(err)
	}
	if len(told.Flags) != 1 || len(told.Left) != 1 || told.Left[0].Place != "flags[a].key" {
		t.Errorf("as JSON: %+v", told)
	}
	if r := runDavit(t, "flag", "import", "flags.json", "--protection", "-a", "shop"); r.code != exitUsage || !strings.Contains(r.stderr, "does not say who approves") {
		t.Errorf("with a protection that it does not say: %d %s", r.code, r.stderr)
	}
}
