package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/config"
)

func load(t *testing.T, path string) *config.File {
	t.Helper()
	f, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestResolveSaysWhereAFileIsMissing(t *testing.T) {
	f := load(t, "testdata/good/shop.yaml")
	_, err := f.Resolve("production", "v3")
	problems, ok := errors.AsType[config.Problems](err)
	if !ok {
		t.Fatalf("Resolve: %v, want Problems", err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, strings.TrimSpace(p.Source))
	}
	want := []string{"artifact: build/${version}/shop", "source: releases/${version}.json", "artifact: build/${version}/shop", "artifact: build/${version}/shop"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("problems are at\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestResolveRefuses(t *testing.T) {
	f := load(t, "testdata/good/shop.yaml")
	for _, c := range []struct{ environment, version, message, hint string }{
		{"prodution", "v2", `has no environment "prodution"`, `did you mean "production"?`},
		{"production", "", `"" is no version`, "a version has"},
		{"production", "../../etc", `"../../etc" is no version`, "a version has"},
	} {
		_, err := f.Resolve(c.environment, c.version)
		e, ok := errors.AsType[*davit.Error](err)
		if !ok || e.Code != davit.CodeInvalid || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("Resolve(%q, %q) = %+v", c.environment, c.version, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	folder := t.TempDir()
	large := filepath.Join(folder, "large.yaml")
	if err := os.WriteFile(large, make([]byte, config.MaxFileBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, message := range map[string]string{
		filepath.Join(folder, "none.yaml"): "no such file",
		folder:                             "it is not a file",
		large:                              "larger than",
	} {
		_, err := config.Load(path)
		e, ok := errors.AsType[*davit.Error](err)
		if !ok || e.Code != davit.CodeInvalid || !strings.Contains(err.Error(), message) || e.Hint == "" {
			t.Errorf("Load(%s) = %v, want %q", path, err, message)
		}
	}
}

// Two environments share no memory: changing what one got changes no other.
func TestResolvedIsIndependent(t *testing.T) {
	f := load(t, "testdata/good/shop.yaml")
	first, err := f.Resolve("production", "v2")
	if err != nil {
		t.Fatal(err)
	}
	first.Config.Services["web"].Env["LOG_LEVEL"] = "changed"
	first.Config.Services["web"].Command[0] = "changed"
	second, err := f.Resolve("production", "v2")
	if err != nil {
		t.Fatal(err)
	}
	web := second.Config.Services["web"]
	if web.Env["LOG_LEVEL"] != "warn" || web.Command[0] != "shop" {
		t.Errorf("the second resolution sees the change: %v %v", web.Env, web.Command)
	}
}

// A release's configuration hash is stable, and changes with a declared file.
func TestConfigurationHash(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("davit.yaml", "application: hello\nservices:\n  web: {command: ./web, files: [{path: a, source: a.txt}]}\nenvironments: {local: {listen: [\":8080\"]}}\n")
	hash := func() string {
		t.Helper()
		resolved, err := load(t, filepath.Join(folder, "davit.yaml")).Resolve("local", "v1")
		if err != nil {
			t.Fatal(err)
		}
		release, err := davit.NewRelease("hello", "local", "v1", nil, resolved.Config, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return release.ConfigHash
	}
	write("a.txt", "one")
	first := hash()
	if again := hash(); again != first {
		t.Errorf("the hash changed from %s to %s, and nothing else did", first, again)
	}
	write("a.txt", "two")
	if other := hash(); other == first {
		t.Error("the hash is the same with another file")
	}
}
