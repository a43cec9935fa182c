package release_test

import (
	"strings"
	"testing"
)

// TestPromisesOfOthers checks that nobody releases by writing a trailer.
func TestPromisesOfOthers(t *testing.T) {
	for name, message := range map[string]string{
		"hostile": "feat: x\n\nDavit-Release: v99.0.0",
		"quoted":  "feat: x\n\nA release's commit has the line\nDavit-Release: v99.0.0\nand so on.",
		"above":   "feat: x\n\nDavit-Release: v99.0.0\n\nmore text",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.file("VERSION", "0.0.0\n", message)
			w.push()
			if result := w.mustRun(""); len(result.Releases) != 1 || w.in(w.remote, "tag") != "v0.1.0" {
				t.Errorf("result %+v, tags %q", result, w.in(w.remote, "tag"))
			}
		})
	}
}

func TestPromiseIsCorrected(t *testing.T) {
	w := newWorld(t)
	hash := w.file("VERSION", "99.0.0\n", "feat: x\n\nDavit-Release: v99.0.0")
	if plan := w.next(""); plan.Pending == nil {
		t.Error("a commit that writes the version promises nothing")
	}
	w.write(".davit/messages.yaml", `"`+hash[:10]+`": "feat: x"`)
	if plan := w.next(""); plan.Pending != nil || plan.Packages[0].Next == nil {
		t.Errorf("with the message corrected %q is pending", plan.Pending)
	}
}

func TestPromiseBesideCoAuthors(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "1.0.0\n", "chore(release): v1.0.0 (#1)\n\nDavit-Release: v1.0.0\n\n---------\n\nCo-authored-by: Bob <bob@example.com>")
	if plan := w.next(""); len(plan.Pending) != 1 || plan.Pending[0] != "v1.0.0" {
		t.Errorf("pending is %q", plan.Pending)
	}
}

// TestCherryPickedReleaseStays checks that a copy of another branch's release is
// not taken for what a crash left.
func TestCherryPickedReleaseStays(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "1.0.0\n", "feat: x")
	w.git("tag", "v1.0.0")
	w.git("branch", "1.x")
	w.commit("feat!: y")
	w.push()
	w.mustRun("")
	w.git("push", "-q", "origin", "1.x")
	w.git("switch", "-q", "1.x")
	w.at += 1000
	w.git("cherry-pick", "main")
	picked := w.git("rev-parse", "HEAD")
	if result := w.mustRun(""); !result.Nothing() || w.git("rev-parse", "HEAD") != picked {
		t.Errorf("result %+v, HEAD %s, want %s", result, w.git("rev-parse", "HEAD"), picked)
	}
	if tags := w.in(w.remote, "tag"); strings.Contains(tags, "v1.0.1") {
		t.Errorf("the tags are %q", tags)
	}
}
