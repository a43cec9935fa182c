package release_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release"
	"github.com/davit-dev/davit/internal/release/changelog"
	"github.com/davit-dev/davit/internal/release/forge"
	"github.com/davit-dev/davit/internal/release/versionfile"
)

// ledger records releases.
type ledger []release.Released

func (l *ledger) RecordRelease(_ context.Context, r release.Released) (bool, error) {
	known := slices.ContainsFunc(*l, func(o release.Released) bool { return o.Tag == r.Tag })
	if !known {
		*l = append(*l, r)
	}
	return !known, nil
}

func TestReleaseThenNothing(t *testing.T) {
	w := newWorld(t)
	w.file("package.json", "{\"version\":\t\"0.0.0\"}", "feat(api): x (#12)")
	w.push()
	r := w.runner("")
	var records ledger
	r.Recorder = &records
	result, err := r.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Releases) != 1 || result.Releases[0].Tag != "v0.1.0" || !strings.HasPrefix(result.Releases[0].Digest, "git-tree:") {
		t.Fatalf("result %+v", result)
	}
	if len(records) != 1 || records[0].Notes != result.Releases[0].Notes || !strings.Contains(records[0].Notes, "**api:** x ([#12](https://github.com/o/r/pull/12))") {
		t.Errorf("records %+v", records)
	}
	if got := w.read("package.json"); got != "{\"version\":\t\"0.1.0\"}" {
		t.Errorf("package.json is %q", got)
	}
	if got := w.read("CHANGELOG.md"); !strings.HasPrefix(got, changelog.Header+"\n## [0.1.0] - 2026-01-02\n") {
		t.Errorf("the changelog is\n%s", got)
	}
	if got := w.in(w.remote, "cat-file", "-t", "v0.1.0"); got != "tag" {
		t.Errorf("the tag is a %s", got)
	}
	if again := w.mustRun(""); !again.Nothing() {
		t.Errorf("a second run did %+v", again)
	}
}

// deaf is a recorder that fails.
type deaf struct{}

func (deaf) RecordRelease(context.Context, release.Released) (bool, error) {
	return false, errors.New("away")
}

func TestRecordingIsFinishedLater(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "0.0.0\n", "feat: x")
	w.push()
	r := w.runner("")
	r.Recorder = deaf{}
	if _, err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "v0.1.0 is released") {
		t.Errorf("with a recorder that fails: %v", err)
	}
	var records ledger
	r.Recorder = &records
	result, err := r.Run(t.Context())
	if err != nil || len(result.Releases) != 1 || len(records) != 1 || !strings.Contains(records[0].Notes, "- x (") || records[0].Digest != result.Releases[0].Digest {
		t.Errorf("the second run: %+v, %v, records %+v", result, err, records)
	}
	if result, err := r.Run(t.Context()); err != nil || !result.Nothing() {
		t.Errorf("the third run: %+v, %v", result, err)
	}
}

func TestPreviewChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "0.0.0\n", "feat: x")
	w.push()
	before := w.git("count-objects", "-v")
	plan, diff, err := w.runner("").Preview(t.Context())
	if err != nil || len(plan.Releases()) != 1 {
		t.Fatal(plan, err)
	}
	for _, part := range []string{"+++ b/CHANGELOG.md\n", "-0.0.0\n+0.1.0\n", "+- x ("} {
		if !strings.Contains(diff, part) {
			t.Errorf("the difference lacks %q:\n%s", part, diff)
		}
	}
	if after := w.git("count-objects", "-v"); after != before || w.git("status", "--porcelain") != "" {
		t.Errorf("the preview left objects (%s, was %s) or changes %q", after, before, w.git("status", "--porcelain"))
	}
}

func TestFloatingTags(t *testing.T) {
	const config = "release: {floatingTags: true}"
	w := newWorld(t)
	w.commit("x")
	w.git("tag", "v1.1.9")
	w.git("branch", "1.1.x")
	w.commit("feat: y")
	w.push()
	w.mustRun(config)
	head := w.git("rev-parse", "HEAD")
	for _, name := range []string{"v1", "v1.2", "v1.2.0"} {
		if got := w.in(w.remote, "rev-parse", name+"^{commit}"); got != head {
			t.Errorf("%s is at %s, want %s", name, got, head)
		}
	}
	w.git("switch", "-q", "1.1.x")
	w.commit("fix: z")
	w.mustRun(config)
	if got := w.in(w.remote, "rev-parse", "v1^{commit}"); got != head {
		t.Error("v1 moved back to a maintenance release")
	}
	if got := w.in(w.remote, "rev-parse", "v1.1^{commit}"); got != w.git("rev-parse", "HEAD") {
		t.Error("v1.1 did not move")
	}
}

func TestSignedTags(t *testing.T) {
	for format, begins := range map[string]string{"ssh": "BEGIN SSH SIGNATURE", "openpgp": "BEGIN PGP SIGNATURE"} {
		t.Run(format, func(t *testing.T) {
			w := newWorld(t)
			key := map[string]func(*testing.T) string{"ssh": sshKey, "openpgp": gpgKey}[format](t)
			for _, setting := range [][2]string{{"gpg.format", format}, {"user.signingkey", key}, {"tag.gpgSign", "true"}, {"commit.gpgSign", "true"}} {
				w.git("config", setting[0], setting[1])
			}
			w.commit("feat: x")
			w.push()
			w.mustRun("")
			if got := w.in(w.remote, "cat-file", "tag", "v0.1.0"); !strings.Contains(got, begins) {
				t.Errorf("the tag is not signed:\n%s", got)
			}
			if got := w.in(w.remote, "cat-file", "commit", "main"); !strings.Contains(got, "gpgsig") || !strings.Contains(got, begins) {
				t.Errorf("the commit is not signed:\n%s", got)
			}
			if format == "openpgp" {
				w.git("verify-tag", "v0.1.0")
				w.git("verify-commit", "HEAD")
			}
			w.commit("fix: y")
			if got := w.version(""); got != "0.1.1" {
				t.Errorf("after a signed tag next is %s", got)
			}
			if notes, err := w.runner("").Notes(t.Context(), "v0.1.0"); err != nil || strings.Contains(notes, "BEGIN") {
				t.Errorf("the notes are %q, %v", notes, err)
			}
			w.git("config", "user.signingkey", filepath.Join(t.TempDir(), "gone"))
			head := w.git("rev-parse", "HEAD")
			if _, err := w.run(""); davit.ErrorCode(err) != davit.CodeRefused || w.git("rev-parse", "HEAD") != head || w.git("status", "--porcelain") != "" {
				t.Errorf("without the key: %v, status %q", err, w.git("status", "--porcelain"))
			}
		})
	}
}

// sshKey makes a key for ssh-keygen and returns its file.
func sshKey(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("there is no ssh-keygen")
	}
	key := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return key
}

// gpgKey makes a key in a home of its own and returns its name.
func gpgKey(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Skip("there is no gpg")
	}
	home, err := os.MkdirTemp("", "gpg") // short: its agent has a socket there
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GNUPGHOME", home)
	t.Cleanup(func() {
		if out, err := exec.Command("gpgconf", "--homedir", home, "--kill", "all").CombinedOutput(); err != nil {
			t.Errorf("ending the agent: %v %s", err, out)
		}
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	const name = "Ada <ada@example.com>"
	out, err := exec.Command("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "never").CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return name
}

func TestTemplateAndRegenerating(t *testing.T) {
	w := newWorld(t)
	w.file("section.tmpl", "{{define \"header\"}}# News{{end}}\n## {{.Version}} ({{.Date}})\n{{range .Groups}}{{range .Items}}\n* {{upper .Text}}{{end}}{{end}}\n", "feat: a")
	w.git("tag", "v1.0.0")
	w.commit("fix: b", "chore: c")
	w.git("tag", "v1.0.1")
	w.git("switch", "-q", "-c", "1.x")
	w.commit("fix: d")
	w.git("tag", "v1.0.2")
	w.git("switch", "-q", "main")
	w.commit("feat: e")
	w.git("tag", "v1.1.0")
	w.git("merge", "-q", "--no-ff", "-m", "Merge 1.x", "1.x")
	w.commit("fix: f")
	r := w.runner("release: {changelog: {template: section.tmpl}}")
	var b strings.Builder
	if err := r.WriteWhole(t.Context(), &b, r.Config.Packages[0]); err != nil {
		t.Fatal(err)
	}
	const want = `# News

## Unreleased ()

* F

## 1.1.0 (2023-11-14)

* E

## 1.0.2 (2023-11-14)

* D

## 1.0.1 (2023-11-14)

* B

## 1.0.0 (2023-11-14)

* A
`
	if b.String() != want {
		t.Errorf("the changelog is\n%s\nwant\n%s", b.String(), want)
	}
	if err := r.ReplaceChangelog(t.Context(), r.Config.Packages[0]); err != nil || w.read("CHANGELOG.md") != want || w.git("status", "--porcelain") != "?? CHANGELOG.md" {
		t.Errorf("the file is %q, %v, beside %s", w.read("CHANGELOG.md"), err, w.git("status", "--porcelain"))
	}
}

func TestNotes(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "0.0.0\n", "feat: x")
	w.push()
	next, err := w.runner("").Notes(t.Context(), "")
	if err != nil || !strings.HasPrefix(next, "### Added\n\n- x (") || w.git("status", "--porcelain") != "" {
		t.Errorf("of the next release: %q, %v", next, err)
	}
	w.mustRun("")
	if again, err := w.runner("").Notes(t.Context(), "v0.1.0"); err != nil || again != next {
		t.Errorf("of the release: %q, %v; want %q", again, err, next)
	}
	if none, err := w.runner("").Notes(t.Context(), ""); err != nil || none != "" {
		t.Errorf("with nothing to release: %q, %v", none, err)
	}
	w.git("tag", "v9.0.0")
	w.git("tag", "other")
	for name, says := range map[string]string{"v1.2.3": "no release", "other": "no release", "v9.0.0": "has notes"} {
		if _, err := w.runner("").Notes(t.Context(), name); davit.ErrorCode(err) != davit.CodeNotFound || !strings.Contains(err.Error(), says) {
			t.Errorf("of %s: %v", name, err)
		}
	}
}

func TestAs(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "3.2.1\n", "feat: x")
	w.push()
	r := w.runner("")
	version, err := release.ParseVersion("4.0.0")
	if err != nil {
		t.Fatal(err)
	}
	r.Options.As = &version
	if result, err := r.Run(t.Context()); err != nil || result.Releases[0].Tag != "v4.0.0" {
		t.Fatal(result, err)
	}
	if w.read("VERSION") != "4.0.0\n" {
		t.Errorf("VERSION is %q", w.read("VERSION"))
	}
	lower, err := release.ParseVersion("3.0.0")
	if err != nil {
		t.Fatal(err)
	}
	r.Options.As = &lower
	if _, err := r.Run(t.Context()); err == nil {
		t.Error("a lower version was released")
	}
}

func TestFirstPushToAnEmptyRemote(t *testing.T) {
	w := newWorld(t)
	w.commit("feat: x")
	if err := os.WriteFile(filepath.Join(w.dir, "untracked"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.runner("").Run(t.Context()); err != nil {
		t.Errorf("a first push to an empty remote, beside an untracked file: %v", err)
	}
}

func TestChannelReleasesAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	w.file("VERSION", "0.0.0\n", "feat: x")
	w.git("switch", "-q", "-c", "beta")
	w.push()
	for _, want := range []string{"0.1.0-beta.1", "0.1.0-beta.2", "0.1.0-beta.3"} {
		w.commit("fix: y")
		if result := w.mustRun(""); len(result.Releases) != 1 || result.Releases[0].Version.String() != want {
			t.Fatalf("result %+v, want %s", result, want)
		}
		if got := w.read("VERSION"); got != want+"\n" {
			t.Errorf("VERSION is %q", got)
		}
	}
	w.git("switch", "-q", "-c", "rc")
	w.commit("fix: z")
	if result := w.mustRun(""); result.Releases[0].Tag != "v0.1.0-rc.1" || w.read("VERSION") != "0.1.0-rc.1\n" {
		t.Errorf("on the next channel %+v, VERSION %q", result, w.read("VERSION"))
	}
	w.git("switch", "-q", "main")
	w.git("merge", "-q", "rc")
	if result := w.mustRun(""); result.Releases[0].Tag != "v0.1.0" || w.read("VERSION") != "0.1.0\n" {
		t.Errorf("on main %+v, VERSION %q", result, w.read("VERSION"))
	}
}

// shop is a forge that publishes in memory.
type shop struct {
	forge.Forge
	published []string
	fails     bool
}

func (s *shop) CheckPush(context.Context, string) error { return nil }

func (s *shop) Published(_ context.Context, tag string) (string, bool, error) {
	return "https://forge/" + tag, slices.Contains(s.published, tag), nil
}

func (s *shop) Publish(_ context.Context, r forge.Release) (string, error) {
	if s.fails {
		return "", errors.New("away")
	}
	s.published = append(s.published, r.Tag+": "+r.Notes)
	return "https://forge/" + r.Tag, nil
}

func TestPublishingIsFinishedLater(t *testing.T) {
	w := newWorld(t)
	w.commit("feat: x")
	w.push()
	s := &shop{fails: true}
	r := w.runner("")
	r.Forge = s
	if _, err := r.Run(t.Context()); err == nil {
		t.Fatal("publishing failed and nobody said so")
	}
	s.fails = false
	result, err := r.Run(t.Context())
	if err != nil || len(result.Releases) != 1 || result.Releases[0].Page != "https://forge/v0.1.0" {
		t.Fatalf("result %+v, %v", result, err)
	}
	if len(s.published) != 1 || !strings.HasPrefix(s.published[0], "v0.1.0: ### Added\n\n- x (") {
		t.Errorf("published %q", s.published)
	}
	s.published = []string{"v0.1.0"}
	if result, err := r.Run(t.Context()); err != nil || !result.Nothing() {
		t.Errorf("a third run did %+v, %v", result, err)
	}
}

func TestMarkedFilesAreFound(t *testing.T) {
	const packages = "release: {packages: [{name: all, path: .}, {name: api, path: api}]}"
	marked := func(version string) string {
		return "image: shop:" + version + " # " + versionfile.Marker + "\nsince 0.0.1, see " + versionfile.Marker + "\n"
	}
	w := newWorld(t)
	w.file("deploy/über values.yaml", marked("0.0.0"), "feat: x")
	w.file("api/deploy.yaml", marked("0.0.0"), "feat: y")
	w.push()
	w.mustRun(packages)
	w.file("api/z", "z", "fix: z")
	w.mustRun(packages)
	for name, want := range map[string]string{"deploy/über values.yaml": "0.1.1", "api/deploy.yaml": "0.1.1"} {
		if got := w.read(name); got != marked(want) {
			t.Errorf("%s is %q, want the version %s", name, got, want)
		}
	}
	w.file("deploy/more.yaml", marked("7.0.0"), "fix: z")
	if _, err := w.run(packages); davit.ErrorCode(err) != davit.CodeConflict || !strings.Contains(err.Error(), "deploy/more.yaml says 7.0.0") {
		t.Errorf("with another version in a marked file: %v", err)
	}
}
