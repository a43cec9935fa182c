package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/server"
	"github.com/davit-dev/davit/internal/sqlite"
)

// storeSite serves the store of a state directory, without an engine.
type storeSite struct {
	dir   string
	store *sqlite.Store
	log   *audit.Log
}

func openSite(t *testing.T, dir string) *storeSite {
	t.Helper()
	key, err := audit.LoadOrCreateKey(filepath.Join(dir, auditKeyFile), auditOrigin)
	if err != nil {
		t.Fatal(err)
	}
	s := &storeSite{dir: dir, log: audit.New(key)}
	if s.store, err = sqlite.Open(t.Context(), filepath.Join(dir, storeFile), sqlite.Options{Audit: s.log}); err != nil {
		t.Fatal(err)
	}
	return s
}

// serve answers on the state directory's socket until the returned func is called.
func (s *storeSite) serve(t *testing.T) (stop func()) {
	t.Helper()
	l, err := server.ListenUnix(filepath.Join(s.dir, "davit.sock"))
	if err != nil {
		t.Fatal(err)
	}
	p := &parts{store: s.store, audit: s.log, platforms: &platforms{}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.New(p.server(slog.New(slog.DiscardHandler))).Serve(ctx, patience, l) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func (s *storeSite) commit(t *testing.T, n int) {
	t.Helper()
	for range n {
		if err := s.store.Commit(t.Context(), &davit.Change{Audit: []davit.AuditEntry{{At: time.Unix(0, 0).UTC(), Actor: "davit", Action: "rollout.stage"}}}); err != nil {
			t.Fatal(err)
		}
	}
}

// shortDir returns a directory whose name is short enough for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "davit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestBackupAndRestore goes the whole way that an operator goes: back up a running
// server, go on, lose the machine, restore on another with the audit key.
func TestBackupAndRestore(t *testing.T) {
	here, there, file := shortDir(t), shortDir(t), filepath.Join(t.TempDir(), "backup.db")
	s := openSite(t, here)
	s.commit(t, 5)
	stop := s.serve(t)
	if out := mustRun(t, "backup", file, "--state", here); !strings.HasPrefix(out, file+" holds the store") {
		t.Errorf("backup says %q", out)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v", info.Mode(), err)
	}
	if r := runDavit(t, "restore", file, "--state", here); r.code != exitRefused || !strings.Contains(r.stderr, "is in use by another server") {
		t.Errorf("restoring under a running server: exit code %d\n%s", r.code, r.stderr)
	}
	if at, err := s.store.RestoredAt(t.Context()); err != nil || !at.IsZero() {
		t.Errorf("restored at %s (%v), and never was", at, err)
	}
	s.commit(t, 2)
	stop()
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}

	if r := runDavit(t, "restore", file, "--state", there); r.code != exitRefused || !strings.Contains(r.stderr, "audit.key") {
		t.Errorf("restoring without the audit key: exit code %d\n%s", r.code, r.stderr)
	}
	key, err := os.ReadFile(filepath.Join(here, auditKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(there, auditKeyFile), key, 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "restore", file, "--state", there, "--reason", "the disk died")
	moved := openSite(t, there)
	report, err := audit.VerifyStore(t.Context(), moved.store, moved.log.VerifierKey())
	if err != nil || report.Size != 6 {
		t.Errorf("%d entries (%v), want the 5 of the backup and that of the restore", report.Size, err)
	}
	entries, err := moved.store.Audit(t.Context(), davit.AuditFilter{From: 5})
	if err != nil || len(entries) != 1 || entries[0].Action != "store.restore" || entries[0].Reason != "the disk died" || entries[0].Actor != self() {
		t.Errorf("the last entry is %+v (%v)", entries, err)
	}
	if at, err := moved.store.RestoredAt(t.Context()); err != nil || !at.Equal(entries[0].At) {
		t.Errorf("restored at %s (%v), want %s", at, err, entries[0].At)
	}
	if err := moved.store.Close(); err != nil {
		t.Fatal(err)
	}

	var done restored
	if err := json.Unmarshal([]byte(mustRun(t, "restore", file, "--state", here, "-o", "json")), &done); err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(here, storeFile+".replaced-1"); done.Kept != want || done.Entries != 5 {
		t.Errorf("restored %+v, want the old store at %s", done, want)
	}
}

// TestBackupFails leaves the file of an earlier backup as it was, and says why.
func TestBackupFails(t *testing.T) {
	dir, file := shortDir(t), filepath.Join(t.TempDir(), "backup.db")
	if err := os.WriteFile(file, []byte("an earlier one"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openSite(t, dir)
	stop := s.serve(t)
	if err := s.store.Close(); err != nil { // as a disk that is gone
		t.Fatal(err)
	}
	if r := runDavit(t, "backup", file, "--state", dir); r.code != exitFailed {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	stop()
	if content, err := os.ReadFile(file); err != nil || string(content) != "an earlier one" {
		t.Errorf("the file holds %q (%v)", content, err)
	}
	if files, err := os.ReadDir(filepath.Dir(file)); err != nil || len(files) != 1 {
		t.Errorf("the directory holds %v (%v)", files, err)
	}
}

func TestServeRefusesToKeepTooLittle(t *testing.T) {
	for _, retain := range []string{"1h", "-24h"} {
		if r := runDavit(t, "serve", "--state", t.TempDir(), "--retain="+retain); r.code != exitUsage || !strings.Contains(r.stderr, "--retain 24h") {
			t.Errorf("--retain %s: exit code %d\n%s", retain, r.code, r.stderr)
		}
	}
}
