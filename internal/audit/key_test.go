package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
)

func TestKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit")
	created, err := audit.LoadOrCreateKey(path, origin)
	if err != nil {
		t.Fatal(err)
	}
	public := audit.New(created).VerifierKey()
	for file, mode := range map[string]os.FileMode{path: 0o600, path + ".pub": 0o644} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %#o, want %#o", file, info.Mode().Perm(), mode)
		}
	}
	if err := os.WriteFile(path+".pub", []byte("stale"), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := audit.LoadOrCreateKey(path, origin)
	if err != nil {
		t.Fatal(err)
	}
	if again := audit.New(loaded).VerifierKey(); again != public {
		t.Errorf("loaded key %s, created %s", again, public)
	}
	beside, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if string(beside) != public+"\n" {
		t.Errorf("the public key file holds %q, want %q", beside, public)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 {
		t.Errorf("%d files beside the key, want its own two alone: %v", len(files), files)
	}
}

func TestKeyRefused(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"readable to others": func(path string) error { return os.Chmod(path, 0o640) },
		"cut":                func(path string) error { return os.Truncate(path, 40) },
		"empty":              func(path string) error { return os.Truncate(path, 0) },
		"another log's": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			_, err := audit.LoadOrCreateKey(path, "other.example.org/davit")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit")
			if _, err := audit.LoadOrCreateKey(path, origin); err != nil {
				t.Fatal(err)
			}
			private, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := harm(path); err != nil {
				t.Fatal(err)
			}
			_, err = audit.LoadOrCreateKey(path, origin)
			if davit.ErrorCode(err) != davit.CodeRefused {
				t.Fatalf("got %v, want it refused", err)
			}
			if secret := string(private)[len(private)-20:]; strings.Contains(err.Error(), secret[:15]) {
				t.Errorf("the error holds the key: %v", err)
			}
		})
	}
}
