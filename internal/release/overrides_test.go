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
