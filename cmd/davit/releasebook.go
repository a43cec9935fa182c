package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// releaseAction is the action of audit entries about releases of repositories.
const releaseAction = "release.publish"

// keptNotes is how many bytes of a release's notes its entry holds; an entry
// has a greatest length, and JSON may write a byte as six.
const keptNotes = 8 << 10

// releaseBook records releases of repositories in the audit log, each once.
type releaseBook struct {
	store interface {
		Audit(ctx context.Context, filter davit.AuditFilter) ([]davit.AuditEntry, error)
		Commit(ctx context.Context, change *davit.Change) error
	}
	now func() time.Time

	mu sync.Mutex // from looking for an entry until it is there
}

// releaseEntry is what an audit entry holds of a release.
type releaseEntry struct {
	Repository string `json:"repository"`
	Package    string `json:"package,omitempty"`
	Version    string `json:"version"`
	Commit     string `json:"commit"`
	Digest     string `json:"digest"`
	Notes      string `json:"notes"` // their beginning, when they are long
	// NotesDigest is of the whole notes.
	NotesDigest string `json:"notesDigest"`
	Page        string `json:"page,omitempty"`
}

// record adds an entry, unless the log has one that says the same of the tag.
// A tag that says something else than before is recorded again.
func (b *releaseBook) record(ctx context.Context, actor string, r api.Released) (added bool, err error) {
	entry := releaseEntry{
		Repository: r.Repository, Package: r.Package, Version: r.Version, Commit: r.Commit, Digest: r.Digest,
		Notes: beginning(r.Notes, keptNotes), NotesDigest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(r.Notes))), Page: r.Page,
	}
	after, err := json.Marshal(entry)
	if err != nil {
		return false, fmt.Errorf("encoding the release %s: %w", r.Tag, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	earlier, err := b.store.Audit(ctx, davit.AuditFilter{Application: r.Application, Release: davit.ReleaseID(r.Tag)})
	if err != nil {
		return false, err
	}
	known := slices.ContainsFunc(earlier, func(e davit.AuditEntry) bool {
		var was releaseEntry
		return e.Action == releaseAction && json.Unmarshal(e.After, &was) == nil &&
			was.Repository == entry.Repository && was.Commit == entry.Commit && was.Digest == entry.Digest
	})
	if known {
		return false, nil
	}
	return true, b.store.Commit(ctx, &davit.Change{Audit: []davit.AuditEntry{{
		At: b.now().UTC(), Actor: actor, Action: releaseAction, Application: r.Application, Release: davit.ReleaseID(r.Tag), After: after,
	}}})
}

// beginning returns at most so many bytes of a text, whole characters.
func beginning(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && text[most]&0xC0 == 0x80 { // in the middle of a character
		most--
	}
	return text[:most] + "…"
}
