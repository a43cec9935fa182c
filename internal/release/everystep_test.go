package release_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit/internal/release"
	"github.com/davit-dev/davit/internal/release/changelog"
	"github.com/davit-dev/davit/internal/release/forge"
	"github.com/davit-dev/davit/internal/release/forge/forgetest"
)

// firstDay is when the runs that crash begin; those that finish them run on
// another.
var firstDay = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// book records releases in a file, each once.
type book string

func (b book) RecordRelease(_ context.Context, r release.Released) (bool, error) {
	known, err := b.read()
	if err != nil || slices.ContainsFunc(known, func(o record) bool { return o.Tag == r.Tag }) {
		return false, err
	}
	content, err := json.Marshal(append(known, record{r.Tag, r.Digest, r.Notes, r.Page}))
	if err != nil {
		return false, err
	}
	return true, os.WriteFile(string(b), content, 0o600)
}

// record is what a book keeps of a release; its commit has the time at which
// it was made.
type record struct{ Tag, Digest, Notes, Page string }

func (b book) read() (known []record, err error) {
	content, err := os.ReadFile(string(b))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return known, errors.Join(err, json.Unmarshal(content, &known))
}

// surroundings are what a run tells of its release.
type surroundings struct {
	kind string // of the forge
	hub  *forgetest.Hub
	book book
}

func openForge(kind, address string) forge.Forge {
	return forge.Open(kind, address, "example.com", "o/r", func(name string) string {
		if name == "GITHUB_TOKEN" || name == "GITLAB_TOKEN" {
			return "token"
		}
		return ""
	})
}

func newSurroundings(t *testing.T, kind string) *surroundings {
	t.Helper()
	return &surroundings{kind, forgetest.New(t), book(filepath.Join(t.TempDir(), "records"))}
}

// runnerBeside returns a runner with the configuration in the clone.
func (w *world) runnerBeside(around *surroundings) *release.Runner {
	w.t.Helper()
	config, err := os.ReadFile(filepath.Join(w.dir, "davit.yaml"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	r := w.runner(string(config))
	r.Links = changelog.Links{}
	r.Forge, r.Recorder = openForge(around.kind, around.hub.URL), around.book
	return r
}

// state is what is compared after a release.
type state struct {
	Tree, Subject, Remote, Tags, Status, Changelog, Request string

	Published, Uploads, Requests, Records string
}

func (w *world) state(around *surroundings) state {
	w.t.Helper()
	s := state{Tree: w.git("rev-parse", "HEAD^{tree}"), Subject: w.git("log", "-3", "--format=%B"), Status: w.git("status", "--porcelain")}
	s.Remote = w.in(w.remote, "log", "--format=%T %s", "main")
	s.Tags = w.in(w.remote, "for-each-ref", "--format=%(refname) %(objecttype) %(*tree) %(contents)", "refs/tags")
	s.Request = w.in(w.remote, "for-each-ref", "--format=%(refname) %(tree) %(contents)", "refs/heads/davit")
	if content, err := os.ReadFile(filepath.Join(w.dir, "CHANGELOG.md")); err == nil {
		s.Changelog = string(content)
	}
	records, err := around.book.read()
	if err != nil {
		w.t.Fatal(err)
	}
	slices.SortFunc(records, func(a, b record) int { return cmp.Compare(a.Tag, b.Tag) })
	tell := func(value any) string {
		content, err := json.MarshalIndent(value, "", " ")
		if err != nil {
			w.t.Fatal(err)
		}
		return string(bytes.ReplaceAll(content, []byte(around.hub.URL), []byte("https://forge")))
	}
	s.Published, s.Uploads = tell(around.hub.Releases), tell(around.hub.Uploads)
	s.Requests, s.Records = tell(around.hub.Requests), tell(records)
	return s
}

const mono = `release:
  floatingTags: true
  forge: {assets: [dist/*]}
  packages:
    - {name: a, path: a}
    - {name: b, path: b, dependsOn: [a]}
`

const byRequest = "release: {mode: pull-request, forge: {assets: [dist/*]}}"

// crashes are repositories in which every step of a release is the last one of
// some run.
type crashes struct {
	kind     string // of the forge
	build    func(w *world, around *surroundings)
	undated  int // steps until something is written that says when the run began
	releases int // that are published at last
	requests int
}

func crashTable() map[string]crashes {
	one := func(w *world, config string) {
		w.file("davit.yaml", config, "chore: configure")
		w.file("package.json", "{\n  \"name\": \"x\",\n  \"version\": \"1.0.0\"\n}\n", "feat: first")
		w.file("CHANGELOG.md", "# Mine\n\n## [Unreleased]\n\n### Added\n\n- by hand\n\n## 1.0.0\n\n- old\n", "docs: changelog")
		w.git("tag", "v1.0.0")
		w.commit("feat: x", "fix!: y\n\nBREAKING CHANGE: z")
		w.push()
	}
	propose := func(w *world, around *surroundings) {
		one(w, byRequest)
		if _, err := w.runnerBeside(around).Run(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.at += 60
	}
	return map[string]crashes{
		"one": {kind: "github", undated: 1, releases: 1, build: func(w *world, _ *surroundings) {
			one(w, "release: {forge: {assets: [dist/*]}}")
		}},
		"packages": {kind: "gitlab", undated: 1, releases: 2, build: func(w *world, _ *surroundings) {
			w.file("davit.yaml", mono, "chore: configure")
			w.file("a/VERSION", "0.0.0\n", "feat: a")
			w.file("b/Chart.yaml", "version: 0.0.0\nappVersion: \"0.0.0\"\n", "feat: b")
			w.push()
		}},
		"tag only": {kind: "github", undated: 1, releases: 1, build: func(w *world, _ *surroundings) {
			w.file("davit.yaml", "release: {changelog: {disabled: true}}", "feat: x")
			w.push()
		}},
		"pull request": {kind: "github", undated: 2, requests: 1, build: func(w *world, _ *surroundings) { one(w, byRequest) }},
		"merged": {kind: "github", releases: 1, requests: 1, build: func(w *world, around *surroundings) {
			propose(w, around)
			w.git("fetch", "-q", "origin")
			w.git("merge", "-q", "--no-ff", "-m", "Merge pull request #1", "origin/davit/release-main")
			w.push()
		}},
		"not due any more": {kind: "gitlab", requests: 1, build: func(w *world, around *surroundings) {
			propose(w, around)
			w.revert("HEAD", "HEAD~2")
			w.push()
		}},
	}
}

// revert commits reverts, as git words them.
func (w *world) revert(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.commit("Revert \"" + w.git("log", "-1", "--format=%s", name) + "\"\n\nThis reverts commit " + w.git("rev-parse", name) + ".")
	}
}

// TestCrashAtEveryStep kills a release after each of its steps, and before the
// answer to each call that writes on the forge, and checks that a second run on
// another day ends as an undisturbed one.
func TestCrashAtEveryStep(t *testing.T) {
	for name, c := range crashTable() {
		t.Run(name, func(t *testing.T) {
			want, steps, calls := c.undisturbed(t)
			for step := 1; step <= steps; step++ {
				c.check(t, want, fmt.Sprintf("a crash at step %d", step), func(w *world, around *surroundings) bool {
					w.crashBeside(step, 0, around)
					return step <= c.undated
				}, step == steps)
			}
			for call := 1; call <= calls; call++ {
				c.check(t, want, fmt.Sprintf("a crash at call %d", call), func(w *world, around *surroundings) bool {
					w.crashBeside(0, call, around)
					return false
				}, false)
			}
		})
	}
}

func (c *crashes) world(t *testing.T) (*world, *surroundings) {
	t.Helper()
	w, around := newWorld(t), newSurroundings(t, c.kind)
	w.write("dist/x.tar", "x")
	w.write("dist/y.tar", "yy")
	c.build(w, around)
	return w, around
}

// undisturbed returns how a run ends that nobody kills, with how many steps and
// calls.
func (c *crashes) undisturbed(t *testing.T) (want state, steps, calls int) {
	t.Helper()
	w, around := c.world(t)
	r := w.runnerBeside(around)
	r.Now = func() time.Time { return firstDay }
	done := map[release.Step]bool{}
	r.Observe = func(step release.Step, _ string) { steps++; done[step] = true }
	calls = len(around.hub.Calls)
	if _, err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	calls = len(around.hub.Calls) - calls
	want = w.state(around)
	if len(around.hub.Releases) != c.releases || len(around.hub.Requests) != c.requests {
		t.Errorf("the forge has %s and %s", want.Published, want.Requests)
	}
	if assets := strings.Contains(w.read("davit.yaml"), "dist"); assets && len(around.hub.Uploads) != 2*c.releases {
		t.Errorf("the forge has the assets %s", want.Uploads)
	}
	records, err := around.book.read()
	if err != nil || len(records) != c.releases || strings.Contains(want.Published, `"draft": true`) {
		t.Errorf("records %s, %v of %s", want.Records, err, want.Published)
	}
	if c.releases > 0 && !(done[release.StepPublish] && done[release.StepRecord]) || c.releases == 0 && !done[release.StepPropose] && !done[release.StepWithdraw] || calls == 0 {
		t.Errorf("the undisturbed run did %v with %d calls", done, calls)
	}
	return want, steps, calls
}

// check lets a run crash and checks that the next one ends as it should.
func (c *crashes) check(t *testing.T, want state, after string, crash func(*world, *surroundings) (sameDay bool), complete bool) {
	t.Helper()
	w, around := c.world(t)
	sameDay := crash(w, around)
	r := w.runnerBeside(around)
	if sameDay {
		r.Now = func() time.Time { return firstDay }
	}
	result, err := r.Run(t.Context())
	if err != nil {
		t.Fatalf("after %s: %v", after, err)
	}
	if result.Nothing() && !complete {
		t.Errorf("after %s nothing was done", after)
	}
	if different := diff.Diff(want, w.state(around)); different != "" {
		t.Errorf("after %s (-want +got):\n%s", after, different)
	}
	calls := len(around.hub.Calls)
	again, err := r.Run(t.Context())
	if err != nil || len(again.Releases) > 0 || len(around.hub.Calls) != calls {
		t.Errorf("after %s a third run did %+v, %v, calls %q", after, again, err, around.hub.Calls[calls:])
	}
	if different := diff.Diff(want, w.state(around)); different != "" {
		t.Errorf("after %s a third run changed (-want +got):\n%s", after, different)
	}
}
