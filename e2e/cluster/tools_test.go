//go:build linux

package cluster

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestABuildIsWholeOrNotThere fails a build, cuts another, and then lets several
// want the same one.
func TestABuildIsWholeOrNotThere(t *testing.T) {
	cache := t.TempDir()
	dir := filepath.Join(cache, "set-v1")
	content := func() []string {
		entries, err := os.ReadDir(cache)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	program := func(w workshop) string { return filepath.Join(w.out, "program") }
	s := traefik()

	failure := errors.New("the compiler is out of memory")
	s.build = func(_ context.Context, w workshop) error {
		return errors.Join(os.WriteFile(program(w), nil, 0o600), failure)
	}
	if err := s.ensure(t.Context(), io.Discard, dir); !errors.Is(err, failure) {
		t.Errorf("the build that fails says %v", err)
	}
	if got := content(); len(got) > 0 {
		t.Errorf("a build that failed leaves %v", got)
	}

	if err := os.MkdirAll(filepath.Join(cache, ".building-1", "out"), 0o700); err != nil {
		t.Fatal(err)
	}
	var builds atomic.Int32
	s.build = func(_ context.Context, w workshop) error {
		builds.Add(1)
		module, err := os.ReadFile(filepath.Join(w.source, "go.mod"))
		return errors.Join(err, os.WriteFile(program(w), module, 0o600))
	}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if err := s.ensure(t.Context(), io.Discard, dir); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := content(); builds.Load() != 1 || len(got) != 1 || got[0] != "set-v1" {
		t.Errorf("%d builds leave %v", builds.Load(), got)
	}
	if built, err := os.ReadFile(filepath.Join(dir, "program")); err != nil || !strings.Contains(string(built), "github.com/traefik/traefik/v3") {
		t.Errorf("built %q, %v", built, err)
	}
}

func TestTheKeyNamesTheVersions(t *testing.T) {
	for _, s := range []set{kubernetes(), traefik()} {
		key, err := s.key()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range s.modules {
			version, err := s.version(m)
			if err != nil || !strings.Contains(key, version) {
				t.Errorf("the key %s lacks %s %s: %v", key, m, version, err)
			}
		}
	}
}
