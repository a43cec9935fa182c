package sqlite_test

import (
	"errors"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// proposal returns what makes a proposal at a revision.
func proposal(id string, revision int64, state davit.FlagProposalState, at time.Time) davit.FlagCommit {
	p := &davit.FlagProposal{ID: id, Application: "shop", State: state, Revision: revision, At: at, Due: at.Add(time.Hour), ExpiresAt: at.Add(2 * time.Hour)}
	if p.Ended() {
		p.EndedAt = at
	}
	return davit.FlagCommit{Proposal: p, Entry: davit.AuditEntry{At: at, Actor: "anna", Action: "flag.propose", Application: "shop"}}
}

// TestProposals shows that each step of a proposal is stored once, which one is due
// first, and that ended ones go after a while.
func TestProposals(t *testing.T) {
	s, ctx := mustOpen(t, t.TempDir()), t.Context()
	if p, err := s.NextFlagProposal(ctx); p != nil || err != nil {
		t.Errorf("next of none: %+v (%v)", p, err)
	}
	mustFlag(t, s, proposal("a", 1, davit.FlagProposed, epoch))
	mustFlag(t, s, proposal("b", 1, davit.FlagScheduled, epoch.Add(time.Minute)))
	if p, err := s.NextFlagProposal(ctx); err != nil || p.ID != "b" {
		t.Errorf("next: %+v (%v)", p, err)
	}
	for _, stale := range []davit.FlagCommit{proposal("a", 1, davit.FlagProposed, epoch), proposal("a", 3, davit.FlagScheduled, epoch), proposal("c", 2, davit.FlagScheduled, epoch)} {
		if err := s.CommitFlags(ctx, flagged("f", 1), stale); !errors.Is(err, davit.ErrStale) {
			t.Errorf("revision %d of %s: %v", stale.Proposal.Revision, stale.Proposal.ID, err)
		}
	}
	if err := s.CommitFlags(ctx, proposal("b", 2, davit.FlagApplied, epoch), flagged("f", 1)); err != nil {
		t.Fatal(err)
	}
	for ended, want := range map[bool]int{true: 2, false: 1} {
		if list, err := s.FlagProposals(ctx, "shop", ended, "", 10); err != nil || len(list) != want {
			t.Errorf("proposals (ended: %t): %+v (%v)", ended, list, err)
		}
	}
	mustFlag(t, s, proposal("d", 1, davit.FlagProposed, epoch.Add(31*24*time.Hour)))
	if _, err := s.FlagProposal(ctx, "shop", "b"); davit.ErrorCode(err) != davit.CodeNotFound {
		t.Errorf("long after its end: %v", err)
	}
	if _, err := s.FlagProposal(ctx, "other", "a"); davit.ErrorCode(err) != davit.CodeNotFound {
		t.Errorf("of another application: %v", err)
	}
}

// TestProtections shows that a protection is its last record.
func TestProtections(t *testing.T) {
	s, ctx := mustOpen(t, t.TempDir()), t.Context()
	protection := func(revision int64, count int) davit.FlagCommit {
		p := &davit.FlagProtection{Application: "shop", Environment: "production", Revision: revision, Approval: davit.ApprovalParams{Count: count}}
		return davit.FlagCommit{Protection: p, Entry: davit.AuditEntry{At: epoch, Actor: "anna", Action: "flag.protect", Application: "shop"}}
	}
	mustFlag(t, s, protection(1, 1))
	mustFlag(t, s, protection(2, 3))
	for _, revision := range []int64{1, 2, 4} {
		if err := s.CommitFlags(ctx, protection(revision, 0)); !errors.Is(err, davit.ErrStale) {
			t.Errorf("revision %d after 2: %v", revision, err)
		}
	}
	list, err := s.FlagProtections(ctx, "shop")
	if err != nil || len(list) != 1 || list[0].Approval.Count != 3 {
		t.Errorf("protections: %+v (%v)", list, err)
	}
}
