package release_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release"
)

func TestPullRequestMode(t *testing.T) {
	const config = "release: {mode: pull-request}"
	w := newWorld(t)
	w.file("VERSION", "0.0.0\n", "feat: x")
	w.push()
	head := w.git("rev-parse", "HEAD")
	proposed := func() string { return w.in(w.remote, "rev-parse", "davit/release-main") }
	if result := w.mustRun(config); result.Proposed != "davit/release-main" {
		t.Fatalf("result %+v", result)
	}
	first := proposed()
	if w.git("rev-parse", "HEAD") != head || w.git("status", "--porcelain") != "" {
		t.Error("the clone was changed")
	}
	w.mustRun(config)
	if proposed() != first {
		t.Error("the branch was pushed again without a change")
	}
	w.commit("fix: y")
	w.push()
	w.mustRun(config)
	if second := proposed(); second == first || w.in(w.remote, "rev-parse", second+"^") != w.git("rev-parse", "HEAD") {
		t.Error("the branch does not follow main")
	}
	for _, how := range []string{"merge", "squash", "squash without the trailer", "rebase"} {
		t.Run(how, func(t *testing.T) { w.clone(t).mergeAndRelease(how, config) })
	}
}

// clone returns a world of its own with the same commits.
func (w *world) clone(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	c := &world{t: t, dir: filepath.Join(dir, "clone"), remote: filepath.Join(dir, "remote.git"), at: w.at + 60}
	c.in(dir, "clone", "-q", "--bare", w.remote, c.remote)
	c.in(dir, "clone", "-q", c.remote, c.dir)
	c.git("config", "user.name", "Ada")
	c.git("config", "user.email", "ada@example.com")
	return c
}

// mergeAndRelease merges the release's branch as a forge does, and checks that
// a run tags it, once.
func (w *world) mergeAndRelease(how, config string) {
	w.t.Helper()
	const branch = "origin/davit/release-main"
	message := strings.Replace(w.git("log", "-1", "--format=%B", branch), "\n", " (#1)\n", 1)
	switch how {
	case "merge":
		w.git("merge", "-q", "--no-ff", "-m", "Merge pull request #1", branch)
	case "rebase": // forges make the commit again even where they need not
		w.git("cherry-pick", "--no-ff", branch)
	case "squash without the trailer":
		message, _, _ = strings.Cut(message, "\n")
		fallthrough
	default:
		w.git("merge", "-q", "--squash", branch)
		w.git("commit", "-q", "-m", message)
	}
	if proposed := w.git("rev-parse", branch); how != "merge" && w.git("rev-parse", "HEAD") == proposed {
		w.t.Fatal("the merge made no commit of its own")
	}
	w.git("push", "-q")
	result := w.mustRun(config)
	if len(result.Releases) != 1 || result.Releases[0].Tag != "v0.1.0" || result.Releases[0].Notes == "" {
		w.t.Fatalf("result %+v", result)
	}
	if got := w.in(w.remote, "show", "v0.1.0:VERSION"); got != "0.1.0" {
		w.t.Errorf("the tag has VERSION %s", got)
	}
	if left := w.in(w.remote, "for-each-ref", "refs/heads/davit"); left != "" {
		w.t.Errorf("the branch of the pull request is left: %s", left)
	}
	if again := w.mustRun(config); !again.Nothing() {
		w.t.Errorf("a second run did %+v", again)
	}
}

// TestMergedOntoMore merges a release's branch when more has come in the meantime: where
// the tag has that too, the run says so.
func TestMergedOntoMore(t *testing.T) {
	const config, branch = "release: {mode: pull-request}", "origin/davit/release-main"
	w := newWorld(t)
	w.file("VERSION", "0.0.0\n", "feat: x")
	w.push()
	w.mustRun(config)
	tests := []struct {
		name, how, format string
		removed, untold   bool
	}{
		{"merge", "--no-ff", "", false, false},
		{"squash", "--squash", "%B", false, true},
		{"squash, and the branch is removed", "--squash", "%B", true, true},
		{"squash of the title alone", "--squash", "%s", false, true},
		{"squash with a base that is an option of git's", "--squash", "%s%n%nDavit-Release: v0.1.0%nDavit-Base: --output=x", false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := w.clone(t)
			w.file("late", "1", "feat: late")
			w.git("merge", "-q", tt.how, "-m", "Merge pull request #1", branch)
			if tt.how == "--squash" {
				w.git("commit", "-q", "-m", w.git("log", "-1", "--format="+tt.format, branch))
			}
			w.git("push", "-q")
			if tt.removed {
				w.git("push", "-q", "origin", ":davit/release-main")
			}
			result := w.mustRun(config)
			got := strings.Join(result.Warnings, "\n")
			if told := strings.HasPrefix(got, "v0.1.0 has commits that its changelog does not tell of") && strings.HasSuffix(got, " feat: late"); told != tt.untold || !told && got != "" {
				t.Errorf("warnings %q", got)
			}
			if len(result.Releases) != 1 || result.Releases[0].Tag != "v0.1.0" || !tt.untold && result.Proposed == "" {
				t.Errorf("result %+v", result)
			}
		})
	}
}

// TestTitlesOfOthers checks that the title of a release counts only where a
// pull request can have been merged by it, and only on its own change.
func TestTitlesOfOthers(t *testing.T) {
	tests := []struct{ name, config, content, message, tag string }{
		{"releases go directly", "", "9.0.0\n", "chore(release): v9.0.0", ""},
		{"of another version", "release: {mode: pull-request}", "1.0.0\n", "chore(release): v9.0.0", ""},
		{"of no package", "release: {mode: pull-request}", "9.0.0\n", "chore(release): 9.0.0", ""},
		{"its own", "release: {mode: pull-request}", "9.0.0\n", "chore(release): v9.0.0 (!7)", "v9.0.0"},
		{"in words of one's own", "release: {mode: pull-request, commitMessage: \"release %s now\"}", "9.0.0\n", "release v9.0.0 now (#7)", "v9.0.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.file("VERSION", tt.content, tt.message)
			if got := strings.Join(w.next(tt.config).Pending, ", "); got != tt.tag {
				t.Errorf("pending is %q, want %q", got, tt.tag)
			}
		})
	}
}

func TestProposalKeepsItsDate(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "0.0.0\n", "feat: x")
	w.push()
	proposed := func() string { return w.in(w.remote, "rev-parse", "davit/release-main") }
	r := w.runner(byRequest)
	tomorrow := r.Now
	r.Now = func() time.Time { return firstDay }
	if _, err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := proposed()
	r.Now = tomorrow
	if _, err := r.Run(t.Context()); err != nil || proposed() != first {
		t.Errorf("on the next day, with the same to release, it was pushed again: %v", err)
	}
	w.commit("fix: y")
	w.push()
	w.mustRun(byRequest)
	if got := w.in(w.remote, "show", proposed()+":CHANGELOG.md"); !strings.Contains(got, "2026-01-02") || !strings.Contains(got, "- y (") {
		t.Errorf("with more to release the changelog is\n%s", got)
	}
}

// TestProposalIsNotPushedOverAnother lets somebody push to the branch of the
// pull request while a run makes its commit.
func TestProposalIsNotPushedOverAnother(t *testing.T) {
	for name, before := range map[string]bool{"new": false, "there": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.file("VERSION", "0.0.0\n", "feat: x")
			w.push()
			if before {
				w.mustRun(byRequest)
				w.commit("fix: y")
				w.push()
			}
			other := w.other()
			theirs := other.commit("docs: mine")
			r := w.runner(byRequest)
			r.Observe = func(step release.Step, _ string) {
				if step == release.StepCommit {
					other.git("push", "-q", "-f", "origin", "HEAD:refs/heads/davit/release-main")
				}
			}
			_, err := r.Run(t.Context())
			if davit.ErrorCode(err) != davit.CodeConflict || !strings.Contains(err.Error(), "davit/release-main") {
				t.Errorf("error %v", err)
			}
			if got := w.in(w.remote, "rev-parse", "davit/release-main"); got != theirs {
				t.Errorf("the branch is at %s, want %s", got, theirs)
			}
		})
	}
}

func TestProposalIsWithdrawn(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "0.0.0\n", "chore: begin")
	w.commit("feat: x")
	w.push()
	w.mustRun(byRequest)
	w.revert("HEAD")
	w.push()
	r := w.runner("release: {mode: pull-request, packages: [{name: a, path: a}, {name: b, path: b}]}")
	r.Options.Only = []string{"a"}
	if result, err := r.Run(t.Context()); err != nil || !result.Nothing() {
		t.Errorf("for one package of several: %+v, %v", result, err)
	}
	if result := w.mustRun(byRequest); result.Withdrawn != "davit/release-main" || result.Nothing() {
		t.Errorf("result %+v", result)
	}
	if left := w.in(w.remote, "for-each-ref", "refs/heads/davit"); left != "" {
		t.Errorf("the branch is left: %s", left)
	}
	if result := w.mustRun(byRequest); !result.Nothing() {
		t.Errorf("a second run did %+v", result)
	}
	w.commit("feat: y")
	w.push()
	if result := w.mustRun(byRequest); result.Proposed != "davit/release-main" {
		t.Errorf("with more to release: %+v", result)
	}
}
