package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/config"
)

// byDefault is what a repository without any configuration releases by.
func byDefault() *davit.Releasing {
	return &davit.Releasing{
		TagPrefix: "v", First: "0.1.0", Mode: davit.ReleaseDirectly, Remote: "origin",
		Messages: ".davit/messages.yaml", CommitMessage: "chore(release): %s", Types: davit.DefaultCommitTypes(),
		Changelog: davit.Changelog{File: "CHANGELOG.md"}, Packages: []davit.Package{{TagPrefix: "v", Changelog: "CHANGELOG.md"}},
	}
}

func TestReleasing(t *testing.T) {
	tests := []struct {
		name, src string
		change    func(*davit.Releasing)
	}{
		{"nothing", "", func(*davit.Releasing) {}},
		{"a comment", "# nothing yet\n", func(*davit.Releasing) {}},
		{"an application without the key", "application: shop\nservices: {web: {command: x}}\n", func(r *davit.Releasing) { r.Application = "shop" }},
		{"an application that is wrong elsewhere", "services: {web: {comand: x}}\nrelease: {first: 1.0.0}\n", func(r *davit.Releasing) { r.First = "1.0.0" }},
		{"types are merged into the defaults", "release: {types: {Chore: {bump: patch}, feat: {heading: Features}}}", func(r *davit.Releasing) {
			r.Types["chore"] = davit.CommitType{Bump: davit.BumpPatch}
			r.Types["feat"] = davit.CommitType{Bump: davit.BumpMinor, Heading: "Features"}
		}},
		{"no prefix, files and branches in short", "release: {tagPrefix: \"\", files: [VERSION], branches: [main, {name: rel/*, channel: rc}]}", func(r *davit.Releasing) {
			r.TagPrefix = ""
			r.Packages = []davit.Package{{Changelog: "CHANGELOG.md", Files: []davit.VersionFile{{Path: "VERSION"}}}}
			r.Branches = []davit.ReleaseBranch{{Name: "main"}, {Name: "rel/*", Channel: "rc"}}
		}},
		{"no files", "release: {files: []}", func(r *davit.Releasing) { r.Packages[0].Files = []davit.VersionFile{} }},
		{"dollars stay", `release: {files: [{path: a, pattern: '^(\S+)${x}$'}]}`, func(r *davit.Releasing) {
			r.Packages[0].Files = []davit.VersionFile{{Path: "a", Pattern: `^(\S+)${x}$`}}
		}},
		{"packages", "release:\n  changelog: {file: NEWS.md}\n  packages:\n    - {name: core, path: ./core}\n    - {name: all, path: ., tagPrefix: v, changelog: docs/NEWS.md, dependsOn: [core]}\n", func(r *davit.Releasing) {
			r.Changelog.File = "NEWS.md"
			r.Packages = []davit.Package{
				{Name: "core", Path: "core", TagPrefix: "core/v", Changelog: "core/NEWS.md"},
				{Name: "all", TagPrefix: "v", Changelog: "docs/NEWS.md", DependsOn: []string{"core"}},
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := byDefault()
			tt.change(want)
			got, err := config.ParseReleasing("davit.yaml", []byte(tt.src))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A davit.yaml is as wrong for a release as it is for a deployment.
func TestReleasingRefuses(t *testing.T) {
	const path = "testdata/wrong/release.yaml"
	_, whole := config.Load(path)
	_, err := config.LoadReleasing(path)
	if davit.ErrorCode(err) != davit.CodeInvalid || err.Error() != whole.Error() {
		t.Errorf("LoadReleasing says\n%v\nLoad says\n%v", err, whole)
	}
	for src, says := range map[string]string{
		"release: {":           "no YAML",
		"realease: {}":         `did you mean "release"?`,
		"release: [1]":         "davit.yaml:1:10",
		"a: 1\n---\nrelease: ": "second document",
	} {
		_, err := config.ParseReleasing("davit.yaml", []byte(src))
		if davit.ErrorCode(err) != davit.CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, want one with %q", src, err, says)
		}
	}
}

func TestLoadReleasing(t *testing.T) {
	dir := t.TempDir()
	got, err := config.LoadReleasing(filepath.Join(dir, "davit.yaml"))
	if err != nil || got.First != "0.1.0" {
		t.Errorf("without a file: %+v, %v", got, err)
	}
	_, err = config.LoadReleasing(dir)
	e, ok := errors.AsType[*davit.Error](err)
	if !ok || e.Hint == "" || errors.Is(err, os.ErrNotExist) {
		t.Errorf("of a folder: %v", err)
	}
}

// FuzzParseReleasing checks that what is taken is whole.
func FuzzParseReleasing(f *testing.F) {
	for _, seed := range []string{"", "release:", "release: {first: 1.0.0}", "release: {unknown: 1}", "release: {packages: [{name: a, path: ../..}]}", "release: &a {types: {x: {bump: patch}}, forge: *a}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		r, err := config.ParseReleasing("davit.yaml", []byte(src))
		if err == nil && (len(r.Packages) == 0 || r.Remote == "" || r.Mode == "" || r.Types["feat"].Bump == davit.BumpNone && !strings.Contains(src, "none")) {
			t.Errorf("%q gives an incomplete configuration: %+v", src, r)
		}
		if err != nil && davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%q: %v", src, err)
		}
	})
}
