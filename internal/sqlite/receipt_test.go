package sqlite_test

import (
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// TestReceipts shows that a rollout gets one receipt, when it has ended, with its
// entry in the audit log; one that is refused leaves nothing.
func TestReceipts(t *testing.T) {
	dir := t.TempDir()
	s, ctx := mustOpen(t, dir), t.Context()
	mustCommit(t, s, ended("done", epoch.Add(time.Hour), 3))
	mustCommit(t, s, ended("open", time.Time{}, 3))
	entry := davit.AuditEntry{At: epoch, Actor: "davit", Action: "rollout.receipt", Rollout: "done"}

	if err := s.PutSeries(ctx, "done", []byte(`{"points":1}`)); err != nil {
		t.Fatal(err)
	}
	if err := s.PutSeries(ctx, "done", []byte(`{"points":2}`)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // as a server that died before, or after, would
		list, err := s.Unreceipted(ctx, 10)
		if err != nil || len(list) != 1 || list[0].ID != "done" {
			t.Fatalf("without a receipt: %v (%v), want done alone", list, err)
		}
		if err := s.PutReceipt(ctx, "open", []byte(`{}`), entry); davit.ErrorCode(err) != davit.CodeConflict {
			t.Fatalf("a receipt of an open rollout: %v, want a conflict", err)
		}
	}
	if err := s.PutReceipt(ctx, "done", []byte(`{"receipt":1}`), entry); err != nil {
		t.Fatal(err)
	}
	if err := s.PutReceipt(ctx, "done", []byte(`{"receipt":2}`), entry); davit.ErrorCode(err) != davit.CodeConflict {
		t.Fatalf("a second receipt: %v, want a conflict", err)
	}
	if err := s.PutSeries(ctx, "done", []byte(`{"points":3}`)); err == nil {
		t.Error("what the receipt is about was changed afterwards")
	}
	if list, err := s.Unreceipted(ctx, 10); err != nil || len(list) != 0 {
		t.Errorf("without a receipt: %v (%v), want none", list, err)
	}
	envelope, index, err := s.Receipt(ctx, "done")
	if err != nil || string(envelope) != `{"receipt":1}` {
		t.Fatalf("the receipt is %s (%v)", envelope, err)
	}
	list, err := s.Audit(ctx, davit.AuditFilter{Rollout: "done"})
	if err != nil || len(list) != 2 || list[1].Index != index || list[1].Action != "rollout.receipt" {
		t.Errorf("the entries are %v (%v), want the one of the receipt, %d, last", list, err, index)
	}
	if doc, err := s.Series(ctx, "done"); err != nil || string(doc) != `{"points":2}` {
		t.Errorf("the samples are %s (%v)", doc, err)
	}
	for _, err := range []error{third(s.Receipt(ctx, "open")), second(s.Series(ctx, "open"))} {
		if davit.ErrorCode(err) != davit.CodeNotFound {
			t.Errorf("what is not there: %v", err)
		}
	}
	if err := s.PutSeries(ctx, "nobody", []byte(`{}`)); err == nil {
		t.Error("samples of no rollout were stored")
	}
	if _, err := s.Prune(ctx, epoch.Add(2*time.Hour), davit.AuditEntry{At: epoch, Actor: "davit", Action: "journal.prune"}); err != nil {
		t.Fatal(err)
	}
	if err := second(s.Series(ctx, "done")); davit.ErrorCode(err) != davit.CodeNotFound {
		t.Errorf("samples of a journal that was pruned: %v", err)
	}
	if _, _, err := s.Receipt(ctx, "done"); err != nil {
		t.Errorf("the receipt of a journal that was pruned: %v", err)
	}
}

func third[A, B any](_ A, _ B, err error) error { return err }
