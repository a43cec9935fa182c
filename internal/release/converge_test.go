package release_test

import (
	"context"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release"
)

// other returns a second clone of the world's remote.
func (w *world) other() *world {
	w.t.Helper()
	other := *w
	other.dir += "-other"
	w.in(w.dir, "clone", "-q", w.remote, other.dir)
	other.git("config", "user.name", "Bob")
	other.git("config", "user.email", "bob@example.com")
	other.at += 1000
	return &other
}

// TestCrashThenPull lets a run crash after its commit or its tag while the
// remote moves on, and pulls in both ways that git knows.
func TestCrashThenPull(t *testing.T) {
	for how, tags := range map[string]string{"--no-rebase": "v0.1.0\nv0.1.1", "--rebase": "v0.1.0"} {
		for _, steps := range []int{4, 5} { // plan, write, write, commit, tag
			w := newWorld(t)
			w.file("VERSION", "0.0.0\n", "feat: x")
			w.push()
			other := w.other()
			w.crash(steps)
			other.commit("fix: of another")
			other.push()
			if _, err := w.run(""); davit.ErrorCode(err) != davit.CodeRefused || !strings.Contains(err.Error(), "moved on") {
				t.Fatalf("%s, step %d, before the pull: %v", how, steps, err)
			}
			w.at += 2000
			w.git("pull", "-q", "--no-edit", how, "origin", "main")
			w.mustRun("")
			if got := w.in(w.remote, "tag"); got != tags {
				t.Errorf("%s, step %d: the remote has the tags %q, want %q", how, steps, got, tags)
			}
			if got := w.read("CHANGELOG.md"); !strings.Contains(got, "of another") {
				t.Errorf("%s, step %d: the changelog lacks the other's commit:\n%s", how, steps, got)
			}
			if w.git("rev-parse", "HEAD") != w.in(w.remote, "rev-parse", "main") || w.git("status", "--porcelain") != "" {
				t.Errorf("%s, step %d: the remote is not where the clone is", how, steps)
			}
			if again := w.mustRun(""); !again.Nothing() {
				t.Errorf("%s, step %d: a further run did %+v", how, steps, again)
			}
		}
	}
}

func TestLastReleaseIsFinishedBeforeTheNext(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "0.0.0\n", "feat: x")
	w.push()
	s := &shop{fails: true}
	r := w.runner("")
	r.Forge = s
	if _, err := r.Run(t.Context()); err == nil {
		t.Fatal("publishing failed and nobody said so")
	}
	w.commit("fix: y")
	s.fails = false
	result, err := r.Run(t.Context())
	if err != nil || len(result.Releases) != 2 || result.Releases[0].Page != "https://forge/v0.1.0" || result.Releases[1].Page != "https://forge/v0.1.1" {
		t.Errorf("result %+v, %v", result, err)
	}
}

func TestPendingReleaseAndNewCommits(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "0.0.0\n", "feat: x")
	w.push()
	w.crash(4) // after the commit
	w.commit("fix: y")
	if result := w.mustRun(""); len(result.Releases) != 2 || w.in(w.remote, "tag") != "v0.1.0\nv0.1.1" {
		t.Errorf("result %+v, tags %q", result, w.in(w.remote, "tag"))
	}
}

func TestAsIsFinishedAfterACrash(t *testing.T) {
	for _, named := range []string{"4.0.0", "4.0.0-beta.1"} {
		w := newWorld(t)
		w.file("VERSION", "3.2.1\n", "feat: x")
		w.push()
		version, err := release.ParseVersion(named)
		if err != nil {
			t.Fatal(err)
		}
		r := w.runner("")
		r.Options.As = &version
		ctx, cancel := context.WithCancel(t.Context())
		r.Observe = func(step release.Step, _ string) {
			if step == release.StepTag { // the push does not happen, and nobody takes anything back
				cancel()
			}
		}
		if _, err := r.Run(ctx); err == nil {
			t.Fatal("the push arrived")
		}
		r.Observe = nil
		if result, err := r.Run(t.Context()); err != nil || len(result.Releases) != 1 || w.in(w.remote, "tag") != "v"+named {
			t.Errorf("--as %s again: %+v, %v, tags %q", named, result, err, w.in(w.remote, "tag"))
		}
		if result, err := r.Run(t.Context()); err != nil || !result.Nothing() {
			t.Errorf("--as %s a third time: %+v, %v", named, result, err)
		}
	}
}

// TestLosingARaceLeavesFloatingTags lets another clone release between this
// one's tags and its push.
func TestLosingARaceLeavesFloatingTags(t *testing.T) {
	const config = "release: {floatingTags: true}"
	w := newWorld(t)
	w.file("VERSION", "1.0.0\n", "feat: x")
	for _, name := range []string{"v1.0.0", "v1"} {
		w.git("tag", name)
	}
	w.commit("feat: y")
	w.push()
	other := w.other()
	r := w.runner(config)
	r.Observe = func(step release.Step, done string) {
		if step == release.StepTag && strings.HasPrefix(done, "v1.1 ") {
			other.mustRun(config)
		}
	}
	if result, err := r.Run(t.Context()); err != nil || !result.Elsewhere {
		t.Fatalf("the slower run: %+v, %v", result, err)
	}
	if got, want := w.git("rev-parse", "v1^{commit}"), w.in(w.remote, "rev-parse", "v1^{commit}"); got != want {
		t.Errorf("v1 is on %s here, on %s at the remote", got, want)
	}
	if got := w.git("tag"); strings.Contains(got, "v1.1.0") {
		t.Errorf("the slower run left the tags %q", got)
	}
}

func TestShallowCloneWithAMovedTag(t *testing.T) {
	w := newWorld(t)
	w.commit("feat: x")
	w.git("tag", "v1.0.0")
	w.git("tag", "v1")
	w.push()
	shallow := *w
	shallow.dir += "-shallow"
	w.commit("fix: a")
	w.push()
	w.in(w.dir, "clone", "-q", "--depth=1", "file://"+w.remote, shallow.dir)
	shallow.git("fetch", "-q", "--depth=1", "origin", "refs/tags/v1:refs/tags/v1")
	w.git("tag", "-f", "v1")
	w.git("push", "-q", "-f", "origin", "v1")
	if got := shallow.version(""); got != "1.0.1" {
		t.Errorf("next is %s, want 1.0.1", got)
	}
}

const apart = "release: {packages: [{name: a, path: a}, {name: b, path: b}]}"

func TestMissingTagsAreNoFirstRelease(t *testing.T) {
	w := newWorld(t)
	w.file("a/x", "1", "feat: a")
	w.file("b/x", "1", "feat: b")
	w.git("tag", "a/v1.0.0")
	w.git("tag", "b/v2.0.0")
	w.file("a/x", "2", "fix: a")
	w.push()
	clone := *w
	clone.dir += "-untagged"
	w.in(w.dir, "clone", "-q", "--no-tags", "file://"+w.remote, clone.dir)
	if due := clone.next(apart).Releases(); len(due) != 1 || due[0].Tag() != "a/v1.0.1" {
		t.Errorf("without tags %d are due: %+v", len(due), due)
	}
	away := *w
	away.dir += "-away"
	w.in(w.dir, "clone", "-q", "--no-tags", "file://"+w.remote, away.dir)
	away.git("remote", "set-url", "origin", w.remote+"-gone")
	for _, config := range []string{apart, ""} {
		if _, err := release.Next(t.Context(), away.open(), away.config(config), release.Options{}); davit.ErrorCode(err) != davit.CodeRefused || !strings.Contains(err.Error(), "could not be asked") {
			t.Errorf("without tags and remote: %v", err)
		}
	}
}

func TestMissingAssetsAreFoundBeforeAnythingIsWritten(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "0.0.0\n", "feat: x")
	w.push()
	head := w.git("rev-parse", "HEAD")
	r := w.runner("release: {forge: {assets: [dist/*]}}")
	r.Forge = &shop{}
	if _, err := r.Run(t.Context()); davit.ErrorCode(err) != davit.CodeInvalid || !strings.Contains(err.Error(), "dist/*") {
		t.Errorf("error %v", err)
	}
	if w.git("rev-parse", "HEAD") != head || w.in(w.remote, "tag") != "" || w.git("tag") != "" {
		t.Error("something was released")
	}
}
