package release_test

import (
	"testing"

	"github.com/davit-dev/davit/internal/release"
)

func TestCorrectedMessagesAreJudged(t *testing.T) {
	w := newWorld(t)
	bad := w.commit("feat add x")
	judge := func() int {
		complaints, err := release.Lint(t.Context(), w.open(), w.config(""), "HEAD")
		if err != nil {
			t.Fatal(err)
		}
		return len(complaints)
	}
	if judge() == 0 {
		t.Error("nothing is wrong with a bad message")
	}
	w.write(".davit/messages.yaml", `"`+bad[:10]+`": "feat: add x"`)
	if got := judge(); got != 0 {
		t.Errorf("%d complaints about a corrected message", got)
	}
}
