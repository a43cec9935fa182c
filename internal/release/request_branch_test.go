package release

import (
	"testing"

	"github.com/davit-dev/davit/internal/release/git"
)

// TestRequestBranches checks that no two branches share a pull request.
func TestRequestBranches(t *testing.T) {
	for branch, want := range map[string]string{"main": "davit/release-main", "release/1.x": "davit/release-release/1.x", "release-1.x": "davit/release-release-1.x"} {
		if got := (&Runner{Repo: &git.Repo{Branch: branch}}).requestBranch(); got != want {
			t.Errorf("%s has %s, want %s", branch, got, want)
		}
	}
}
