package process

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/davit-dev/davit"
)

func TestTruncatedDeclarationIsRefused(t *testing.T) {
	dir := t.TempDir()
	h := open(t, Config{Dir: dir})
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, service(t, "http", nil))
	f.declare(r, 1)
	f.untilReady(1)
	before := living(t, h)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	path := h.declarationPath(declarationKey{f.scope, r.ID})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []string{string(whole[:len(whole)/2]), "", "{}"} {
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("opened with %q: %v", damaged, err)
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	h = open(t, Config{Dir: dir})
	f = runtimeOf(t, h)
	if after := living(t, h); !are(f.instances(), 1, davit.Ready) || len(after) != 1 || after[0] != before[0] {
		t.Errorf("a refusal touched the processes: %v became %v", before, after)
	}
}

func TestLeftoversAreRemoved(t *testing.T) {
	dir := t.TempDir()
	h := open(t, Config{Dir: dir})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	build(t, dir, map[string]string{
		"instances/web-1/record.json": `{"id":"we`, "instances/web-2/record.json": `{"id":"web-3"}`, "instances/web-4/work/x": "",
		"declared/.tmp-1": "{", "artifacts/sha256/.tmp-2/artifact": "half",
	})
	open(t, Config{Dir: dir})
	for _, sub := range []string{"instances", "declared", "artifacts/sha256"} {
		if left, err := os.ReadDir(filepath.Join(dir, sub)); err != nil || len(left) > 0 {
			t.Errorf("%s holds %v, %v", sub, left, err)
		}
	}
}

// Whatever is asked for at the same time, what was declared last comes about,
// and a host that is closed in the middle of it leaves that to the next one.
func TestConcurrentUse(t *testing.T) {
	dir := t.TempDir()
	h := open(t, Config{Dir: dir})
	for range 3 {
		f := runtimeOf(t, h)
		ctx, cancel := context.WithCancel(t.Context())
		var readers, writers sync.WaitGroup
		readers.Go(func() {
			if err := f.Logs(ctx, Query{Follow: true}, func(Line) error { return nil }); err != nil {
				t.Error(err)
			}
		})
		readers.Go(func() {
			for range f.Watch(ctx) {
				if _, err := f.Instances(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
		for _, r := range churnReleases() {
			writers.Go(func() {
				for range 10 {
					if err := f.Declare(t.Context(), r, davit.Size{"web": rand.IntN(4), "api": rand.IntN(2)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		writers.Wait()
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		cancel()
		readers.Wait()
		if err := f.Declare(t.Context(), churnReleases()[0], davit.Size{"web": 4}); davit.ErrorCode(err) != davit.CodeUnavailable {
			t.Errorf("a closed host took a declaration: %v", err)
		}
		h = open(t, Config{Dir: dir})
		f = runtimeOf(t, h)
		all, _ := f.untilDeclared()
		eventually(t, "no process too many", func() bool { return len(living(t, h)) == len(all) })
	}
}
