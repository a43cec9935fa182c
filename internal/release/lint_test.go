package release

import (
	"testing"

	"github.com/davit-dev/davit"
)

func TestLintMessage(t *testing.T) {
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
		for _, complaint := range LintMessage(davit.DefaultCommitTypes(), tt.message) {
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
