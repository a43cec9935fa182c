package release_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/config"
	"github.com/davit-dev/davit/internal/release"
	"github.com/davit-dev/davit/internal/release/changelog"
	"github.com/davit-dev/davit/internal/release/git"
)

// crashAfter names the variable that makes this test binary a runner which
// kills itself after so many steps.
const crashAfter = "DAVIT_TEST_CRASH_AFTER"

func TestMain(m *testing.M) {
	if steps, err := strconv.Atoi(os.Getenv(crashAfter)); err == nil {
		if err := runAndCrash(steps); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// runAndCrash releases in the working directory and kills its own process
// after a number of steps.
func runAndCrash(steps int) error {
	repo, err := git.Open(context.Background(), ".")
	if err != nil {
		return err
	}
	config, err := config.LoadReleasing("davit.yaml")
	if err != nil {
		return err
	}
	r := &release.Runner{Repo: repo, Config: config, Now: func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }}
	r.Observe = func(release.Step, string) {
		if steps--; steps == 0 {
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				panic(err)
			}
			select {}
		}
	}
	_, err = r.Run(context.Background())
	return err
}

const mono = `release:
  floatingTags: true
  packages:
    - {name: a, path: a}
    - {name: b, path: b, dependsOn: [a]}
`

// state is what is compared after a release.
type state struct {
	Tree, Subject, Remote, Tags, Status, Changelog string
}

func (w *world) state() state {
	w.t.Helper()
	s := state{Tree: w.git("rev-parse", "HEAD^{tree}"), Subject: w.git("log", "-3", "--format=%B"), Status: w.git("status", "--porcelain")}
	s.Remote = w.in(w.remote, "log", "--format=%T %s", "main")
	s.Tags = w.in(w.remote, "for-each-ref", "--format=%(refname) %(objecttype) %(*tree) %(contents)", "refs/tags")
	if content, err := os.ReadFile(filepath.Join(w.dir, "CHANGELOG.md")); err == nil {
		s.Changelog = string(content)
	}
	return s
}

// TestCrashAtEveryStep kills a release after each of its steps and checks that
// a second run on another day ends as an undisturbed one.
func TestCrashAtEveryStep(t *testing.T) {
	builds := map[string]func(w *world){
		"one": func(w *world) {
			w.file("package.json", "{\n  \"name\": \"x\",\n  \"version\": \"1.0.0\"\n}\n", "feat: first")
			w.file("CHANGELOG.md", "# Mine\n\n## [Unreleased]\n\n### Added\n\n- by hand\n\n## 1.0.0\n\n- old\n", "docs: changelog")
			w.git("tag", "v1.0.0")
			w.commit("feat: x", "fix!: y\n\nBREAKING CHANGE: z")
		},
		"packages": func(w *world) {
			w.file("davit.yaml", mono, "chore: configure")
			w.file("a/VERSION", "0.0.0\n", "feat: a")
			w.file("b/Chart.yaml", "version: 0.0.0\nappVersion: \"0.0.0\"\n", "feat: b")
		},
		"tag only": func(w *world) {
			w.file("davit.yaml", "release: {changelog: {disabled: true}}", "feat: x")
		},
	}
	for name, build := range builds {
		t.Run(name, func(t *testing.T) {
			want, steps := state{}, 0
			for crash := 0; crash == 0 || crash <= steps; crash++ {
				w := newWorld(t)
				build(w)
				w.push()
				if crash > 0 {
					w.crash(crash)
				}
				config, err := os.ReadFile(filepath.Join(w.dir, "davit.yaml"))
				if err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
				r := w.runner(string(config))
				r.Links = changelog.Links{}
				if crash <= 1 { // until a file is written, nothing says when a run began
					r.Now = func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
				}
				if crash == 0 {
					r.Observe = func(release.Step, string) { steps++ }
				}
				result, err := r.Run(t.Context())
				if err != nil {
					t.Fatalf("after a crash at step %d: %v", crash, err)
				}
				if result.Nothing() && crash < steps {
					t.Errorf("after a crash at step %d nothing was done", crash)
				}
				got := w.state()
				if crash == 0 {
					want = got
				} else if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("after a crash at step %d (-want +got):\n%s", crash, diff)
				}
				if again, err := r.Run(t.Context()); err != nil || !again.Nothing() {
					t.Errorf("after a crash at step %d a third run did %+v, %v", crash, again, err)
				}
			}
			if want.Tags == "" || steps < 3 {
				t.Errorf("the undisturbed run took %d steps and left the tags %q", steps, want.Tags)
			}
		})
	}
}

// crash runs a process that is killed after so many steps.
func (w *world) crash(steps int) {
	w.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), crashAfter+"="+strconv.Itoa(steps),
		fmt.Sprintf("GIT_COMMITTER_DATE=%d +0000", w.at+60), fmt.Sprintf("GIT_AUTHOR_DATE=%d +0000", w.at+60))
	out, err := cmd.CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || !exit.Sys().(syscall.WaitStatus).Signaled() {
		w.t.Fatalf("the run was not killed at step %d: %v\n%s", steps, err, out)
	}
}

// TestTwoRunnersAtOnce lets a second clone release between the first one's tag
// and its push.
func TestTwoRunnersAtOnce(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "0.0.0\n", "feat: x")
	w.push()
	other := *w
	other.dir += "-other"
	w.in(w.dir, "clone", "-q", w.remote, other.dir)
	other.git("config", "user.name", "Bob")
	other.git("config", "user.email", "bob@example.com")
	before := w.git("rev-parse", "HEAD")
	r := w.runner("")
	r.Observe = func(step release.Step, _ string) {
		if step == release.StepTag {
			other.at += 1000
			other.mustRun("")
		}
	}
	result, err := r.Run(t.Context())
	if err != nil || !result.Elsewhere {
		t.Fatalf("the slower run: %+v, %v", result, err)
	}
	if got := w.git("rev-parse", "HEAD"); got != before || w.git("tag") != "" || w.git("status", "--porcelain") != "" || w.read("VERSION") != "0.0.0\n" {
		t.Errorf("the slower run left HEAD %s, tags %q, status %q", got, w.git("tag"), w.git("status", "--porcelain"))
	}
	if tags := w.in(w.remote, "tag"); tags != "v0.1.0" {
		t.Errorf("the remote has the tags %q", tags)
	}
}

// TestCrashThenAnotherRunner lets another clone release what a crashed run
// committed and tagged and never pushed.
func TestCrashThenAnotherRunner(t *testing.T) {
	for _, steps := range []int{4, 5} { // plan, write, write, commit, tag
		w := newWorld(t)
		w.file("VERSION", "0.0.0\n", "feat: x")
		w.push()
		other := *w
		other.dir += "-other"
		w.in(w.dir, "clone", "-q", w.remote, other.dir)
		other.git("config", "user.name", "Bob")
		other.git("config", "user.email", "bob@example.com")
		w.crash(steps)
		other.mustRun("")
		result, err := w.run("")
		if err != nil || !result.Elsewhere {
			t.Fatalf("after a crash at step %d: %+v, %v", steps, result, err)
		}
		if status := w.git("status", "--porcelain"); status != "" || w.read("VERSION") != "0.0.0\n" {
			t.Errorf("after a crash at step %d: status %q, VERSION %q", steps, status, w.read("VERSION"))
		}
		w.git("pull", "-q", "origin", "main")
		if result := w.mustRun(""); !result.Nothing() {
			t.Errorf("after a pull: %+v", result)
		}
	}
}

func TestRefusesBeforeAnythingIsWritten(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(w *world)
		code  davit.Code
		says  string
		late  bool // what only the step itself finds out
	}{
		{"dirty tree", func(w *world) { w.write("VERSION", "7\n") }, davit.CodeRefused, "VERSION", false},
		{"dirty in another file", func(w *world) { w.write("a", "changed") }, davit.CodeRefused, "not committed: a", false},
		{"staged", func(w *world) { w.write("new", "x"); w.git("add", "new") }, davit.CodeRefused, "not committed: new", false},
		{"untracked changelog", func(w *world) { w.write("CHANGELOG.md", "mine") }, davit.CodeRefused, "CHANGELOG.md", false},
		{"detached", func(w *world) { w.git("checkout", "-q", "--detach") }, davit.CodeRefused, "detached", false},
		{"no identity", func(w *world) {
			w.git("config", "--unset", "user.name")
			w.git("config", "--unset", "user.email")
			w.git("config", "user.useConfigOnly", "true")
		}, davit.CodeRefused, "who commits", false},
		{"no remote", func(w *world) { w.git("remote", "remove", "origin") }, davit.CodeRefused, "no remote", false},
		{"remote away", func(w *world) { w.git("remote", "set-url", "origin", w.remote+"-gone") }, davit.CodeUnavailable, "cannot read the remote", false},
		{"remote moved", func(w *world) {
			w.commit("fix: y")
			w.push()
			w.git("reset", "-q", "--hard", "HEAD^")
		}, davit.CodeRefused, "moved on", false},
		{"another version in a file", func(w *world) { w.file("VERSION", "3.0.0\n", "fix: z"); w.push() }, davit.CodeConflict, "VERSION says 3.0.0", false},
		{"branch that does not release", func(w *world) {
			w.git("remote", "set-head", "origin", "main")
			w.git("switch", "-q", "-c", "feature/x")
		}, davit.CodeRefused, "no branch that releases", false},
		{"protected branch", func(w *world) {
			hook := filepath.Join(w.remote, "hooks", "pre-receive")
			if err := os.WriteFile(hook, []byte("#!/bin/sh\necho protected branch >&2\nexit 1\n"), 0o700); err != nil {
				w.t.Fatal(err)
			}
		}, davit.CodeRefused, "nothing is left", true},
		{"commit hook", func(w *world) {
			hook := filepath.Join(w.dir, ".git", "hooks", "pre-commit")
			if err := os.WriteFile(hook, []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
				w.t.Fatal(err)
			}
		}, davit.CodeRefused, "could not commit", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.file("VERSION", "0.0.0\n", "feat: x")
			w.file("a", "a", "chore: y")
			w.push()
			w.git("fetch", "-q", "origin")
			tt.spoil(w)
			head, status := w.git("rev-parse", "HEAD"), w.git("status", "--porcelain")
			if _, _, err := w.runner("").Preview(t.Context()); davit.ErrorCode(err) != tt.code && !tt.late {
				t.Errorf("the preview: %v, want %s", err, tt.code)
			}
			_, err := w.run("")
			e, ok := errors.AsType[*davit.Error](err)
			if !ok || e.Code != tt.code || !strings.Contains(err.Error(), tt.says) || e.Hint == "" {
				t.Fatalf("error %v, want %s with %q and a hint", err, tt.code, tt.says)
			}
			if now := w.git("rev-parse", "HEAD"); now != head || w.git("tag") != "" || w.git("status", "--porcelain") != status {
				t.Errorf("it left HEAD %s (was %s), tags %q, status %q (was %q)", now, head, w.git("tag"), w.git("status", "--porcelain"), status)
			}
		})
	}
}
