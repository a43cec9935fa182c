package live

import (
	"context"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
)

// watch judges one stage.
type watch struct {
	*trial
	params  davit.AnalysisParams
	subject Subject
	now     func() time.Time
	guard   *guard
	source  Source
	// synthetic is nil when no requests are to be sent.
	synthetic *synthetic
	report    func(davit.Outcome, string, any)

	said  davit.Outcome // last
	again time.Time     // when to say the same again, with newer figures
}

// sayEvery is how often a verdict that stays is said with newer figures.
const sayEvery = time.Second

// Evidence is what the verdict of an analysis gate rests on.
type Evidence struct {
	analysis.Evidence
	Source string `json:"source"`
	// Synthetic counts the requests that were sent to each release because users
	// sent none.
	Synthetic int64 `json:"synthetic,omitempty"`
}

// run judges until ctx ends.
func (w *watch) run(ctx context.Context) {
	w.begin()
	if w.synthetic != nil {
		stop := w.synthetic.start(ctx)
		defer stop()
	}
	changes := w.subject.Metrics.Watch(ctx)
	tick := time.NewTicker(min(w.source.Every(), sayEvery))
	defer tick.Stop()
	var due time.Time
	for {
		now := w.now()
		if alarm := w.guard.check(ctx, now); alarm != "" {
			w.say(ctx, davit.Fail, alarm)
		} else if !now.Before(due) {
			outcome, reason := w.look(ctx)
			w.say(ctx, outcome, reason)
			due = now.Add(lookEvery(w.source))
		}
		select {
		case _, open := <-changes:
			if !open {
				changes = nil
			}
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// lookEvery returns the least time between looks at a source: one that lives next
// door is looked at whenever it says so.
func lookEvery(s Source) time.Duration {
	if s.Every() <= sayEvery {
		return 0
	}
	return s.Every()
}

// begin begins the stage, unless it was begun: the gates on traffic are judged
// while it is still converged to, and again when it is reached. What was counted
// until then lets nothing pass.
func (w *watch) begin() {
	if w.stage == w.subject.Stage.Name {
		w.comparison.Hold(w.now(), w.subject.Stage.Takes())
	} else {
		w.comparison.Stage(w.now(), w.subject.Stage.Takes())
	}
	w.stage = w.subject.Stage.Name
}

// say reports what was found, unless it was said a moment ago.
func (w *watch) say(ctx context.Context, outcome davit.Outcome, reason string) {
	if ctx.Err() != nil {
		return
	}
	if w.params.DryRun && outcome != davit.Pass {
		outcome, reason = davit.Pass, "dry run, would be "+string(outcome)+": "+reason
	}
	if now := w.now(); outcome != w.said || !now.Before(w.again) {
		w.said, w.again = outcome, now.Add(sayEvery)
		w.report(outcome, reason, w.evidence())
	}
}

// look looks once at the source, and returns what that says.
func (w *watch) look(ctx context.Context) (davit.Outcome, string) {
	lacked := w.source.Lacks()
	look, err := w.source.Read(ctx)
	lacks := w.source.Lacks()
	if lacks == "" && lacked != "" {
		// What was counted without it lets nothing pass.
		w.comparison.Hold(w.now(), w.subject.Stage.Takes())
	}
	alarm := ""
	if err == nil {
		look.At = w.now() // one clock for all
		alarm = w.guard.counted(look.At, look.Candidate)
		err = w.comparison.Observe(look)
	}
	if alarm != "" {
		return davit.Fail, "guard: " + alarm
	}
	if err != nil {
		if w.comparison.Harmful() >= 0 { // what is known stays known
			return w.verdict()
		}
		return davit.Inconclusive, "reading " + w.source.String() + ": " + err.Error()
	}
	outcome, reason := w.verdict()
	if outcome == davit.Pass && lacks != "" {
		return davit.Inconclusive, "not known yet: " + lacks
	}
	return outcome, reason
}

func (w *watch) verdict() (davit.Outcome, string) {
	v := w.comparison.Verdict()
	if w.synthetic != nil && w.synthetic.sent() > 0 {
		v.Reason += " (some or all of the requests are synthetic: users sent none)"
	}
	return v.Outcome, v.Reason
}

func (w *watch) evidence() Evidence {
	e := Evidence{Evidence: w.comparison.Evidence(), Source: w.source.String()}
	if w.synthetic != nil {
		e.Synthetic = w.synthetic.sent()
	}
	return e
}
