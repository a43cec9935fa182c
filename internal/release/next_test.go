package release_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release"
	"github.com/davit-dev/davit/internal/release/git"
)

func TestNextVersion(t *testing.T) {
	tests := []struct {
		name     string
		messages []string // the tag v1.2.3 is before them
		config   string
		want     string
	}{
		{"nothing", nil, "", ""},
		{"chore", []string{"chore: x", "docs: y"}, "", ""},
		{"fix", []string{"fix: x"}, "", "1.2.4"},
		{"feature", []string{"fix: x", "FEAT(a): y", "fix: z"}, "", "1.3.0"},
		{"bang", []string{"chore!: x"}, "", "2.0.0"},
		{"footer", []string{"fix: x\n\nBREAKING-CHANGE: y"}, "", "2.0.0"},
		{"unknown type", []string{"prefix: x"}, "", ""},
		{"no convention", []string{"Add a feature!"}, "", ""},
		{"fixup", []string{"fixup! feat: x"}, "", ""},
		{"configured chore", []string{"chore: x"}, "release: {types: {chore: {bump: patch, heading: Chores}}}", "1.2.4"},
		{"squash", []string{"chore: x (#1)\n\n* feat: y"}, "", "1.3.0"},
		{"CRLF", []string{"feat: x\r\n\r\nBREAKING CHANGE: y\r\n"}, "", "2.0.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.commit("feat: first")
			w.git("tag", "v1.2.3")
			w.commit(tt.messages...)
			if got := w.version(tt.config); got != tt.want {
				t.Errorf("next is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNextBase(t *testing.T) {
	tests := []struct {
		name   string
		build  func(w *world)
		config string
		from   string
		want   string
	}{
		{"no release", func(w *world) { w.commit("feat: x") }, "", "", "0.1.0"},
		{"first version", func(w *world) { w.commit("fix: x") }, "release: {first: 1.0.0}", "", "1.0.0"},
		{"initial development", func(w *world) { w.commit("x"); w.git("tag", "v0.3.1"); w.commit("feat!: x") }, "release: {initialDevelopment: true}", "v0.3.1", "0.4.0"},
		{"0.y.z by SemVer", func(w *world) { w.commit("x"); w.git("tag", "v0.3.1"); w.commit("feat!: x") }, "", "v0.3.1", "1.0.0"},
		{"highest of a commit", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.9.0")
			w.git("tag", "v1.10.0")
			w.commit("fix: x")
		}, "", "v1.10.0", "1.10.1"},
		{"annotated", func(w *world) { w.commit("x"); w.git("tag", "-a", "-m", "m", "v1.0.0"); w.commit("fix: x") }, "", "v1.0.0", "1.0.1"},
		{"no version at all", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.0.0")
			w.commit("fix: x")
			for _, name := range []string{"v2", "v2.0", "2.0.0", "v2.0.0.1", "vv3.0.0", "v9.9.9+build", "x/v4.0.0", "v01.0.0"} {
				w.git("tag", name)
			}
			w.commit("fix: y")
		}, "", "v1.0.0", "1.0.1"},
		{"without a prefix", func(w *world) { w.commit("x"); w.git("tag", "1.0.0"); w.commit("fix: x") }, `release: {tagPrefix: ""}`, "1.0.0", "1.0.1"},
		{"ignored tags", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.0.0")
			w.commit("fix: x")
			w.git("tag", "v2016.1.0")
			w.commit("fix: y")
		}, `release: {ignoreTags: ["v20*"]}`, "v1.0.0", "1.0.1"},
		{"tag on another branch", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.0.0")
			w.git("switch", "-q", "-c", "other")
			w.commit("feat!: y")
			w.git("tag", "v2.0.0")
			w.git("switch", "-q", "main")
			w.commit("fix: x")
		}, "", "v1.0.0", "1.0.1"},
		{"merged maintenance branch", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.9.0")
			w.git("branch", "1.x")
			w.commit("feat!: y")
			w.git("tag", "v2.0.0")
			w.git("switch", "-q", "1.x")
			w.commit("fix: z")
			w.git("tag", "v1.9.1")
			w.git("switch", "-q", "main")
			w.git("merge", "-q", "--no-ff", "-m", "Merge branch '1.x'", "1.x")
		}, "", "v2.0.0", "2.0.1"},
		{"version numbers went back", func(w *world) {
			w.commit("x")
			w.git("tag", "v2.0.0")
			w.commit("feat: y")
			w.git("tag", "v1.5.0")
			w.commit("fix: z")
		}, "", "v2.0.0", "2.1.0"},
		{"clocks went back", func(w *world) {
			w.commit("x")
			w.at += 1_000_000
			w.commit("feat: old")
			w.git("tag", "v1.1.0")
			w.at -= 1_000_000
			w.commit("fix: x")
			w.git("switch", "-q", "-c", "side", "HEAD~2")
			w.commit("docs: y")
			w.git("switch", "-q", "main")
			w.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")
		}, "", "v1.1.0", "1.1.1"},
		{"pre-releases do not count on main", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.0.0")
			w.commit("feat: x")
			w.git("tag", "v1.1.0-beta.1")
			w.commit("fix: y")
		}, "", "v1.0.0", "1.1.0"},
		{"first of a channel", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.0.0")
			w.git("switch", "-q", "-c", "beta")
			w.commit("feat: x")
		}, "", "v1.0.0", "1.1.0-beta.1"},
		{"channel counts", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.0.0")
			w.git("switch", "-q", "-c", "beta")
			w.commit("feat: x")
			w.git("tag", "v1.1.0-beta.9")
			w.commit("fix: y")
			w.git("tag", "v1.1.0-beta.10")
			w.commit("fix: z")
		}, "", "v1.1.0-beta.10", "1.1.0-beta.11"},
		{"channel grows", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.0.0")
			w.git("switch", "-q", "-c", "beta")
			w.commit("feat: x")
			w.git("tag", "v1.1.0-beta.2")
			w.commit("fix!: y")
		}, "", "v1.1.0-beta.2", "2.0.0-beta.1"},
		{"nothing new in the channel", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.0.0")
			w.git("switch", "-q", "-c", "beta")
			w.commit("feat: x")
			w.git("tag", "v1.1.0-beta.1")
			w.commit("docs: y")
		}, "", "v1.1.0-beta.1", ""},
		{"maintenance", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.0.0")
			w.git("switch", "-q", "-c", "1.x")
			w.commit("feat: x")
		}, "", "v1.0.0", "1.1.0"},
		{"hotfix", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.0.0")
			w.commit("feat: x")
			w.git("tag", "v1.1.0")
			w.git("switch", "-q", "-c", "hotfix/y", "v1.0.0")
			w.commit("fix: y")
		}, "", "v1.0.0", "1.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.build(w)
			p := w.next(tt.config).Packages[0]
			got := ""
			if p.Next != nil {
				got = p.Next.String()
			}
			if p.BaseTag != tt.from || got != tt.want {
				t.Errorf("next is %q from %q, want %q from %q", got, p.BaseTag, tt.want, tt.from)
			}
		})
	}
}

func TestNextRefuses(t *testing.T) {
	tests := []struct {
		name  string
		build func(w *world)
		code  davit.Code
		says  string
	}{
		{"leaving 1.2.x", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.2.0")
			w.git("switch", "-q", "-c", "1.2.x")
			w.commit("feat: x")
		}, davit.CodeRefused, "1.2.x"},
		{"leaving a hotfix", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.2.0")
			w.git("switch", "-q", "-c", "hotfix/a")
			w.commit("feat: x")
		}, davit.CodeRefused, "1.2.x"},
		{"taken by another branch", func(w *world) {
			w.commit("x")
			w.git("tag", "v1.2.0")
			w.git("switch", "-q", "-c", "other")
			w.commit("fix: x")
			w.git("tag", "v1.2.1")
			w.git("switch", "-q", "main")
			w.commit("fix: y")
		}, davit.CodeConflict, "v1.2.1"},
		{"no commit", func(*world) {}, davit.CodeInvalid, "no commit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.build(w)
			_, err := release.Next(t.Context(), w.open(), w.config(""), release.Options{})
			if davit.ErrorCode(err) != tt.code || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %s with %q", err, tt.code, tt.says)
			}
		})
	}
}

func TestRevertsCancelOut(t *testing.T) {
	revert := func(w *world, hash, subject string) string {
		return w.commit("Revert \"" + subject + "\"\n\nThis reverts commit " + hash + ".")
	}
	w := newWorld(t)
	w.commit("x")
	w.git("tag", "v1.0.0")
	w.commit("fix: stays")
	feature := w.commit("feat!: gone")
	first := revert(w, feature, "feat!: gone")
	if got := w.version(""); got != "1.0.1" {
		t.Errorf("a reverted feature gives %s", got)
	}
	again := revert(w, first, "Revert \"feat!: gone\"")
	if got := w.version(""); got != "2.0.0" {
		t.Errorf("a revert of the revert gives %s", got)
	}
	w.git("tag", "v2.0.0")
	revert(w, again, "Revert \"Revert \"feat!: gone\"\"")
	if got := w.version(""); got != "2.0.1" {
		t.Errorf("a revert of what is released gives %s", got)
	}
}

func TestRevertedMergeTakesItsCommitsBack(t *testing.T) {
	w := newWorld(t)
	w.commit("x")
	w.git("tag", "v1.0.0")
	w.git("switch", "-q", "-c", "side")
	w.commit("feat!: a", "feat: b")
	w.git("switch", "-q", "main")
	main := w.commit("fix: c")
	w.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")
	merge := w.git("rev-parse", "HEAD")
	w.commit("Revert \"Merge side\"\n\nThis reverts commit " + merge + ", reversing\nchanges made to " + main + ".")
	if got := w.version(""); got != "1.0.1" {
		t.Errorf("next is %s, want 1.0.1", got)
	}
}

func TestWhatCannotBeReadIsReported(t *testing.T) {
	w := newWorld(t)
	w.commit("x")
	w.git("tag", "v1.0.0")
	bad := w.commit("feat add x")
	warned := w.commit("fix: x\n\ntext\nBREAKING CHANGE: y")
	p := w.next("").Packages[0]
	var hashes []string
	for _, n := range p.Problems {
		hashes = append(hashes, n.Hash)
	}
	if !slices.Equal(hashes, []string{warned, bad}) {
		t.Errorf("problems %+v, want of %s and %s", p.Problems, warned, bad)
	}
	if p.Next.String() != "1.0.1" {
		t.Errorf("next is %s, want 1.0.1: a footer without a blank line is a warning", p.Next)
	}
	w.write(".davit/messages.yaml", `"`+bad[:10]+`": "feat: add x"`)
	if got := w.version(""); got != "1.1.0" {
		t.Errorf("with the message corrected next is %s, want 1.1.0", got)
	}
}

func TestPackages(t *testing.T) {
	const config = `release:
  packages:
    - {name: core, path: core}
    - {name: api, path: services/api, dependsOn: [core]}
    - {name: web, path: web}
`
	w := newWorld(t)
	w.file("core/a", "1", "feat: core")
	w.file("services/api/a", "1", "feat: api")
	w.file("web/a", "1", "feat: web")
	for _, name := range []string{"core/v1.0.0", "api/v2.0.0", "web/v3.0.0"} {
		w.git("tag", name)
	}
	w.file("core/a", "2", "feat: more")
	w.file("README", "2", "feat!: of nobody")
	got := map[string]string{}
	for _, p := range w.next(config).Releases() {
		got[p.Name] = p.Tag()
	}
	if len(got) != 2 || got["core"] != "core/v1.1.0" || got["api"] != "api/v2.0.1" {
		t.Errorf("due are %v, want core/v1.1.0 and api/v2.0.1", got)
	}
	together := w.next(strings.Replace(config, "release:", "release:\n  together: true", 1)).Releases()
	if len(together) != 3 || together[2].Tag() != "web/v3.1.0" {
		t.Errorf("together %d are due, want 3", len(together))
	}
}

func TestShallowClone(t *testing.T) {
	w := newWorld(t)
	w.commit("feat: x")
	w.git("tag", "v1.0.0")
	w.commit("fix: a", "docs: b", "docs: c")
	w.push()
	shallow := w.dir + "-shallow"
	w.in(w.dir, "clone", "-q", "--depth=1", "--no-tags", "file://"+w.remote, shallow)
	w.dir = shallow
	if got := w.version(""); got != "1.0.1" {
		t.Errorf("in a shallow clone next is %s, want 1.0.1", got)
	}
	if w.git("rev-parse", "--is-shallow-repository") != "false" {
		t.Error("the clone is still shallow")
	}
}

func TestShallowCloneWithoutItsRemoteIsRefused(t *testing.T) {
	w := newWorld(t)
	w.commit("feat: x", "fix: y")
	w.push()
	shallow := w.dir + "-shallow"
	w.in(w.dir, "clone", "-q", "--depth=1", "file://"+w.remote, shallow)
	w.dir = shallow
	w.git("remote", "set-url", "origin", w.remote+"-gone")
	_, err := release.Next(t.Context(), w.open(), w.config(""), release.Options{})
	if davit.ErrorCode(err) != davit.CodeRefused || !strings.Contains(err.Error(), "shallow") {
		t.Errorf("error %v, want a refusal", err)
	}
}

func TestCloneWithoutTagsFetchesThem(t *testing.T) {
	w := newWorld(t)
	w.commit("feat: x")
	w.git("tag", "v1.0.0")
	w.commit("fix: a")
	w.push()
	clone := w.dir + "-untagged"
	w.in(w.dir, "clone", "-q", "--no-tags", "file://"+w.remote, clone)
	w.dir = clone
	if got := w.version(""); got != "1.0.1" {
		t.Errorf("without tags next is %s, want 1.0.1", got)
	}
}

func TestHostileNamesAndSettings(t *testing.T) {
	w := newWorld(t)
	w.git("config", "log.showSignature", "true")
	w.git("config", "log.decorate", "full")
	w.git("config", "log.follow", "true")
	w.git("config", "color.ui", "always")
	w.git("config", "core.pager", "false")
	w.git("config", "format.pretty", "%s %n%x00")
	w.git("config", "tag.sort", "-version:refname")
	w.commit("feat: x")
	w.git("tag", "v1.0.0")
	for _, name := range []string{"v$(id)", "--help", "v1.0.0;ls", "v`id`", "v2.0.0'\"", "ü"} {
		w.git("update-ref", "refs/tags/"+name, "HEAD")
		w.git("update-ref", "refs/heads/"+name, "HEAD")
	}
	w.git("symbolic-ref", "HEAD", "refs/heads/--help")
	w.commit("fix: $(touch gone) `id` %H \x1b[31m; rm -rf \"x\"\n\n--output=gone")
	plan := w.next("")
	if got := plan.Packages[0].Next; got == nil || got.String() != "1.0.1" {
		t.Errorf("next is %v, want 1.0.1", got)
	}
	if plan.Branch != "--help" {
		t.Errorf("the branch is %q", plan.Branch)
	}
	complaints, err := release.Lint(t.Context(), w.open(), w.config(""), "v1.0.0..HEAD")
	if err != nil || len(complaints) != 0 {
		t.Errorf("complaints %v, %v", complaints, err)
	}
	if _, err := release.Lint(t.Context(), w.open(), w.config(""), "--output=gone"); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("an option as a range: %v", err)
	}
}

func TestLogEndsWithTheCaller(t *testing.T) {
	w := newWorld(t)
	w.commit("a", "b", "c")
	seen := 0
	for _, err := range w.open().Log(t.Context(), git.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		break
	}
	if seen != 1 {
		t.Errorf("saw %d commits after the caller stopped", seen)
	}
}

func TestPackageAt(t *testing.T) {
	packages := []davit.Package{{Name: "api", Path: "services/api"}, {Name: "all"}, {Name: "services", Path: "services"}}
	for folder, want := range map[string]string{".": "all", "services": "services", "services/api": "api", "services/api/cmd": "api", "services/apis": "services", "x": "all"} {
		if p, ok := release.PackageAt(packages, folder); !ok || p.Name != want {
			t.Errorf("%s is in %q, want %q", folder, p.Name, want)
		}
	}
	if p, ok := release.PackageAt(packages[:1], "."); ok {
		t.Errorf("the root is in %q", p.Name)
	}
}

// TestTagsWithBuildMetadata counts for no release, and says so.
func TestTagsWithBuildMetadata(t *testing.T) {
	w := newWorld(t)
	w.commit("feat: x")
	w.git("tag", "v1.2.3")
	w.commit("fix: y")
	for _, name := range []string{"v1.3.0+1", "v1.3.0+2", "v1.2.3+1", "c++", "v1+2"} {
		w.git("tag", name)
	}
	for config, want := range map[string]string{
		"": "the tag v1.3.0+1 has build metadata, and counts for no release (and 1 more such tags)", "release: {ignoreTags: ['*+*']}": "",
	} {
		plan := w.next(config)
		if got := strings.Join(plan.Warnings, "\n"); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q warns of %q", config, got)
		}
		if got := plan.Packages[0].Next.String(); got != "1.2.4" {
			t.Errorf("%q: next is %s", config, got)
		}
	}
}
