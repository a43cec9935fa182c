package release_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release"
)

const dependent = "release: {packages: [{name: core, path: core}, {name: api, path: api, dependsOn: [core]}]}"

// runOnly releases some packages and returns the tags.
func (w *world) runOnly(config string, only ...string) string {
	w.t.Helper()
	r := w.runner(config)
	r.Options = release.Options{Only: only}
	result, err := r.Run(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var tags []string
	for _, one := range result.Releases {
		tags = append(tags, one.Tag)
	}
	return strings.Join(tags, " ")
}

func TestDependentsReleasedApart(t *testing.T) {
	w := newWorld(t)
	w.file("core/x", "1", "feat: core")
	w.file("api/x", "1", "feat: api")
	w.push()
	w.runOnly(dependent)
	w.file("core/x", "2", "fix: core")
	for _, step := range []struct {
		only []string
		want string
	}{
		{[]string{"api"}, ""}, // core is not released, so there is nothing to follow
		{[]string{"core"}, "core/v0.1.1"},
		{nil, "api/v0.1.1"}, // the patch is not lost
		{nil, ""},           // and not repeated
	} {
		if got := w.runOnly(dependent, step.only...); got != step.want {
			t.Errorf("released %q of %v, want %q", got, step.only, step.want)
		}
	}
	if got := w.read("api/CHANGELOG.md"); !strings.Contains(got, "follows the release of core") {
		t.Errorf("the changelog of api is\n%s", got)
	}
}

func TestPackagesOnAChannel(t *testing.T) {
	for name, config := range map[string]string{"with files": apart, "tags alone": strings.Replace(apart, "release: {", "release: {changelog: {disabled: true}, ", 1)} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.file("a/x", "1", "feat: a")
			w.file("b/x", "1", "feat: b")
			w.git("switch", "-q", "-c", "beta")
			w.push()
			if got := w.runOnly(config); got != "a/v0.1.0-beta.1 b/v0.1.0-beta.1" {
				t.Fatalf("released %q", got)
			}
			w.file("README", "1", "docs: of nobody")
			if got := w.runOnly(config); got != "" {
				t.Errorf("released %q again", got)
			}
			w.file("b/x", "2", "fix: b")
			if got := w.runOnly(config); got != "b/v0.1.0-beta.2" {
				t.Errorf("released %q, want b/v0.1.0-beta.2", got)
			}
		})
	}
}

// TestUnknownPackageIsRefused checks that a package that is misspelt stands for
// no other, and that the refusal names the known ones.
func TestUnknownPackageIsRefused(t *testing.T) {
	w := newWorld(t)
	w.file("a/x", "x", "feat: x")
	for _, tt := range []struct {
		config string
		only   []string
		want   string // the package, or what the refusal says
		code   davit.Code
	}{
		{"", nil, "", ""},
		{"", []string{"typo"}, "names none", davit.CodeNotFound},
		{mono, []string{"b"}, "b", ""},
		{mono, []string{"typo"}, "names a, b", davit.CodeNotFound},
		{mono, []string{"a", "typo"}, "names a, b", davit.CodeNotFound},
		{mono, nil, "--package: a, b", davit.CodeInvalid},
		{mono, []string{"a", "b"}, "--package: a, b", davit.CodeInvalid},
	} {
		p, err := release.OnePackage(w.config(tt.config), tt.only)
		e, _ := errors.AsType[*davit.Error](err)
		if davit.ErrorCode(err) != tt.code || err == nil && p.Name != tt.want || err != nil && !strings.Contains(e.Hint, tt.want) {
			t.Errorf("%v of %q: %+v, %v, want %s %q", tt.only, tt.config, p, err, tt.code, tt.want)
		}
		if tt.code != davit.CodeNotFound {
			continue
		}
		_, err = release.Next(t.Context(), w.open(), w.config(tt.config), release.Options{Only: tt.only})
		if e, ok := errors.AsType[*davit.Error](err); !ok || e.Code != tt.code || !strings.Contains(e.Hint, tt.want) {
			t.Errorf("next of %v: %v", tt.only, err)
		}
	}
}

// TestCargoWorkspace releases members of a workspace, whose versions are in one lock.
func TestCargoWorkspace(t *testing.T) {
	const lock = "version = 4\n\n[[package]]\nname = \"serde\"\nversion = \"0.1.0\"\nsource = \"registry\"\n\n" +
		"[[package]]\nname = \"shop-api\"\nversion = \"API\"\n\n[[package]]\nname = \"shop-core\"\nversion = \"CORE\"\ndependencies = [\n \"serde\",\n]\n"
	locked := func(core, api string) string { return strings.NewReplacer("CORE", core, "API", api).Replace(lock) }
	manifest := func(name, version string) string {
		return "[package]\nname = \"" + name + "\"\nversion = \"" + version + "\"\n"
	}
	const config = "release: {packages: [{name: core, path: crates/core}, {name: api, path: crates/api}]}"
	w := newWorld(t)
	w.write("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n")
	w.write("Cargo.lock", locked("0.1.0", "0.1.0"))
	w.write("crates/core/Cargo.toml", manifest("shop-core", "0.1.0"))
	w.git("add", "--all")
	w.file("crates/api/Cargo.toml", manifest("shop-api", "0.1.0"), "feat: begin")
	w.file("crates/core/x", "1", "feat: core")
	w.push()
	if got := w.runOnly(config); got != "core/v0.1.0 api/v0.1.0" && got != "api/v0.1.0 core/v0.1.0" {
		t.Fatalf("released %q", got)
	}
	w.file("crates/core/x", "2", "feat: more of core")
	if got := w.runOnly(config); got != "core/v0.2.0" {
		t.Fatalf("released %q", got)
	}
	for name, want := range map[string]string{
		"Cargo.lock": locked("0.2.0", "0.1.0"), "crates/core/Cargo.toml": manifest("shop-core", "0.2.0"), "crates/api/Cargo.toml": manifest("shop-api", "0.1.0"),
	} {
		if got := w.read(name); got != want {
			t.Errorf("%s is\n%s", name, got)
		}
	}
	if got := w.git("status", "--porcelain"); got != "" {
		t.Errorf("the tree is dirty: %s", got)
	}
	w.write("Cargo.lock", locked("0.1.9", "0.1.0"))
	w.git("add", "--all")
	w.file("crates/core/x", "3", "fix: core")
	r := w.runner(config)
	if _, err := r.Run(t.Context()); davit.ErrorCode(err) != davit.CodeConflict || !strings.Contains(err.Error(), "Cargo.lock says 0.1.9, but the last release is 0.2.0") {
		t.Errorf("a lock of another version: %v", err)
	}
}
