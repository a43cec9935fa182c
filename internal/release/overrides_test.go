package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

// TestOverridesOfOneCommitAreRefused checks that no commit has two corrected
// messages, of which either could be taken.
func TestOverridesOfOneCommitAreRefused(t *testing.T) {
	for _, tt := range []struct{ text, says string }{
		{"\"0123abc\": \"fix: a\"\n\"0123abd\": \"fix: b\"\n", ""},
		{"\"0123abcd\": \"fix: a\"\n\"0123abc\": \"fix: b\"\n", `"0123abc" and "0123abcd" may be the same commit`},
		{"\"0123abc\": \"fix: a\"\n\"HEAD\": \"fix: b\"\n", `"HEAD" is no hash`},
		{"\"\": \"fix: a\"\n", `"" is no hash`},
	} {
		file := filepath.Join(t.TempDir(), "messages.yaml")
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := LoadOverrides(file)
		switch {
		case tt.says == "" && (err != nil || len(o) != 2):
			t.Errorf("%q: %v, %v", tt.text, o, err)
		case tt.says != "" && (davit.ErrorCode(err) != davit.CodeInvalid || !strings.Contains(err.Error(), tt.says)):
			t.Errorf("%q: %v, want %q", tt.text, err, tt.says)
		}
	}
}

// TestOverrideOfTwoCommitsIsRefused checks that a hash that is too short corrects no
// commit that it was not meant for.
func TestOverrideOfTwoCommitsIsRefused(t *testing.T) {
	first, second := reading{hash: "0123abc" + strings.Repeat("0", 33)}, reading{hash: "0123abc" + strings.Repeat("1", 33)}
	packages := []*PackagePlan{{commits: []reading{first, second}}, {commits: []reading{second}}}
	for short, refused := range map[string]bool{"0123abc": true, "0123abc0": false, "0123abc1": false, "7654321": false} {
		err := Overrides{short: "fix: a"}.check(packages)
		if refused != (davit.ErrorCode(err) == davit.CodeInvalid) {
			t.Errorf("%s: %v", short, err)
		}
	}
}
