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
		{"\tfix: x (#1)\n\n* feet: y", "\tfix: x (#1)\n^* feet: y\n  ^"},
		{"fix: x (#1)\n\n* feet: y", "* feet: y\n  ^"},
		{"\n\nfix: x (#1)\n\n* feat:  y", "* feat:  y\n        ^"},
		{"修理 : x", "修理 : x\n    ^"},
		{"feat(🚀: x", "feat(🚀: x\n     ^"},
		{"fi\u0308x : x", "fi\u0308x : x\n   ^"},
		{"feat(\u200d🚀) : x", "feat(\u200d🚀) : x\n         ^"},
		{"feat(\t) : x", "feat(\t) : x\n     ^"},
		{"fix(a\tb) : x", "fix(a\tb) : x\n     \t  ^"},
		{"Squashed commit of the following:\n\ncommit 0123456\n\n    修理:  x\n", "    修理:  x\n          ^    修理:  x\n    ^"},
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
