package sqlite_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/sqlite"
	"github.com/google/go-cmp/cmp"
)

// ended returns a change with a rollout that ended at a time and its n events; one
// that has not ended when the time is zero.
func ended(id string, at time.Time, n int) *davit.Change {
	c := &davit.Change{Rollouts: []*davit.Rollout{{ID: id, Application: "shop", Environment: "staging", Phase: davit.Running, EndedAt: at, Revision: 1}}}
	if !at.IsZero() {
		c.Rollouts[0].Phase = davit.Promoted
	}
	for range n {
		c.Events = append(c.Events, davit.Event{At: epoch, Rollout: id, Kind: davit.EventHeld})
	}
	c.Audit = []davit.AuditEntry{{At: epoch, Actor: "davit", Action: "rollout.create", Rollout: id}}
	return c
}

// TestPrune removes the journals of old rollouts and nothing else, says so in the
// audit log, and never gives an event's number again.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	s, ctx := mustOpen(t, dir), t.Context()
	line := epoch.Add(24 * time.Hour)
	mustCommit(t, s, ended("old", line.Add(-time.Hour), 12_000))
	mustCommit(t, s, ended("open", time.Time{}, 3))
	mustCommit(t, s, ended("young", line.Add(time.Hour), 4))
	mustCommit(t, s, &davit.Change{Events: []davit.Event{{At: line.Add(-time.Hour)}, {At: line.Add(time.Hour)}}})
	mustCommit(t, s, ended("old and last", line.Add(-2*time.Hour), 2))
	log, err := auditKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	before, err := s.AuditCheckpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}

	entry := davit.AuditEntry{At: line, Actor: "davit", Action: "journal.prune", Reason: "older than 24h0m0s"}
	for _, want := range []int{12_002, 0} {
		if got, err := s.Prune(ctx, line, entry); err != nil || got != want {
			t.Fatalf("pruned %d events (%v), want %d", got, err, want)
		}
	}
	for rollout, want := range map[string]int{"old": 0, "open": 3, "young": 4, "old and last": 1} {
		events, err := s.Events(ctx, rollout, 0, 100)
		if err != nil || len(events) != want {
			t.Errorf("rollout %s has %d events (%v), want %d", rollout, len(events), err, want)
		}
		if _, err := s.Rollout(ctx, rollout); err != nil {
			t.Errorf("rollout %s: %v", rollout, err)
		}
	}
	next := ended("next", time.Time{}, 1)
	mustCommit(t, s, next)
	if got := next.Events[0].Seq; got != 12_012 {
		t.Errorf("the next event has number %d, want 12012", got)
	}

	report, err := audit.VerifyStore(ctx, s, log.VerifierKey(), before)
	if err != nil || report.Size != 8 {
		t.Errorf("%d entries (%v), want 8 that follow the checkpoint from before", report.Size, err)
	}
	entries, err := s.Audit(ctx, davit.AuditFilter{From: 4, Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	var removed []sqlite.Pruned
	for _, e := range entries {
		var p sqlite.Pruned
		if err := json.Unmarshal(e.After, &p); err != nil || e.Action != entry.Action || e.Reason != entry.Reason {
			t.Fatalf("entry %+v: %v", e, err)
		}
		removed = append(removed, p)
	}
	want := []sqlite.Pruned{
		{EndedBefore: line, Events: 5000, First: 1, Last: 5000},
		{EndedBefore: line, Events: 5000, First: 5001, Last: 10_000},
		{EndedBefore: line, Events: 2002, First: 10_001, Last: 12_010},
	}
	if diff := cmp.Diff(want, removed); diff != "" {
		t.Errorf("the audit log says (-want +got):\n%s", diff)
	}
}

// TestPruneIsRecorded removes nothing when it cannot be recorded.
func TestPruneIsRecorded(t *testing.T) {
	dir := t.TempDir()
	s, ctx := mustOpen(t, dir), t.Context()
	mustCommit(t, s, ended("old", epoch, 10))
	long := davit.AuditEntry{Reason: string(make([]byte, audit.MaxLeaf))}
	if _, err := s.Prune(ctx, epoch.Add(time.Hour), long); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("got %v, want the entry refused", err)
	}
	if events, err := s.Events(ctx, "old", 0, 100); err != nil || len(events) != 10 {
		t.Errorf("%d events (%v), want all 10", len(events), err)
	}
}
