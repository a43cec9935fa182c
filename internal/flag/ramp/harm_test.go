package ramp_test

import (
	"context"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/flag/ramp"
)

// Evidence of harm turns the flag off, whatever it served before; an abort does not.
func TestHarm(t *testing.T) {
	harm := davit.Rollout{
		Plan:     davit.Plan{Stages: []davit.Stage{{Gates: []davit.Gate{davit.ErrorRate("errors", davit.ErrorsParams{}), davit.Approvals("approval", davit.ApprovalParams{})}}}},
		Verdicts: []davit.Verdict{{Gate: "errors", Outcome: davit.Fail}},
		Phase:    davit.HaulingBack, HauledAt: time.Now(), Cause: "gate errors failed",
	}
	refused := harm
	refused.Verdicts = []davit.Verdict{{Gate: "approval", Outcome: davit.Fail}}
	aborted := harm
	aborted.Verdicts = []davit.Verdict{{Gate: "errors", Outcome: davit.Pass}}
	for name, c := range map[string]struct {
		rollout davit.Rollout
		onHarm  davit.OnHarm
		on      bool
	}{
		"harm": {harm, "", false}, "harm, and back": {harm, davit.HarmOrigin, true},
		"refused": {refused, "", true}, "aborted": {aborted, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.says(davit.FlagInstruction{Kind: davit.TurnOn})
			b.says(davit.FlagInstruction{Kind: davit.Serve, Variant: "off"})
			b.begin()
			b.env.Site.Flag.OnHarm = c.onHarm
			b.restart()
			b.rollout = c.rollout
			if err := b.route(0); err != nil { // nothing was ramped, so nothing did harm
				t.Fatal(err)
			}
			if s, _ := b.settings(); !s.Enabled {
				t.Error("it is off before the first step")
			}
			for _, share := range []int{500, 0, 0} {
				if err := b.route(share); err != nil {
					t.Fatal(err)
				}
				b.restart()
			}
			b.rollout = davit.Rollout{} // it is over, and says nothing any more
			if err := b.route(0); err != nil {
				t.Fatal(err)
			}
			if s, _ := b.settings(); s.Enabled != c.on || s.Default.Split != nil || s.Default.Variant != "off" {
				t.Errorf("it says %+v", s)
			}
		})
	}
}

// raced is a book in which somebody turns the flag off as soon as it was read.
type raced struct {
	*book.Book
	off func()
}

func (r *raced) Flag(application, key string) (*davit.FlagRecord, error) {
	record, err := r.Book.Flag(application, key)
	if off := r.off; off != nil {
		r.off = nil
		off()
	}
	return record, err
}

// A step does not undo a kill switch that was pulled while it looked.
func TestTheKillSwitchWinsARace(t *testing.T) {
	b := newBench(t)
	b.begin()
	if err := b.route(250); err != nil {
		t.Fatal(err)
	}
	for _, share := range []int{500, 0} {
		in := &raced{Book: b.book, off: func() { b.says(davit.FlagInstruction{Kind: davit.TurnOff}) }}
		r, err := ramp.New(in, b.outcomes, b.env, func(context.Context) *davit.Rollout { return &b.rollout })
		if err != nil {
			t.Fatal(err)
		}
		split := davit.Split{b.from.ID: davit.Whole - share, b.to.ID: share}
		if err := r.Route(t.Context(), davit.Routing{Split: split}); share > 0 && davit.ErrorCode(err) != davit.CodeConflict {
			t.Errorf("to %d: %v", share, err)
		}
		if s, why := b.settings(); s.Enabled {
			t.Errorf("to %d: it is on, because %s", share, why)
		}
	}
}

// What is asked for is checked before anything begins.
func TestRampIsChecked(t *testing.T) {
	sound := davit.FlagRamp{MinRequests: 1, MaxErrors: 0.01}
	source := davit.AnalysisSource{Prometheus: "http://prometheus:9090", Requests: "a", Errors: "b"}
	for name, change := range map[string]func(*davit.FlagRamp){
		"bake":             func(r *davit.FlagRamp) { r.Bake = -1 },
		"patience":         func(r *davit.FlagRamp) { r.Patience = -1 },
		"no URL":           func(r *davit.FlagRamp) { r.Source = source; r.Source.Prometheus = "prometheus:9090" },
		"another URL":      func(r *davit.FlagRamp) { r.Source = source; r.Source.Prometheus = "file:///etc/passwd" },
		"no errors":        func(r *davit.FlagRamp) { r.Source = source; r.Source.Errors = "" },
		"no source":        func(r *davit.FlagRamp) { r.Source.Requests = "a" },
		"two sources":      func(r *davit.FlagRamp) { r.Source = source; r.Source.JSON = source.Prometheus },
		"too often":        func(r *davit.FlagRamp) { r.Source = source; r.Source.Every = 1 },
		"backwards":        func(r *davit.FlagRamp) { r.Source = source; r.Source.Every = -1 },
		"latency":          func(r *davit.FlagRamp) { r.Latency = davit.Duration(time.Second) },
		"told nowhere":     func(r *davit.FlagRamp) { r.Notify = "nowhere" },
		"other harm":       func(r *davit.FlagRamp) { r.OnHarm = "on" },
		"a gate, not held": func(r *davit.FlagRamp) { r.Holds = []davit.Hold{{Gate: davit.Bake(time.Second)}} },
	} {
		ask := sound
		change(&ask)
		if _, err := ask.Checked(); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	sound.Source = source
	ask, err := sound.Checked()
	if err != nil || ask.Source.Every != davit.Duration(5*time.Second) {
		t.Errorf("asked every %s, %v", ask.Source.Every, err)
	}
}
