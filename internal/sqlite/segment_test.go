package sqlite_test

import (
	"errors"
	"testing"

	"github.com/davit-dev/davit"
)

// segmented returns a change that makes a revision of a segment.
func segmented(key string, revision int64) davit.FlagCommit {
	record := &davit.SegmentRecord{Application: "shop", Segment: davit.Segment{Key: key}, Revision: revision, At: epoch}
	return davit.FlagCommit{Segment: record, Entry: davit.AuditEntry{At: epoch, Actor: "anna", Action: "segment.set", Application: "shop"}}
}

// TestSegments shows that a segment is its last record, that all of them stay, and
// that they are numbered and stored together with those of flags.
func TestSegments(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	s, err := openIn(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	first, second, f := segmented("beta", 1), segmented("beta", 2), flagged("a", 1)
	if err := s.CommitFlags(ctx, first, f); err != nil {
		t.Fatal(err)
	}
	mustFlag(t, s, second)
	if first.Sequence() != 1 || f.Sequence() != 2 || second.Sequence() != 3 {
		t.Errorf("sequences are %d, %d and %d, want 1, 2 and 3", first.Sequence(), f.Sequence(), second.Sequence())
	}
	for _, revision := range []int64{1, 2, 4} {
		if err := s.CommitFlags(ctx, flagged("b", 1), segmented("beta", revision)); !errors.Is(err, davit.ErrStale) {
			t.Errorf("revision %d after 2: %v, want %v", revision, err, davit.ErrStale)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	mustFlag(t, s, segmented("alpha", 1))
	list, err := s.Segments(ctx)
	if err != nil || len(list) != 2 || list[0].Segment.Key != "alpha" || list[1].Revision != 2 {
		t.Errorf("segments: %+v (%v)", list, err)
	}
	records, err := s.SegmentRecords(ctx, "shop", "beta", 10)
	if err != nil || len(records) != 2 || records[0].Revision != 2 || records[1].Sequence != 1 {
		t.Errorf("records: %+v (%v)", records, err)
	}
	if flags, err := s.Flags(ctx); err != nil || len(flags) != 1 {
		t.Errorf("flags: %+v (%v)", flags, err)
	}
	if entries, err := s.Audit(ctx, davit.AuditFilter{}); err != nil || len(entries) != 4 {
		t.Errorf("audit: %+v (%v)", entries, err)
	}
}
