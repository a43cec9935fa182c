package ramp_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/flag/ramp"
	"github.com/davit-dev/davit/internal/sqlite"
)

const key = "checkout-v2"

// bench is a flag in a real book on a real store, and a ramp of it.
type bench struct {
	*testing.T
	book     *book.Book
	outcomes *ramp.Outcomes
	rollout  davit.Rollout
	env      davit.Environment
	ramp     *ramp.Ramp
	from, to *davit.Release
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	signing, err := audit.LoadOrCreateKey(filepath.Join(dir, "audit.key"), "test")
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "davit.db"), sqlite.Options{Audit: audit.New(signing)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{T: t, outcomes: ramp.NewOutcomes()}
	if b.book, err = book.Open(t.Context(), store, time.Now); err != nil {
		t.Fatal(err)
	}
	b.edit("anna", "flag.create", func(davit.Flag) (davit.Flag, error) {
		return davit.Flag{Type: davit.FlagBoolean, Variants: davit.BooleanVariants()}, nil
	})
	return b
}

func (b *bench) edit(actor, action string, alter func(davit.Flag) (davit.Flag, error)) {
	b.Helper()
	match := int64(davit.AnyFlagRevision)
	if action == "flag.create" {
		match = 0
	}
	_, err := b.book.Change(b.Context(), davit.FlagEdit{
		Application: "shop", Key: key, Actor: actor, Action: action, Comment: "carts were lost", Match: match, Alter: alter,
	})
	if err != nil {
		b.Fatal(err)
	}
}

// says changes the flag by an intent of anna's.
func (b *bench) says(i davit.FlagInstruction) {
	b.Helper()
	i.Environment = "production"
	b.edit("anna", "flag.change", func(f davit.Flag) (davit.Flag, error) { return f.Instruct(i) })
}

// begin asks for a ramp.
func (b *bench) begin() {
	b.Helper()
	record, err := b.book.Flag("shop", key)
	if err != nil {
		b.Fatal(err)
	}
	site, err := davit.FlagRamp{Environment: "production"}.Ramped(record)
	if err != nil {
		b.Fatal(err)
	}
	b.env = davit.Environment{Application: "shop", Name: davit.RampEnvironment("production", key), Site: davit.Site{Flag: &site}}
	b.restart()
}

// restart forgets all that is not stored, as a server that starts does.
func (b *bench) restart() {
	b.Helper()
	var err error
	if b.ramp, err = ramp.New(b.book, b.outcomes, b.env, func(context.Context) *davit.Rollout { return &b.rollout }); err != nil {
		b.Fatal(err)
	}
	release := func(variant string) *davit.Release {
		r, err := davit.NewRelease("shop", b.env.Name, variant, map[string]string{}, ramp.Config(), time.Now())
		if err != nil {
			b.Fatal(err)
		}
		if err := b.ramp.Declare(b.Context(), r, r.Full()); err != nil {
			b.Fatal(err)
		}
		return r
	}
	b.from, b.to = release(b.env.Site.Flag.From), release(b.env.Site.Flag.To)
}

// route gives the ramped variant a share, in thousandths.
func (b *bench) route(share int) error {
	split := davit.Split{b.from.ID: davit.Whole - share, b.to.ID: share}
	switch share {
	case 0:
		split = davit.All(b.from.ID)
	case davit.Whole:
		split = davit.All(b.to.ID)
	}
	err := b.ramp.Route(b.Context(), davit.Routing{Split: split})
	if err != nil {
		return err
	}
	routing, err := b.ramp.Routing(b.Context())
	if err == nil && !routing.Split.Equal(split) {
		b.Errorf("the flag is split %s, want %s", routing.Split, split)
	}
	return err
}

// share is the part of 1,000 users who get the variant on.
func (b *bench) share() int {
	b.Helper()
	n := 0
	for i := range 1000 {
		e, err := b.book.Explain("shop", "production", key, map[string]any{"targetingKey": strings.Repeat("u", i+1)})
		if err != nil {
			b.Fatal(err)
		}
		if e.Result.Variant == "on" {
			n++
		}
	}
	return n
}

// failed is why the ramped variant counts as failed; "" when it does not.
func (b *bench) failed() string {
	b.Helper()
	instances, err := b.ramp.Instances(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if len(instances) != 2 {
		b.Errorf("%d instances, want one of each variant", len(instances))
	}
	for _, i := range instances {
		if i.Release == b.to.ID && i.Condition == davit.Failed {
			return i.Reason
		}
	}
	return ""
}

// settings are what the flag says in production, and why.
func (b *bench) settings() (davit.FlagSettings, string) {
	b.Helper()
	record, err := b.book.Flag("shop", key)
	if err != nil {
		b.Fatal(err)
	}
	return record.Flag.Environments["production"], record.Comment
}

func TestRamp(t *testing.T) {
	b := newBench(t)
	b.begin()
	if err := b.route(0); err != nil { // nothing is changed before the first step
		t.Fatal(err)
	}
	if record, _ := b.book.Flag("shop", key); record.Revision != 1 {
		t.Errorf("revision %d before the first step", record.Revision)
	}
	for _, step := range []struct{ share, least, most int }{{50, 20, 90}, {250, 200, 300}, {1000, 1000, 1000}} {
		for range 2 { // a server that dies in between asks again
			if err := b.route(step.share); err != nil {
				t.Fatal(err)
			}
			b.restart()
		}
		if n := b.share(); n < step.least || n > step.most {
			t.Errorf("at %d thousandths %d of 1000 users get it", step.share, n)
		}
		if why := b.failed(); why != "" {
			t.Errorf("at %d thousandths it failed: %s", step.share, why)
		}
	}
	if record, _ := b.book.Flag("shop", key); record.Revision != 4 {
		t.Errorf("revision %d after three steps, want 4", record.Revision)
	}
}

func TestHaulingBackTurnsOff(t *testing.T) {
	b := newBench(t)
	b.begin()
	if err := b.route(250); err != nil {
		t.Fatal(err)
	}
	b.rollout.Cause = "too many errors"
	if err := b.route(0); err != nil {
		t.Fatal(err)
	}
	if s, why := b.settings(); s.Enabled || s.Default.Split != nil || why != "ramp hauled back: too many errors" {
		t.Errorf("it says %+v because %q", s, why)
	}
}

// A variant that served everybody serves everybody again.
func TestHaulingBackToAVariant(t *testing.T) {
	b := newBench(t)
	b.says(davit.FlagInstruction{Kind: davit.TurnOn})
	b.says(davit.FlagInstruction{Kind: davit.Serve, Variant: "off"})
	b.begin()
	for _, share := range []int{500, 0} {
		if err := b.route(share); err != nil {
			t.Fatal(err)
		}
	}
	if s, _ := b.settings(); !s.Enabled || s.Default.Variant != "off" {
		t.Errorf("it says %+v", s)
	}
}

// What people say is not undone, neither by the ramp nor by its hauling back, nor by a
// server that starts later; what does not concern who gets what does not matter.
func TestPeopleGoFirst(t *testing.T) {
	for name, c := range map[string]struct {
		say  davit.FlagInstruction
		want string // "" the ramp goes on
	}{
		"off":    {davit.FlagInstruction{Kind: davit.TurnOff}, "anna turned the flag off: carts were lost"},
		"serve":  {davit.FlagInstruction{Kind: davit.Serve, Variant: "on"}, "anna changed what the flag serves: carts were lost"},
		"target": {davit.FlagInstruction{Kind: davit.AddTargets, Variant: "on", Values: []string{"bo"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.begin()
			if err := b.route(250); err != nil {
				t.Fatal(err)
			}
			b.says(c.say)
			b.says(davit.FlagInstruction{Kind: davit.AddTags, Values: []string{"slow"}}) // a later change hides none
			b.restart()
			if why := b.failed(); why != c.want {
				t.Errorf("it failed: %q, want %q", why, c.want)
			}
			before, _ := b.settings()
			err := b.route(500)
			if gone := err != nil; gone != (c.want != "") {
				t.Errorf("the next step: %v", err)
			}
			if c.want == "" {
				return
			}
			if err := b.ramp.Route(t.Context(), davit.Routing{Split: davit.All(b.from.ID)}); err != nil {
				t.Errorf("hauling back: %v", err)
			}
			if after, _ := b.settings(); after.Enabled != before.Enabled || after.Default.Variant != before.Default.Variant {
				t.Errorf("what anna said is undone: %+v", after)
			}
		})
	}
}

func TestARemovedFlag(t *testing.T) {
	b := newBench(t)
	b.begin()
	if err := b.route(250); err != nil {
		t.Fatal(err)
	}
	if _, err := b.book.Change(t.Context(), davit.FlagEdit{Application: "shop", Key: key, Actor: "anna", Action: "flag.delete", Match: davit.AnyFlagRevision, Delete: true}); err != nil {
		t.Fatal(err)
	}
	if why := b.failed(); why != "the flag checkout-v2 was removed" {
		t.Errorf("it failed: %q", why)
	}
	if err := b.ramp.Route(t.Context(), davit.Routing{Split: davit.All(b.from.ID)}); err != nil {
		t.Errorf("hauling back: %v", err)
	}
}

func TestOutcomes(t *testing.T) {
	b := newBench(t)
	b.begin()
	record, err := b.book.Flag("shop", key)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	changes := b.ramp.Watch(ctx)
	report := func(tallies ...davit.FlagTally) error {
		return b.outcomes.Report("shop", "production", &record.Flag, tallies)
	}
	for range 2 {
		if err := report(davit.FlagTally{Variant: "on", Requests: 10, Failures: 1}, davit.FlagTally{Variant: "off", Requests: 90}); err != nil {
			t.Fatal(err)
		}
		<-changes
	}
	figures, err := b.ramp.Figures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	on, off := figures.Release(b.to.ID), figures.Release(b.from.ID)
	if on.Requests != 20 || on.Failures != 2 || on.Sample.Requests != 20 || off.Requests != 180 || off.Failures != 0 {
		t.Errorf("counted %+v and %+v", on, off)
	}
	for name, tally := range map[string]davit.FlagTally{
		"no such variant": {Variant: "purple", Requests: 1}, "more failures than requests": {Variant: "on", Requests: 1, Failures: 2},
		"negative": {Variant: "on", Failures: -1}, "too many": {Variant: "on", Requests: 1 << 40},
	} {
		if err := report(tally); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	cancel()
	for range changes { //nolint:revive // until it is closed
	}
}

func TestRampIsRefused(t *testing.T) {
	b := newBench(t)
	refused := func(want string, ask davit.FlagRamp) {
		t.Helper()
		record, err := b.book.Flag("shop", key)
		if err != nil {
			t.Fatal(err)
		}
		ask.Environment = "production"
		if _, err := ask.Ramped(record); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", ask, err, want)
		}
	}
	refused(`no variant "purple"`, davit.FlagRamp{To: "purple"})
	refused("to everybody", davit.FlagRamp{To: "off"})
	b.says(davit.FlagInstruction{Kind: davit.TurnOn})
	refused("serves on to everybody", davit.FlagRamp{})
	b.says(davit.FlagInstruction{Kind: davit.SetPercentages, Percentages: map[string]float64{"on": 5, "off": 95}})
	refused("split already", davit.FlagRamp{})
	if _, err := ramp.New(b.book, b.outcomes, davit.Environment{Name: "production"}, nil); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("without a flag: %v", err)
	}
}

// TestProtectedEnvironment shows which rollouts change what a protected environment
// serves: those that began with an approval, and none on its way forth without.
func TestProtectedEnvironment(t *testing.T) {
	b := newBench(t)
	b.begin()
	_, _, err := b.book.Protect(t.Context(), davit.FlagProtection{
		Application: "shop", Environment: "production", Actor: "uid 1000",
		Approval: davit.ApprovalParams{Count: 2, Within: davit.Duration(time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	forth := davit.Routing{Split: davit.Split{b.to.ID: 500, b.from.ID: 500}, Stable: b.from.ID, Candidate: b.to.ID}
	by := func(actors ...string) []davit.Approval {
		var all []davit.Approval
		for i, actor := range actors {
			all = append(all, davit.Approval{Actor: actor, Stage: i})
		}
		return all
	}
	for _, rollout := range []davit.Rollout{
		{Kind: davit.KindDeploy, Phase: davit.Running, Actor: "uid 1000"},
		{Kind: davit.KindDeploy, Phase: davit.Running, Actor: "uid 1000", Approvals: by("uid 1000", "uid 1001", "uid 1001")},
		{Kind: davit.KindDeploy, Phase: davit.HaulingBack, Actor: "uid 1000"},
		{Kind: davit.KindRollback, Phase: davit.HaulingBack, Actor: "uid 1000"},
	} {
		b.rollout = rollout
		if err := b.ramp.Route(t.Context(), forth); davit.ErrorCode(err) != davit.CodeRefused {
			t.Errorf("%+v: %v", rollout, err)
		}
	}
	b.rollout = davit.Rollout{Kind: davit.KindDeploy, Phase: davit.Running, Actor: "uid 1000", Approvals: by("uid 1001", "uid 1002")}
	if err := b.ramp.Route(t.Context(), forth); err != nil {
		t.Errorf("approved: %v", err)
	}
	back := davit.Routing{Split: davit.All(b.from.ID), Stable: b.from.ID}
	b.rollout = davit.Rollout{Kind: davit.KindRollback, Phase: davit.Running, Actor: "uid 1000"}
	if err := b.ramp.Route(t.Context(), back); davit.ErrorCode(err) != davit.CodeRefused {
		t.Errorf("back in one go: %v", err)
	}
	b.rollout = davit.Rollout{Kind: davit.KindDeploy, Phase: davit.HaulingBack}
	if err := b.ramp.Route(t.Context(), back); err != nil {
		t.Errorf("on the way back: %v", err)
	}
}
