package book_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// later is an edit that is scheduled.
func later(actor string, at time.Time, instructions ...davit.FlagInstruction) davit.FlagEdit {
	e := by(actor, instruct("checkout-v2", davit.AnyFlagRevision))
	e.Schedule = &davit.FlagSchedule{At: at, Instructions: instructions}
	return e
}

var turnOff = davit.FlagInstruction{Kind: davit.TurnOff, Environment: "production"}

// kept is a shelf by the clock of a synctest bubble whose keeper runs until stop.
func kept(t *testing.T) (s *shelf, stop func()) {
	t.Helper()
	s = open(t)
	s.clock = time.Now
	s.reopen(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	b := s.Book
	go func() { done <- b.Keep(ctx, func(err error) { t.Error(err) }) }()
	return s, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func (s *shelf) state(t *testing.T, id string) davit.FlagProposalState {
	t.Helper()
	p, err := s.Proposal(t.Context(), "shop", id)
	if err != nil {
		t.Fatal(err)
	}
	return p.State
}

// TestSchedule shows that a change is made at its time, by who scheduled it, to the
// flag as it is then; and not when it was cancelled.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := kept(t)
		defer stop()
		s.must(t, create("checkout-v2"))
		first := s.must(t, later(anna, time.Now().Add(2*time.Hour), turnOn)).Proposal
		second := s.must(t, later(anna, time.Now().Add(3*time.Hour), turnOff)).Proposal
		third := s.must(t, later(anna, time.Now().Add(4*time.Hour), turnOn)).Proposal
		if out, err := s.Flag("shop", "checkout-v2"); err != nil || out.Revision != 1 || first.State != davit.FlagScheduled {
			t.Fatalf("before its time: %+v, %+v (%v)", out, first, err)
		}
		s.must(t, instruct("checkout-v2", 1, davit.FlagInstruction{Kind: davit.AddTargets, Environment: "production", Variant: "off", Values: []string{"eve"}}))
		time.Sleep(2*time.Hour - time.Second)
		synctest.Wait()
		if s.state(t, first.ID) != davit.FlagScheduled {
			t.Error("it was made before its time")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if s.state(t, first.ID) != davit.FlagApplied || s.serves(t, "checkout-v2", "bo") != "on" || s.serves(t, "checkout-v2", "eve") != "off" {
			t.Errorf("at its time: %s", s.state(t, first.ID))
		}
		if r, err := s.Flag("shop", "checkout-v2"); err != nil || r.Actor != anna || r.Revision != 3 {
			t.Errorf("made by %+v (%v)", r, err)
		}
		if p, err := s.Reject(t.Context(), "shop", third.ID, bo, "not needed"); err != nil || p.State != davit.FlagCancelled {
			t.Errorf("cancelled: %+v (%v)", p, err)
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if s.state(t, second.ID) != davit.FlagApplied || s.serves(t, "checkout-v2", "bo") != "off" {
			t.Error("the second was not made, or the third was")
		}
		want := []string{
			"flag.schedule " + anna, "flag.schedule " + anna, "flag.schedule " + anna, "flag.change bo",
			"flag.apply davit", "flag.change " + anna, "flag.cancel " + bo, "flag.apply davit", "flag.change " + anna,
		}
		if got := s.trail(t)[1:]; !slices.Equal(got, want) {
			t.Errorf("the audit log has %q, want %q", got, want)
		}
	})
}

// TestScheduleProtected shows that what is scheduled for a protected environment takes
// its approval before its time, but to turn off does not.
func TestScheduleProtected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := kept(t)
		defer stop()
		s.must(t, create("checkout-v2"))
		s.must(t, instruct("checkout-v2", 1, davit.FlagInstruction{Kind: davit.SetOff, Environment: "production", Variant: "off"}))
		early := s.must(t, later(anna, time.Now().Add(150*time.Minute), davit.FlagInstruction{Kind: davit.Serve, Environment: "production", Variant: "on"}, turnOn)).Proposal
		s.protect(t, "production", one())
		approved := s.must(t, later(anna, time.Now().Add(30*time.Minute), turnOn)).Proposal
		expired := s.must(t, later(anna, time.Now().Add(time.Hour), serveOff)).Proposal
		kill := s.must(t, later(anna, time.Now().Add(2*time.Hour), turnOff)).Proposal
		if approved.State != davit.FlagProposed || expired.State != davit.FlagProposed || kill.State != davit.FlagScheduled {
			t.Fatalf("%s, %s and %s", approved.State, expired.State, kill.State)
		}
		if p, err := s.Approve(t.Context(), "shop", approved.ID, bo, ""); err != nil || p.State != davit.FlagScheduled {
			t.Fatalf("approved: %+v (%v)", p, err)
		}
		if _, err := s.Approve(t.Context(), "shop", approved.ID, cleo, ""); davit.ErrorCode(err) != davit.CodeConflict {
			t.Errorf("approved when it waits for its time: %v", err)
		}
		if s.must(t, later(anna, time.Now().Add(time.Hour), serveOff)).Proposal.ExpiresAt.After(time.Now().Add(time.Hour)) {
			t.Error("it could be approved after its time")
		}
		time.Sleep(90 * time.Minute)
		synctest.Wait()
		if s.state(t, approved.ID) != davit.FlagApplied || s.state(t, expired.ID) != davit.FlagExpired || s.serves(t, "checkout-v2", "eve") != "on" {
			t.Errorf("%s and %s, and eve gets %s", s.state(t, approved.ID), s.state(t, expired.ID), s.serves(t, "checkout-v2", "eve"))
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if s.state(t, kill.ID) != davit.FlagApplied || s.state(t, early.ID) != davit.FlagFailed || s.serves(t, "checkout-v2", "eve") != "off" {
			t.Errorf("turned off: %s; scheduled before it was protected: %s", s.state(t, kill.ID), s.state(t, early.ID))
		}
		if trail := strings.Join(s.trail(t), "\n"); !strings.Contains(trail, "flag.kill_switch "+anna) {
			t.Errorf("the audit log has %s", trail)
		}
	})
}

// TestScheduledTooLate shows what becomes of changes whose time came while no server
// ran, or that cannot be made any more.
func TestScheduledTooLate(t *testing.T) {
	s := open(t)
	s.must(t, create("checkout-v2"))
	s.must(t, instruct("checkout-v2", 1, turnOn))
	missed := s.must(t, later(anna, s.now.Add(time.Minute), turnOff)).Proposal
	late := s.must(t, later(anna, s.now.Add(2*time.Minute), serveOff)).Proposal
	s.now = s.now.Add(time.Hour + 90*time.Second)
	s.reopen(t)
	s.keep()
	if s.state(t, missed.ID) != davit.FlagMissed || s.state(t, late.ID) != davit.FlagApplied || s.serves(t, "checkout-v2", "eve") != "off" {
		t.Errorf("%s and %s", s.state(t, missed.ID), s.state(t, late.ID))
	}
	s.keep()
	if r, err := s.Flag("shop", "checkout-v2"); err != nil || r.Revision != 3 || !r.Flag.Environments["production"].Enabled {
		t.Errorf("made twice: %+v (%v)", r, err)
	}
	key, _, err := s.CreateKey(t.Context(), anna, davit.AccessKey{Application: "shop", Environment: "production", Kind: davit.AccessAdmin, Name: "ci"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	e := later("key ci", s.now.Add(time.Minute), turnOff)
	e.Scope = &key
	withKey := s.must(t, e).Proposal
	if _, err := s.RevokeKey(t.Context(), anna, "shop", key.ID, ""); err != nil {
		t.Fatal(err)
	}
	of := s.must(t, later(anna, s.now.Add(time.Hour), turnOff)).Proposal
	gone := instruct("checkout-v2", 3)
	gone.Delete = true
	s.now = s.now.Add(2 * time.Minute)
	s.keep()
	s.must(t, gone)
	s.now = s.now.Add(time.Hour)
	s.keep()
	for what, p := range map[string]*davit.FlagProposal{"with a key that was revoked": withKey, "of a flag that was removed": of} {
		if p, err := s.Proposal(t.Context(), "shop", p.ID); err != nil || p.State != davit.FlagFailed || p.Why == "" {
			t.Errorf("%s: %+v (%v)", what, p, err)
		}
	}
	s.must(t, create("other"))
	for _, at := range []time.Time{s.now, s.now.Add(-time.Hour), s.now.Add(400 * 24 * time.Hour)} {
		e := later(anna, at, turnOn)
		e.Key = "other"
		if _, err := s.Change(t.Context(), e); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("at %s: %v", at, err)
		}
	}
}

// TestClockIsSet shows that a change whose time the clock is set to is made soon
// after, and once.
func TestClockIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := kept(t)
		defer stop()
		s.must(t, create("checkout-v2"))
		p := s.must(t, later(anna, time.Now().Add(2*time.Hour), turnOn)).Proposal
		synctest.Wait()
		s.ahead.Store(int64(2*time.Hour + 30*time.Minute))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.state(t, p.ID); got != davit.FlagApplied {
			t.Errorf("it is %s", got)
		}
		s.ahead.Store(0)
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		if r, err := s.Flag("shop", "checkout-v2"); err != nil || r.Revision != 2 {
			t.Errorf("the flag: %+v (%v)", r, err)
		}
	})
}

// TestTwoKeepers shows that two servers that look at one store at once make a change
// once.
func TestTwoKeepers(t *testing.T) {
	s := open(t)
	s.must(t, create("checkout-v2"))
	p := s.must(t, later(anna, s.now.Add(time.Minute), turnOn)).Proposal
	other := &shelf{store: s.store, now: s.now}
	other.reopen(t)
	s.now, other.now = s.now.Add(2*time.Minute), s.now.Add(2*time.Minute)
	var both sync.WaitGroup
	for _, server := range []*shelf{s, other} {
		both.Go(server.keep)
	}
	both.Wait()
	applied := 0
	for _, what := range s.trail(t) {
		if what == "flag.apply davit" {
			applied++
		}
	}
	records, err := s.store.FlagRecords(t.Context(), "shop", "checkout-v2", 100, 100)
	if err != nil || applied != 1 || len(records) != 2 || s.state(t, p.ID) != davit.FlagApplied {
		t.Errorf("made %d times, %d records, and it is %s (%v)", applied, len(records), s.state(t, p.ID), err)
	}
}
