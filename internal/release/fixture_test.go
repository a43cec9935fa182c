package release_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/config"
	"github.com/davit-dev/davit/internal/release"
	"github.com/davit-dev/davit/internal/release/changelog"
	"github.com/davit-dev/davit/internal/release/git"
)

// world is a clone with a bare remote beside it.
type world struct {
	t      *testing.T
	dir    string // of the clone
	remote string
	at     int64 // of the next commit
}

func newWorld(t *testing.T, initArgs ...string) *world {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	for _, name := range []string{"GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN"} {
		t.Setenv(name, "")
	}
	w := &world{t: t, dir: filepath.Join(home, "clone"), remote: filepath.Join(home, "remote.git"), at: 1_700_000_000}
	w.in(home, append(append([]string{"init", "-q", "--bare", "-b", "main"}, initArgs...), w.remote)...)
	w.in(home, append(append([]string{"init", "-q", "-b", "main"}, initArgs...), w.dir)...)
	w.git("config", "user.name", "Ada")
	w.git("config", "user.email", "ada@example.com")
	w.git("remote", "add", "origin", w.remote)
	return w
}

// in runs git in a folder and returns what it prints.
func (w *world) in(dir string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("GIT_COMMITTER_DATE=%d +0000", w.at), fmt.Sprintf("GIT_AUTHOR_DATE=%d +0000", w.at))
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (w *world) git(args ...string) string { w.t.Helper(); return w.in(w.dir, args...) }

// commit makes an empty commit with each message and returns the last one.
func (w *world) commit(messages ...string) string {
	w.t.Helper()
	for _, m := range messages {
		w.at += 60
		w.git("commit", "-q", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim", "-m", m)
	}
	return w.git("rev-parse", "HEAD")
}

// file commits a file with content.
func (w *world) file(name, content, message string) string {
	w.t.Helper()
	w.write(name, content)
	w.git("add", "--", name)
	w.at += 60
	w.git("commit", "-q", "-m", message)
	return w.git("rev-parse", "HEAD")
}

func (w *world) write(name, content string) {
	w.t.Helper()
	full := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(name string) string {
	w.t.Helper()
	content, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(content)
}

func (w *world) push() { w.t.Helper(); w.git("push", "-q", "origin", "HEAD", "--tags") }

func (w *world) open() *git.Repo {
	w.t.Helper()
	repo, err := git.Open(w.t.Context(), w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	return repo
}

// config reads the text as davit.yaml.
func (w *world) config(text string) *davit.Releasing {
	w.t.Helper()
	c, err := config.ParseReleasing("davit.yaml", []byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) next(config string) *release.Plan {
	w.t.Helper()
	plan, err := release.Next(w.t.Context(), w.open(), w.config(config), release.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	return plan
}

// version returns the next version of the only package, "" for none.
func (w *world) version(config string) string {
	w.t.Helper()
	if next := w.next(config).Packages[0].Next; next != nil {
		return next.String()
	}
	return ""
}

func (w *world) runner(config string) *release.Runner {
	return &release.Runner{
		Repo: w.open(), Config: w.config(config), Links: changelog.ParseRemote("https://github.com/o/r", ""),
		Now: func() time.Time { return time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC) },
	}
}

func (w *world) run(config string) (release.Result, error) {
	w.t.Helper()
	return w.runner(config).Run(context.WithoutCancel(w.t.Context()))
}

func (w *world) mustRun(config string) release.Result {
	w.t.Helper()
	result, err := w.run(config)
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}
