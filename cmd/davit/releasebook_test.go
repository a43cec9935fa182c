package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/sqlite"
)

func TestReleaseBook(t *testing.T) {
	dir := t.TempDir()
	key, err := audit.LoadOrCreateKey(filepath.Join(dir, auditKeyFile), auditOrigin)
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, storeFile), sqlite.Options{Audit: audit.New(key)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	book := &releaseBook{store: store, now: time.Now}
	first := api.Released{Application: "shop", Repository: "example.com/shop", Version: "1.0.0", Tag: "v1.0.0", Commit: strings.Repeat("a", 40), Digest: "git-tree:1", Notes: "x"}
	moved, elsewhere, long := first, first, first
	moved.Commit, elsewhere.Repository = strings.Repeat("b", 40), "example.com/fork"
	long.Tag, long.Notes = "v1.0.1", "x"+strings.Repeat("\x01é", keptNotes)
	for i, step := range []struct {
		release api.Released
		added   bool
	}{{first, true}, {first, false}, {moved, true}, {elsewhere, true}, {moved, false}, {long, true}, {long, false}} {
		added, err := book.record(t.Context(), "anna", step.release)
		if err != nil || added != step.added {
			t.Errorf("record %d: added %t, %v; want %t", i, added, err, step.added)
		}
	}
	entries, err := store.Audit(t.Context(), davit.AuditFilter{Release: "v1.0.1"})
	if err != nil || len(entries) != 1 || entries[0].Actor != "anna" {
		t.Fatalf("entries %+v, %v", entries, err)
	}
	var kept releaseEntry
	if err := json.Unmarshal(entries[0].After, &kept); err != nil || kept.Digest != first.Digest {
		t.Fatalf("kept %+v, %v", kept, err)
	}
	if !utf8.ValidString(kept.Notes) || len(kept.Notes) < keptNotes || !strings.HasPrefix(long.Notes, strings.TrimSuffix(kept.Notes, "…")) {
		t.Errorf("kept %d bytes of the notes: %q", len(kept.Notes), kept.Notes[len(kept.Notes)-20:])
	}
}
