package release_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestKindsOfRepository previews and makes a whole release, and finds nothing
// left to do, in repositories that git lays out otherwise.
func TestKindsOfRepository(t *testing.T) {
	tests := []struct {
		name string
		init []string
		// move changes the world, which is pushed, to where the release is made.
		move func(*world)
	}{
		{"plain", nil, func(*world) {}},
		{"SHA-256", []string{"--object-format=sha256"}, func(*world) {}},
		{"reftable", []string{"--ref-format=reftable"}, func(*world) {}},
		{"linked worktree", nil, func(w *world) {
			w.git("checkout", "-q", "--detach")
			w.git("worktree", "add", "-q", w.dir+"-linked", "main")
			w.dir += "-linked"
		}},
		{"linked worktree of a bare clone", nil, func(w *world) {
			bare := w.dir + "-bare"
			w.in(w.dir, "clone", "-q", "--bare", "file://"+w.remote, bare)
			w.in(bare, "worktree", "add", "-q", w.dir+"-linked", "main")
			w.dir += "-linked"
		}},
		{"submodule", nil, func(w *world) {
			super := w.dir + "-super"
			w.in(w.dir, "init", "-q", super)
			w.in(super, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", w.remote, "sub")
			w.dir = super + "/sub"
		}},
		{"objects of another clone", nil, func(w *world) {
			w.in(w.dir, "clone", "-q", "--reference", w.dir, "file://"+w.remote, w.dir+"-borrows")
			w.dir += "-borrows"
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := exec.Command("git", append(append([]string{"init", "-q"}, tt.init...), t.TempDir())...).Run(); err != nil {
				t.Skipf("this git knows no %s", tt.name)
			}
			w := newWorld(t, tt.init...)
			w.file("VERSION", "1.0.0\n", "chore: begin")
			w.git("tag", "-a", "-m", "m", "v1.0.0")
			feature := w.commit("feat: x")
			w.commit("Revert \"feat: x\"\n\nThis reverts commit "+feature+".", "fix: y")
			w.push()
			tt.move(w)
			w.git("config", "user.name", "Ada")
			w.git("config", "user.email", "ada@example.com")
			head := w.git("rev-parse", "HEAD")

			_, preview, err := w.runner("").Preview(t.Context())
			if err != nil || !strings.Contains(preview, "\n+1.0.1\n") || !strings.Contains(preview, "### Fixed") {
				t.Fatalf("the preview is %s, %v", preview, err)
			}
			if got := w.git("rev-parse", "HEAD"); got != head {
				t.Fatalf("the preview moved HEAD to %s", got)
			}
			result := w.mustRun("")
			if len(result.Releases) != 1 || result.Releases[0].Tag != "v1.0.1" {
				t.Fatalf("it released %+v", result)
			}
			released := w.git("rev-parse", "HEAD")
			for _, ref := range []string{"refs/heads/main", "refs/tags/v1.0.1^{commit}"} {
				if got := w.in(w.remote, "rev-parse", ref); got != released {
					t.Errorf("%s of the remote is %s, want %s", ref, got, released)
				}
			}
			if parent := w.git("rev-parse", "HEAD^"); parent != head {
				t.Errorf("the release is on %s, want %s", parent, head)
			}
			changed := strings.Fields(w.git("diff", "--name-only", "HEAD^", "HEAD"))
			if diff := cmp.Diff([]string{"CHANGELOG.md", "VERSION"}, changed); diff != "" || w.read("VERSION") != "1.0.1\n" {
				t.Errorf("the release changes (-want +got):\n%s", diff)
			}
			if left := w.git("status", "--porcelain"); left != "" {
				t.Errorf("it left %q", left)
			}
			if again := w.mustRun(""); !again.Nothing() {
				t.Errorf("a second run released %+v", again)
			}
		})
	}
}
