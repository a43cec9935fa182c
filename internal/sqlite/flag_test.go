package sqlite_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/sqlite"
)

// flagged returns a change that makes a revision of a flag.
func flagged(key string, revision int64) davit.FlagCommit {
	record := &davit.FlagRecord{Application: "shop", Flag: davit.Flag{Key: key, Type: davit.FlagBoolean}, Revision: revision, At: epoch}
	return davit.FlagCommit{Record: record, Entry: davit.AuditEntry{At: epoch, Actor: "anna", Action: "flag.change", Application: "shop", Reason: fmt.Sprint(key, revision)}}
}

func mustFlag(t *testing.T, s *sqlite.Store, c davit.FlagCommit) {
	t.Helper()
	if err := s.CommitFlags(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// TestFlags shows that a flag is its last record, that all of them stay, and that
// a change that does not follow leaves nothing, not even its audit entry.
func TestFlags(t *testing.T) {
	dir := t.TempDir()
	ctx := t.Context()
	s, err := openIn(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	first := flagged("a/b", 1)
	mustFlag(t, s, first)
	mustFlag(t, s, flagged("c", 1))
	second := flagged("a/b", 2)
	mustFlag(t, s, second)
	if first.Record.Sequence != 1 || second.Record.Sequence != 3 {
		t.Errorf("sequences are %d and %d, want 1 and 3", first.Record.Sequence, second.Record.Sequence)
	}
	for _, revision := range []int64{1, 2, 4} {
		if err := s.CommitFlags(ctx, flagged("a/b", revision)); !errors.Is(err, davit.ErrStale) {
			t.Errorf("revision %d after 2: %v, want %v", revision, err, davit.ErrStale)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	list, err := s.Flags(ctx)
	if err != nil || len(list) != 2 || list[0].Revision != 2 || list[1].Flag.Key != "c" {
		t.Fatalf("flags: %+v (%v)", list, err)
	}
	records, err := s.FlagRecords(ctx, "shop", "a/b", math.MaxInt64, 10)
	if err != nil || len(records) != 2 || records[0].Revision != 2 || records[1].Revision != 1 {
		t.Errorf("records: %+v (%v)", records, err)
	}
	if records, err = s.FlagRecords(ctx, "shop", "a/b", 2, 10); err != nil || len(records) != 1 {
		t.Errorf("records before 2: %+v (%v)", records, err)
	}
	if _, err := s.FlagRecord(ctx, "shop", "a/b", 3); davit.ErrorCode(err) != davit.CodeNotFound {
		t.Errorf("a revision that is not there: %v", err)
	}
	if entries, err := s.Audit(ctx, davit.AuditFilter{}); err != nil || len(entries) != 3 || entries[2].Reason != "a/b2" {
		t.Errorf("audit: %+v (%v)", entries, err)
	}
}

// TestFlagsTogether shows that changes are stored together or, when one of them
// does not follow, not at all.
func TestFlagsTogether(t *testing.T) {
	s, ctx := mustOpen(t, t.TempDir()), t.Context()
	mustFlag(t, s, flagged("a", 1))
	if err := s.CommitFlags(ctx, flagged("b", 1), flagged("a", 1)); !errors.Is(err, davit.ErrStale) {
		t.Errorf("the second does not follow: %v", err)
	}
	first, second := flagged("b", 1), flagged("a", 2)
	if err := s.CommitFlags(ctx, first, second); err != nil || first.Record.Sequence != 2 || second.Record.Sequence != 3 {
		t.Errorf("sequences are %d and %d, want 2 and 3 (%v)", first.Record.Sequence, second.Record.Sequence, err)
	}
	if list, err := s.Flags(ctx); err != nil || len(list) != 2 {
		t.Errorf("flags: %+v (%v)", list, err)
	}
	if entries, err := s.Audit(ctx, davit.AuditFilter{}); err != nil || len(entries) != 3 || entries[1].Reason != "b1" || entries[2].Reason != "a2" {
		t.Errorf("audit: %+v (%v)", entries, err)
	}
}

// TestFlagRequests shows that a request is remembered with its change, for a day.
func TestFlagRequests(t *testing.T) {
	s, ctx := mustOpen(t, t.TempDir()), t.Context()
	c := flagged("a", 1)
	c.Request = &davit.FlagRequest{Key: "k1", Actor: "anna", Digest: "d", Application: "shop", Flag: "a", Revision: 1, At: epoch}
	mustFlag(t, s, c)
	r, err := s.FlagRequest(ctx, "anna", "k1", epoch)
	if err != nil || r == nil || r.Digest != "d" || r.Flag != "a" || r.Revision != 1 {
		t.Errorf("the request: %+v (%v)", r, err)
	}
	if r, err := s.FlagRequest(ctx, "bo", "k1", epoch); r != nil || err != nil {
		t.Errorf("of another actor: %+v (%v)", r, err)
	}
	c = flagged("a", 3)
	c.Request = &davit.FlagRequest{Key: "k2", Actor: "anna", At: epoch}
	if err := s.CommitFlags(ctx, c); !errors.Is(err, davit.ErrStale) {
		t.Fatal(err)
	}
	if r, err := s.FlagRequest(ctx, "anna", "k2", epoch); r != nil || err != nil {
		t.Errorf("of a refused change: %+v (%v)", r, err)
	}
	if r, err := s.FlagRequest(ctx, "anna", "k1", epoch.Add(time.Second)); r != nil || err != nil {
		t.Errorf("that was made before: %+v (%v)", r, err)
	}
	c = davit.FlagCommit{Request: &davit.FlagRequest{Key: "k3", Actor: "anna", Unchanged: true, At: epoch.Add(25 * time.Hour)}}
	if err := s.CommitFlags(ctx, c); err != nil {
		t.Fatal(err)
	}
	if r, err := s.FlagRequest(ctx, "anna", "k3", epoch); err != nil || r == nil || !r.Unchanged {
		t.Errorf("of what was so already: %+v (%v)", r, err)
	}
	if r, err := s.FlagRequest(ctx, "anna", "k1", epoch); r != nil || err != nil {
		t.Errorf("a day later: %+v (%v)", r, err)
	}
	if entries, err := s.Audit(ctx, davit.AuditFilter{}); err != nil || len(entries) != 1 {
		t.Errorf("audit: %+v (%v)", entries, err)
	}
}

// TestAccessKeys writes keys, changes one, and notes its use.
func TestAccessKeys(t *testing.T) {
	s, ctx := mustOpen(t, t.TempDir()), t.Context()
	key := davit.AccessKey{ID: "one", Application: "shop", Environment: "production", Kind: davit.AccessServer, Digest: "00", CreatedAt: epoch}
	other := key
	other.ID = "two"
	entry := davit.AuditEntry{At: epoch, Actor: "anna", Action: "key.create"}
	if err := s.CommitAccessKeys(ctx, entry, &key, &other); err != nil {
		t.Fatal(err)
	}
	key.ExpiresAt = epoch.Add(time.Hour)
	if err := s.CommitAccessKeys(ctx, entry, &key); err != nil {
		t.Fatal(err)
	}
	if err := s.TouchAccessKeys(ctx, map[string]time.Time{"two": epoch.Add(time.Minute), "gone": epoch}); err != nil {
		t.Fatal(err)
	}
	keys, err := s.AccessKeys(ctx)
	if err != nil || len(keys) != 2 || !keys[0].ExpiresAt.Equal(key.ExpiresAt) || !keys[1].LastUsedAt.Equal(epoch.Add(time.Minute)) {
		t.Errorf("keys: %+v (%v)", keys, err)
	}
	if entries, err := s.Audit(ctx, davit.AuditFilter{}); err != nil || len(entries) != 2 {
		t.Errorf("audit: %+v (%v)", entries, err)
	}
}
