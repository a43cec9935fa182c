package release_test

import (
	"bytes"
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

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/config"
	"github.com/davit-dev/davit/internal/release"
	"github.com/davit-dev/davit/internal/release/git"
)

// What makes this test binary a runner that kills itself after so many steps,
// of which 0 is none, and what is around it.
const (
	crashAfter = "DAVIT_TEST_CRASH_AFTER"
	crashForge = "DAVIT_TEST_FORGE"  // "kind address"
	crashBook  = "DAVIT_TEST_LEDGER" // a file
)

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
	r := &release.Runner{Repo: repo, Config: config, Now: func() time.Time { return firstDay }}
	if kind, address, ok := strings.Cut(os.Getenv(crashForge), " "); ok {
		r.Forge = openForge(kind, address)
	}
	if file := os.Getenv(crashBook); file != "" {
		r.Recorder = book(file)
	}
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

// crash runs a process that is killed after so many steps.
func (w *world) crash(steps int) { w.t.Helper(); w.crashBeside(steps, 0, nil) }

// crashBeside runs a process that is killed after so many steps, or with the
// answer to so many calls that write on the forge outstanding.
func (w *world) crashBeside(steps, calls int, around *surroundings) {
	w.t.Helper()
	ctx, kill := context.WithCancel(w.t.Context())
	defer kill()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), crashAfter+"="+strconv.Itoa(steps),
		fmt.Sprintf("GIT_COMMITTER_DATE=%d +0000", w.at+60), fmt.Sprintf("GIT_AUTHOR_DATE=%d +0000", w.at+60))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	dead := make(chan struct{})
	if around != nil {
		cmd.Env = append(cmd.Env, crashForge+"="+around.kind+" "+around.hub.URL, crashBook+"="+string(around.book))
		left := calls
		around.hub.OnWrite(func(string) {
			if left--; left == 0 {
				kill()
				<-dead
			}
		})
		defer around.hub.OnWrite(nil)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	err := cmd.Wait()
	close(dead)
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || !exit.Sys().(syscall.WaitStatus).Signaled() {
		w.t.Fatalf("the run was not killed at step %d or call %d: %v\n%s", steps, calls, err, &out)
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
