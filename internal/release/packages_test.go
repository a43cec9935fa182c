package release_test

import (
	"strings"
	"testing"

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
