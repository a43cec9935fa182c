package book_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

const (
	anna = "uid 1000 (anna)"
	bo   = "uid 1001 (bo)"
	cleo = "token cleo"
)

// protectedShelf has a flag that is on for all in production, which is protected.
func protectedShelf(t *testing.T, approval davit.ApprovalParams) *shelf {
	t.Helper()
	s := open(t)
	s.must(t, create("checkout-v2"))
	s.must(t, instruct("checkout-v2", 1, turnOn))
	s.protect(t, "production", approval)
	return s
}

func (s *shelf) protect(t *testing.T, environment string, approval davit.ApprovalParams) {
	t.Helper()
	_, proposal, err := s.Protect(t.Context(), davit.FlagProtection{Application: "shop", Environment: environment, Approval: approval, Actor: cleo})
	if err != nil || proposal != nil {
		t.Fatalf("protecting %s: %+v (%v)", environment, proposal, err)
	}
}

func one() davit.ApprovalParams {
	return davit.ApprovalParams{Count: 1, Within: davit.Duration(time.Hour)}
}

// by is an edit that somebody asks for who can wait.
func by(actor string, e davit.FlagEdit) davit.FlagEdit {
	e.Actor, e.Propose, e.Match = actor, true, davit.AnyFlagRevision
	return e
}

var serveOff = davit.FlagInstruction{Kind: davit.Serve, Environment: "production", Variant: "off"}

// propose asks for a change that needs approval.
func (s *shelf) propose(t *testing.T, e davit.FlagEdit) *davit.FlagProposal {
	t.Helper()
	before := s.View("shop", "production").Sequence
	out := s.must(t, e)
	if out.Changed || out.Proposal == nil || out.Proposal.State != davit.FlagProposed || s.View("shop", "production").Sequence != before {
		t.Fatalf("proposed: %+v", out)
	}
	return out.Proposal
}

// trail lists the actions of the audit log, oldest first.
func (s *shelf) trail(t *testing.T) []string {
	t.Helper()
	entries, err := s.store.Audit(t.Context(), davit.AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = e.Action + " " + e.Actor
	}
	return list
}

// TestApprove follows a change of a protected environment from its proposal to its
// end, over a restart.
func TestApprove(t *testing.T) {
	s := protectedShelf(t, davit.ApprovalParams{Count: 2, Within: davit.Duration(time.Hour), By: []davit.Approver{"user bo", "token *"}})
	p := s.propose(t, by(anna, instruct("checkout-v2", 2, serveOff)))
	if !slices.Equal(p.Environments, []string{"production"}) || len(p.Flags) != 1 || p.Flags[0].Base != 2 || len(p.Flags[0].Difference) != 1 {
		t.Errorf("proposal: %+v", p)
	}
	s.reopen(t)
	for _, refused := range []string{anna, "uid 1002 (dan)", "davit", "key ci"} {
		if _, err := s.Approve(t.Context(), "shop", p.ID, refused, ""); davit.ErrorCode(err) != davit.CodeRefused {
			t.Errorf("approved by %s: %v", refused, err)
		}
	}
	p, err := s.Approve(t.Context(), "shop", p.ID, bo, "tried it")
	if err != nil || p.State != davit.FlagProposed || s.serves(t, "checkout-v2", "eve") != "on" {
		t.Fatalf("after one of two: %+v (%v)", p, err)
	}
	if _, err := s.Approve(t.Context(), "shop", p.ID, bo, "again"); davit.ErrorCode(err) != davit.CodeConflict {
		t.Errorf("approved twice by one: %v", err)
	}
	p, err = s.Approve(t.Context(), "shop", p.ID, cleo, "")
	if err != nil || p.State != davit.FlagApplied || s.serves(t, "checkout-v2", "eve") != "off" {
		t.Fatalf("after two of two: %+v (%v)", p, err)
	}
	if r, err := s.Flag("shop", "checkout-v2"); err != nil || r.Actor != anna || r.Revision != 3 {
		t.Errorf("the flag: %+v (%v)", r, err)
	}
	want := []string{"flag.propose " + anna, "flag.approve " + bo, "flag.approve " + cleo, "flag.change " + anna}
	if got := s.trail(t); !slices.Equal(got[3:], want) {
		t.Errorf("the audit log has %q, want %q", got[3:], want)
	}
	if _, err := s.Approve(t.Context(), "shop", p.ID, cleo, ""); davit.ErrorCode(err) != davit.CodeConflict {
		t.Errorf("approved after its end: %v", err)
	}
}

// TestKillSwitch shows that to turn a flag off needs nobody, and anything more does.
func TestKillSwitch(t *testing.T) {
	s := protectedShelf(t, one())
	off := davit.FlagInstruction{Kind: davit.TurnOff, Environment: "production"}
	s.propose(t, by(anna, instruct("checkout-v2", 2, off, davit.FlagInstruction{Kind: davit.SetOff, Environment: "production", Variant: "on"})))
	out := s.must(t, by(anna, instruct("checkout-v2", 2, off)))
	if !out.Changed || out.Proposal != nil || out.Record.Action != "flag.kill_switch" || s.serves(t, "checkout-v2", "eve") != "off" {
		t.Errorf("turned off: %+v", out)
	}
	if trail := s.trail(t); trail[len(trail)-1] != "flag.kill_switch "+anna {
		t.Errorf("the audit log ends with %q", trail[len(trail)-1])
	}
	s.propose(t, by(anna, instruct("checkout-v2", 3, turnOn)))
	staging := davit.FlagInstruction{Kind: davit.TurnOn, Environment: "staging"}
	if out := s.must(t, by(anna, instruct("checkout-v2", 3, staging))); !out.Changed || out.Record.Action != "flag.change" {
		t.Errorf("elsewhere: %+v", out)
	}
}

// TestNeedsApproval lists the doors to what a protected environment serves. Those who
// cannot wait are refused.
func TestNeedsApproval(t *testing.T) {
	s := protectedShelf(t, one())
	segment := davit.SegmentEdit{Application: "shop", Segment: davit.Segment{Key: "beta"}, Actor: anna, Match: davit.AnyFlagOrNone}
	if out, err := s.ChangeSegment(t.Context(), segment); err != nil || !out.Changed {
		t.Errorf("a new segment: %+v (%v)", out, err)
	}
	segment.Segment.Include = []string{"bo"}
	if _, err := s.ChangeSegment(t.Context(), segment); davit.ErrorCode(err) != davit.CodeRefused {
		t.Errorf("a segment: %v", err)
	}
	segment.Propose = true
	out, err := s.ChangeSegment(t.Context(), segment)
	if err != nil || out.Changed || out.Proposal == nil || len(s.Segments("shop")[0].Segment.Include) != 0 {
		t.Fatalf("a segment: %+v (%v)", out, err)
	}
	if _, err := s.Approve(t.Context(), "shop", out.Proposal.ID, bo, ""); err != nil || len(s.Segments("shop")[0].Segment.Include) != 1 {
		t.Errorf("a segment that was approved: %v", err)
	}
	segment.Delete = true
	if out, err := s.ChangeSegment(t.Context(), segment); err != nil || out.Proposal == nil || len(s.Segments("shop")) != 1 {
		t.Errorf("a segment that is to go: %+v (%v)", out, err)
	}
	gone := by(anna, instruct("checkout-v2", 2))
	gone.Delete, gone.Action = true, "flag.delete"
	if p := s.propose(t, gone); !p.Flags[0].Delete {
		t.Errorf("a deletion: %+v", p)
	}
	for name, alter := range map[string]func(*davit.Flag){
		"variants":    func(f *davit.Flag) { f.Variants = slices.Clone(f.Variants); f.Variants[0].Value = []byte("false") },
		"salt":        func(f *davit.Flag) { f.Salt = "other" },
		"client-side": func(f *davit.Flag) { f.ClientSide = true },
		"metadata":    func(f *davit.Flag) { f.Metadata = map[string]any{"team": "a"} },
		"settings":    func(f *davit.Flag) { f.Environments = nil },
	} {
		e := by(anna, instruct("checkout-v2", 2))
		e.Alter = func(f davit.Flag) (davit.Flag, error) { alter(&f); return f, nil }
		e.Propose = false
		if _, err := s.Change(t.Context(), e); davit.ErrorCode(err) != davit.CodeRefused {
			t.Errorf("%s: %v", name, err)
		}
		e.DryRun = true
		if out := s.must(t, e); !slices.Equal(out.Protected, []string{"production"}) {
			t.Errorf("%s, without doing it: %+v", name, out)
		}
	}
	described := by(anna, instruct("checkout-v2", 2))
	described.Alter = func(f davit.Flag) (davit.Flag, error) { f.Description = "of the basket"; return f, nil }
	if out := s.must(t, described); !out.Changed {
		t.Errorf("a description: %+v", out)
	}
	i := taken("production", served("colour", "production", "on"), served("size", "production", "on"))
	i.Actor, i.Propose = anna, true
	outs, err := s.Import(t.Context(), i)
	if err != nil || outs[0].Changed || len(outs[1].Proposal.Flags) != 2 {
		t.Fatalf("an import: %+v (%v)", outs, err)
	}
	if _, err := s.Approve(t.Context(), "shop", outs[0].Proposal.ID, bo, ""); err != nil || s.serves(t, "size", "eve") != "on" {
		t.Errorf("an import that was approved: %v", err)
	}
	if _, err := s.Revert(t.Context(), davit.FlagEdit{Application: "shop", Key: "checkout-v2", Actor: anna, Action: "flag.revert", Match: davit.AnyFlagRevision}, 1); davit.ErrorCode(err) != davit.CodeRefused {
		t.Errorf("going back: %v", err)
	}
}

// TestProtection shows that a protection is changed and removed only as it says.
func TestProtection(t *testing.T) {
	s := protectedShelf(t, one())
	ctx := t.Context()
	weaker := davit.FlagProtection{Application: "shop", Environment: "production", Approval: davit.ApprovalParams{Count: 1, Within: davit.Duration(time.Hour), By: []davit.Approver{"user anna"}}, Actor: anna}
	if is, p, err := s.Protect(ctx, davit.FlagProtection{Application: "shop", Environment: "production", Approval: one(), Actor: anna}); err != nil || p != nil || is.Revision != 1 {
		t.Errorf("the same again: %+v, %+v (%v)", is, p, err)
	}
	_, changed, err := s.Protect(ctx, weaker)
	if err != nil || changed == nil {
		t.Fatalf("changed: %+v (%v)", changed, err)
	}
	_, removed, err := s.Protect(ctx, davit.FlagProtection{Application: "shop", Environment: "production", Removed: true, Actor: anna})
	if err != nil || removed == nil {
		t.Fatalf("removed: %+v (%v)", removed, err)
	}
	for _, p := range []*davit.FlagProposal{changed, removed} {
		if _, err := s.Approve(ctx, "shop", p.ID, anna, ""); davit.ErrorCode(err) != davit.CodeRefused {
			t.Errorf("approved by its author: %v", err)
		}
	}
	if _, err := s.Approve(ctx, "shop", removed.ID, bo, ""); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Protections(ctx, "shop"); err != nil || len(list) != 0 {
		t.Errorf("protected: %+v (%v)", list, err)
	}
	if _, err := s.Approve(ctx, "shop", changed.ID, bo, ""); err == nil || !strings.Contains(err.Error(), "out of date") {
		t.Errorf("the other: %v", err)
	}
	if _, _, err := s.Protect(ctx, davit.FlagProtection{Application: "shop", Environment: "production", Removed: true}); davit.ErrorCode(err) != davit.CodeNotFound {
		t.Errorf("removed again: %v", err)
	}
	s.protect(t, "production", one())
	want := []string{"flag.protect " + cleo, "flag.propose " + anna, "flag.propose " + anna, "flag.approve " + bo, "flag.unprotect " + anna, "flag.fail davit", "flag.protect " + cleo}
	if got := s.trail(t)[2:]; !slices.Equal(got, want) {
		t.Errorf("the audit log has %q, want %q", got, want)
	}
	for _, wrong := range []davit.ApprovalParams{
		{Count: 0, Within: davit.Duration(time.Hour)}, {Count: 1}, {Count: 101, Within: davit.Duration(time.Hour)},
		{Count: 1, Within: davit.Duration(1000 * 24 * time.Hour)}, {Count: 1, Within: davit.Duration(time.Hour), Author: true},
		{Count: 2, Within: davit.Duration(time.Hour), By: []davit.Approver{"user bo"}}, {Count: 1, Within: davit.Duration(time.Hour), By: []davit.Approver{"anna"}},
	} {
		if _, _, err := s.Protect(ctx, davit.FlagProtection{Application: "shop", Environment: "staging", Approval: wrong, Actor: anna}); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

// TestEndOfProposals shows how proposals end of which nothing comes.
func TestEndOfProposals(t *testing.T) {
	s := protectedShelf(t, one())
	ctx := t.Context()
	outdated := s.propose(t, by(anna, instruct("checkout-v2", 2, serveOff)))
	rejected := s.propose(t, by(anna, instruct("checkout-v2", 2, serveOff)))
	withdrawn := s.propose(t, by(anna, instruct("checkout-v2", 2, serveOff)))
	expired := s.propose(t, by(anna, instruct("checkout-v2", 2, serveOff)))
	if _, err := s.Reject(ctx, "shop", rejected.ID, bo, ""); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("rejected without a reason: %v", err)
	}
	if _, err := s.Reject(ctx, "shop", rejected.ID, "key ci", "no"); davit.ErrorCode(err) != davit.CodeRefused {
		t.Errorf("rejected by a key: %v", err)
	}
	for actor, p := range map[string]*davit.FlagProposal{bo: rejected, anna: withdrawn} {
		if p, err := s.Reject(ctx, "shop", p.ID, actor, "not before the sale"); err != nil || p.State != davit.FlagRejected || p.EndedBy != actor {
			t.Errorf("rejected by %s: %+v (%v)", actor, p, err)
		}
	}
	s.must(t, by(anna, instruct("checkout-v2", 2, davit.FlagInstruction{Kind: davit.TurnOff, Environment: "production"})))
	if _, err := s.Approve(ctx, "shop", outdated.ID, bo, ""); davit.ErrorCode(err) != davit.CodeConflict || !strings.Contains(err.Error(), "out of date") {
		t.Errorf("out of date: %v", err)
	}
	s.now = s.now.Add(time.Hour)
	if _, err := s.Approve(ctx, "shop", expired.ID, bo, ""); davit.ErrorCode(err) != davit.CodeConflict {
		t.Errorf("approved too late: %v", err)
	}
	list, err := s.Proposals(ctx, "shop", true, "", 10)
	if err != nil || len(list) != 4 {
		t.Fatalf("%+v (%v)", list, err)
	}
	want := []davit.FlagProposalState{davit.FlagExpired, davit.FlagRejected, davit.FlagRejected, davit.FlagFailed}
	for i, p := range list {
		if p.State != want[i] || p.Why == "" {
			t.Errorf("proposal %d: %+v", i, p)
		}
	}
	if list, err := s.Proposals(ctx, "shop", false, "", 10); err != nil || len(list) != 0 {
		t.Errorf("open: %+v (%v)", list, err)
	}
}

// TestProposalOfKey shows that whoever makes a key does not approve what is asked for
// with it.
func TestProposalOfKey(t *testing.T) {
	s := protectedShelf(t, one())
	key, _, err := s.CreateKey(t.Context(), anna, davit.AccessKey{Application: "shop", Environment: "production", Kind: davit.AccessAdmin, Name: "ci"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	e := by("key ci", instruct("checkout-v2", 2, serveOff))
	e.Scope, e.RequestKey, e.RequestDigest = &key, "once", "digest"
	p := s.propose(t, e)
	if again := s.must(t, e); !again.Repeated || again.Proposal.ID != p.ID || again.Record.Revision != 3 {
		t.Errorf("asked again: %+v", again)
	}
	if _, err := s.Approve(t.Context(), "shop", p.ID, anna, ""); davit.ErrorCode(err) != davit.CodeRefused {
		t.Errorf("approved by who made the key: %v", err)
	}
	if p, err := s.Approve(t.Context(), "shop", p.ID, bo, ""); err != nil || p.State != davit.FlagApplied {
		t.Errorf("approved by another: %+v (%v)", p, err)
	}
	if again := s.must(t, e); !again.Repeated || again.Proposal.State != davit.FlagApplied {
		t.Errorf("asked again: %+v", again)
	}
}

// TestBoundOfProposals shows that no more wait than are to.
func TestBoundOfProposals(t *testing.T) {
	s := protectedShelf(t, one())
	e := by(anna, instruct("checkout-v2", 2, serveOff))
	for range davit.FlagProposalsMost {
		s.propose(t, e)
	}
	if _, err := s.Change(t.Context(), e); davit.ErrorCode(err) != davit.CodeConflict {
		t.Errorf("one more: %v", err)
	}
	large := by(anna, instruct("checkout-v2", 2))
	large.Alter = func(f davit.Flag) (davit.Flag, error) {
		f.Description, f.Salt = strings.Repeat("x", davit.FlagProposalMost), "other"
		return f, nil
	}
	if _, err := s.Change(t.Context(), large); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("a large one: %v", err)
	}
}
