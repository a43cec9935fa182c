package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// build writes files; "-> target" makes a link, a leading "#!" an executable.
func build(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(content, "-> "); link {
			err = os.Symlink(target, path)
		} else {
			mode := os.FileMode(0o644)
			if strings.HasPrefix(content, "#!") {
				mode = 0o755
			}
			err = errors.Join(os.WriteFile(path, []byte(content), mode), os.Chmod(path, mode))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func pin(t *testing.T, f fixture, path string) string {
	t.Helper()
	digest, err := f.Pin(t.Context(), davit.Service{Artifact: path})
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestPinFile(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	dir := t.TempDir()
	build(t, dir, map[string]string{"web": "#!content", "current": "-> web"})
	sum := sha256.Sum256([]byte("#!content"))
	want := "sha256:" + hex.EncodeToString(sum[:])
	for _, name := range []string{"web", "web", "current"} {
		if got := pin(t, f, filepath.Join(dir, name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	info, err := os.Stat(h.store.path(want))
	if err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("pinned as %v, %v", info, err)
	}
	if got, err := f.Pin(t.Context(), davit.Service{}); got != "" || err != nil {
		t.Errorf("no artifact is %q, %v", got, err)
	}
}

func TestFolderDigest(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	base := map[string]string{"bin/app": "#!one", "conf/a": "x", "link": "-> bin/app"}
	digest := func(change map[string]string) string {
		dir := t.TempDir()
		all := map[string]string{}
		for name, content := range base {
			all[name] = content
		}
		for name, content := range change {
			if all[name] = content; content == "" {
				delete(all, name)
			}
		}
		build(t, dir, all)
		return pin(t, f, dir)
	}
	seen := map[string]string{digest(nil): "as it is"}
	if again := digest(nil); seen[again] == "" {
		t.Error("the same folder in another place has another digest")
	}
	for name, change := range map[string]map[string]string{
		"content": {"conf/a": "y"}, "mode": {"conf/a": "#!x", "conf/b": ""}, "name": {"conf/a": "", "conf/b": "x"},
		"target": {"link": "-> conf/a"}, "more": {"conf/b": ""}, "a file for a link": {"link": "bin/app"}, "a new file": {"new": "x"},
	} {
		d := digest(change)
		if name == "more" {
			continue // removing what is not there changes nothing
		}
		if seen[d] != "" {
			t.Errorf("%s has the digest of %s", name, seen[d])
		}
		seen[d] = name
	}
}

func TestPinRefuses(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	outside := t.TempDir()
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"absolute link":        {map[string]string{"a": "-> /etc/passwd"}, "leads out"},
		"link upwards":         {map[string]string{"b/a": "-> ../../x"}, "leads out"},
		"link over a link":     {map[string]string{"up": "-> .", "a": "-> up/../" + filepath.Base(outside)}, ""},
		"link to a link's end": {map[string]string{"b/c/d": "x", "in": "-> b/c", "a": "-> in/../../.."}, "leads out"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			build(t, dir, test.files)
			_, err := f.Pin(t.Context(), davit.Service{Artifact: dir})
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if davit.ErrorCode(err) != davit.CodeInvalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := f.Pin(t.Context(), davit.Service{Artifact: "/no/such"}); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("a missing artifact: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Pin(ended, davit.Service{Artifact: "/bin/sh"}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	if temporary, _ := filepath.Glob(filepath.Join(h.store.dir, ".tmp-*")); len(temporary) > 0 {
		t.Errorf("left behind %v", temporary)
	}
}

func TestPinnedSurvivesRebuild(t *testing.T) {
	for name, test := range map[string]struct {
		artifact, command string
	}{
		"file by its name":    {"bin/web", "web"},
		"file by its path":    {"bin/web", "bin/web"},
		"file, absolute":      {"bin/web", "/bin/web"},
		"folder":              {"", "bin/web"},
		"folder by dot":       {"", "./bin/web"},
		"folder over a link":  {"", "current"},
		"in folder, absolute": {"", "/bin/web"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, Config{})
			f := runtimeOf(t, h)
			dir := t.TempDir()
			script := func(version string) string {
				return "#!/bin/sh\necho $DAVIT_VERSION runs " + version + "\nexec sleep 1000\n"
			}
			build(t, dir, map[string]string{"bin/web": script("one"), "current": "-> bin/web"})
			s := davit.Service{Name: "job", Command: []string{test.command}, Artifact: filepath.Join(dir, test.artifact)}
			if filepath.IsAbs(test.command) {
				s.Command[0] = filepath.Join(dir, test.command)
			}
			v1 := release(t, "v1", map[string]string{"job": pin(t, f, s.Artifact)}, s)
			build(t, dir, map[string]string{"bin/web": script("two")})
			v2 := release(t, "v2", map[string]string{"job": pin(t, f, s.Artifact)}, s)
			f.declare(v1, 1)
			f.declare(v2, 1)
			f.untilReady(2)
			for r, want := range map[*davit.Release]string{v1: "v1 runs one", v2: "v2 runs two"} {
				var got string
				if err := f.Logs(t.Context(), Query{Release: r.ID}, func(l Line) error { got = l.Text; return nil }); err != nil || got != want {
					t.Errorf("it says %q, %v, want %q", got, err, want)
				}
			}
		})
	}
}

func TestPrune(t *testing.T) {
	now := time.Now()
	h := open(t, Config{Now: func() time.Time { return now }})
	f := runtimeOf(t, h)
	dir := t.TempDir()
	build(t, dir, map[string]string{"kept": "1", "running": "#!/bin/sh\nexec sleep 1000", "old": "3", "folder/x": "4", "fresh": "5"})
	digests := map[string]string{}
	for _, name := range []string{"kept", "running", "old", "folder"} {
		digests[name] = pin(t, f, filepath.Join(dir, name))
	}
	f.declare(release(t, "v1", map[string]string{"web": digests["running"]},
		davit.Service{Name: "web", Command: []string{"running"}, Artifact: filepath.Join(dir, "running")}), 1)
	now = now.Add(2 * time.Hour)
	digests["fresh"] = pin(t, f, filepath.Join(dir, "fresh"))
	if err := h.Prune(t.Context(), map[string]bool{digests["kept"]: true}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"kept": true, "running": true, "old": false, "folder": false, "fresh": true} {
		if got := h.store.has(digests[name]); got != want {
			t.Errorf("%s is there: %v", name, got)
		}
	}
	gone := release(t, "v2", map[string]string{"web": digests["old"]}, davit.Service{Name: "web", Command: []string{"old"}, Artifact: filepath.Join(dir, "old")})
	if err := f.Declare(t.Context(), gone, davit.Size{"web": 1}); davit.ErrorCode(err) != davit.CodeNotFound {
		t.Errorf("a release whose artifact is gone: %v", err)
	}
}

// A copy that was just written must be runnable though other processes are
// forked at the same time.
func TestPinnedRunsWhileOthersStart(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	dir := t.TempDir()
	var all sync.WaitGroup
	for n := range 12 {
		name := filepath.Join(dir, "job"+string(rune('a'+n)))
		build(t, dir, map[string]string{filepath.Base(name): "#!/bin/sh\n# " + name + "\nexec sleep 1000\n"})
		all.Go(func() {
			s := davit.Service{Name: "job", Command: []string{filepath.Base(name)}, Artifact: name}
			digest, err := f.Pin(t.Context(), s)
			if err != nil {
				t.Error(err)
				return
			}
			r := release(t, filepath.Base(name), map[string]string{"job": digest}, s)
			if err := f.Declare(t.Context(), r, davit.Size{"job": 1}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	f.untilReady(12)
}
