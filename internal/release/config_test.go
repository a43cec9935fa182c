package release

import (
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

func TestParseConfigRefuses(t *testing.T) {
	tests := []struct{ src, says string }{
		{"release: {unknown: 1}", "unknown"},
		{"release: {first: v1}", "first"},
		{"release: {mode: other}", "mode"},
		{"release: {commitMessage: release}", "commitMessage"},
		{"release: {types: {chore: {bump: huge}}}", "huge"},
		{"release: {branches: [{name: x, range: 1.y}]}", "range"},
		{"release: {branches: [{name: x, channel: a.b}]}", "channel"},
		{"release: {packages: [{name: a, path: a}, {name: a, path: b}]}", "name"},
		{"release: {packages: [{name: a, path: ../a}]}", "clean path"},
		{"release: {packages: [{name: a, path: a, dependsOn: [b]}]}", "depends on"},
		{"release: {forge: {kind: sourceforge}}", "forge.kind"},
		{"release: {remote: --upload-pack=x}", "remote"},
		{"release: [", "release"},
	}
	for _, tt := range tests {
		_, err := ParseConfig("davit.yaml", []byte(tt.src))
		if davit.ErrorCode(err) != davit.CodeInvalid || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error %v, want one with %q", tt.src, err, tt.says)
		}
	}
}

func TestParseConfigLeavesTheRestAlone(t *testing.T) {
	c, err := ParseConfig("davit.yaml", []byte("application: shop\nservices: {web: {command: x}}\nrelease:\n  types:\n    Chore: {bump: patch}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Types["chore"].Bump != Patch || c.Types["feat"].Bump != Minor || c.Packages[0].TagPrefix != "v" || c.Packages[0].Changelog != "CHANGELOG.md" {
		t.Errorf("configuration %+v", c)
	}
}

func TestLintMessage(t *testing.T) {
	c, err := ParseConfig("davit.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ message, want string }{
		{"feat: x", ""},
		{"fixup! feat x", ""},
		{"Merge branch 'x'", ""},
		{"feat (api): x", "feat (api): x\n    ^"},
		{"fït : x", "fït : x\n   ^"},
		{"\tfeat: x", "\tfeat: x\n^"},
		{"feet: x", "feet: x\n^"},
		{"fix: x\n\nbody\nBREAKING CHANGE: y", "BREAKING CHANGE: y\n^"},
	}
	for _, tt := range tests {
		got := ""
		for _, complaint := range c.LintMessage(tt.message) {
			got += complaint.Caret()
		}
		if got != tt.want {
			t.Errorf("%q: complaint\n%s\nwant\n%s", tt.message, got, tt.want)
		}
	}
	if got := StripComments("fix: x\n# a comment\nbody\n# ------------------------ >8 ------------------------\ndiff\n"); got != "fix: x\nbody\n" {
		t.Errorf("without comments it is %q", got)
	}
}
