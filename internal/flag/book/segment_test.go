package book_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

func setSegment(match int64, include ...string) davit.SegmentEdit {
	return davit.SegmentEdit{Application: "shop", Segment: davit.Segment{Key: "beta", Include: include}, Actor: "anna", Comment: "why", Match: match}
}

// forSegment returns a flag that serves on to a segment.
func forSegment(key, segment string) davit.Flag {
	f := served(key, "production", "off")
	s := f.Environments["production"]
	s.Rules = []davit.FlagRule{{When: &davit.FlagCondition{Segment: segment}, Serve: davit.FlagServe{Variant: "on"}}}
	f.Environments["production"] = s
	return f
}

// TestSegments evaluates flags with the segments that they name, after each change
// of one and after a start.
func TestSegments(t *testing.T) {
	s, ctx := open(t), t.Context()
	set := func(e davit.SegmentEdit) *davit.SegmentOutcome {
		t.Helper()
		out, err := s.ChangeSegment(ctx, e)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	set(setSegment(davit.AnyFlagOrNone, "anna"))
	if _, err := s.Import(ctx, taken("production", forSegment("a", "beta"))); err != nil {
		t.Fatal(err)
	}
	before := s.View("shop", "production").Sequence
	if out := set(setSegment(1, "bo")); !out.Changed || out.Record.Revision != 2 || s.serves(t, "a", "anna") != "off" || s.serves(t, "a", "bo") != "on" {
		t.Errorf("changed: %+v", out)
	}
	if after := s.View("shop", "production").Sequence; after <= before {
		t.Errorf("the flags are of change %d, and were of %d", after, before)
	}
	if out := set(setSegment(2, "bo")); out.Changed || out.Record.Revision != 2 {
		t.Errorf("set again: %+v", out)
	}
	if _, err := s.ChangeSegment(ctx, setSegment(1, "carl")); !errors.Is(err, davit.ErrFlagRevision) {
		t.Errorf("of an old revision: %v", err)
	}
	dry := setSegment(2, "carl")
	dry.DryRun = true
	if out := set(dry); out.Changed || len(out.Difference) != 1 || out.Record.Revision != 3 || s.serves(t, "a", "carl") != "off" {
		t.Errorf("would be %+v", out)
	}
	remove := setSegment(davit.AnyFlagRevision)
	remove.Delete = true
	if _, err := s.ChangeSegment(ctx, remove); davit.ErrorCode(err) != davit.CodeInvalid || !strings.Contains(err.Error(), `no segment "beta"`) {
		t.Errorf("removing what a flag names: %v", err)
	}
	s.reopen(t)
	if s.serves(t, "a", "bo") != "on" || len(s.Segments("shop")) != 1 {
		t.Error("it is not the same when it is read again")
	}
	doc, _, err := s.View("shop", "production").Document("shop")
	if err != nil || !strings.Contains(string(doc), `"segments":[{"key":"beta"`) {
		t.Errorf("the snapshot is %s (%v)", doc, err)
	}
	s.must(t, davit.FlagEdit{Application: "shop", Key: "a", Actor: "bo", Action: "flag.delete", Match: davit.AnyFlagRevision, Delete: true})
	set(remove)
	if _, err := s.ChangeSegment(ctx, remove); davit.ErrorCode(err) != davit.CodeNotFound {
		t.Errorf("removed twice: %v", err)
	}
	if out := set(setSegment(davit.AnyFlagOrNone, "dora")); out.Record.Revision != 4 {
		t.Errorf("made again: %+v", out)
	}
	if records, err := s.SegmentHistory(ctx, "shop", "beta", 10); err != nil || len(records) != 4 || !records[1].Deleted {
		t.Errorf("history: %+v (%v)", records, err)
	}
	entries, err := s.store.Audit(ctx, davit.AuditFilter{Application: "shop"})
	if err != nil || len(entries) != 6 || entries[2].Action != "segment.set" || !strings.Contains(string(entries[2].After), `"segment":"beta"`) {
		t.Errorf("audit: %+v (%v)", entries, err)
	}
}

// TestImportSegments takes segments over with the flags that name them, and leaves
// one alone that says something else.
func TestImportSegments(t *testing.T) {
	s := open(t)
	i := taken("production", forSegment("a", "beta"))
	if _, err := s.Import(t.Context(), i); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("a flag that names none: %v", err)
	}
	is := davit.FlagCondition{Attribute: "targetingKey", Op: davit.OpIn, Values: []any{"anna"}}
	i.Segments = []davit.Segment{{Key: "beta", Description: "imported", When: &is}}
	i.Scope = &davit.AccessKey{Application: "shop", Environment: "production", Kind: davit.AccessAdmin, Name: "ci"}
	if _, err := s.Import(t.Context(), i); davit.ErrorCode(err) != davit.CodeRefused {
		t.Errorf("by a key: %v", err)
	}
	i.Scope = nil
	if _, err := s.Import(t.Context(), i); err != nil || s.serves(t, "a", "anna") != "on" {
		t.Fatalf("imported: %v", err)
	}
	// Written as flagd has it, it is the same.
	if _, err := s.ChangeSegment(t.Context(), setSegment(1, "anna")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), i); err != nil || s.Segments("shop")[0].Revision != 2 {
		t.Errorf("imported again: %v", err)
	}
	if _, err := s.ChangeSegment(t.Context(), setSegment(2, "bo")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), i); davit.ErrorCode(err) != davit.CodeConflict || s.serves(t, "a", "anna") != "off" {
		t.Errorf("one that says something else: %v", err)
	}
}
