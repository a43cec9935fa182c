package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/davit-dev/davit"
)

// move is what a driver does next with a rollout.
type move int

const (
	stay     move = iota
	advance       // to the next stage; promotion when this was the one to pass
	haulBack      // converge to the origin
	settle        // hauled back: the rollout ends
)

// decision is a move and, for hauling back, the cause. wake is when to decide
// again though nothing happens; zero for never.
type decision struct {
	move  move
	cause string
	wake  time.Time
}

// decide is the engine's judgement: a pure function of the rollout, of whether
// its state has been reached, and of the time. The rollout's verdicts are those
// of its present stage.
func decide(r *davit.Rollout, reached bool, now time.Time) decision {
	switch r.Phase {
	case davit.HaulingBack:
		if reached {
			return decision{move: settle}
		}
		return decision{}
	case davit.Running, davit.Watching:
		return decideStage(r, reached, now)
	default:
		return decision{}
	}
}

func decideStage(r *davit.Rollout, reached bool, now time.Time) decision {
	stage := r.Plan.Stages[r.Stage]
	for _, v := range r.Verdicts {
		if v.Outcome == davit.Fail {
			return decision{move: haulBack, cause: fmt.Sprintf("gate %s failed: %s", v.Gate, v.Reason)}
		}
	}
	var deadline time.Time
	if r.Phase == davit.Running && r.Plan.Deadline > 0 {
		deadline = r.StartedAt.Add(r.Plan.Deadline.D())
		if !now.Before(deadline) {
			return decision{move: haulBack, cause: fmt.Sprintf("the deadline of %s passed in stage %q, %s", r.Plan.Deadline, stage.Name, whatIsMissing(r, stage, reached))}
		}
	}
	if !reached || r.Paused {
		return decision{wake: deadline}
	}
	timed, others := pending(r, stage)
	switch {
	case len(timed) > 0:
		return decision{wake: deadline}
	case len(others) == 0 || stage.Watch:
		return decision{move: advance}
	}
	// What is left has no time of its own: it is bounded by patience.
	limit := r.HeldAt.Add(stage.Takes() + r.Plan.Patience.D())
	if !now.Before(limit) {
		return decision{move: haulBack, cause: "inconclusive for too long: " + whatIsMissing(r, stage, reached)}
	}
	return decision{wake: earlier(deadline, limit)}
}

// pending returns the gates of the stage that have not passed: those that take
// a time of their own, unless an operator skipped them or evidence ended it, and
// the others.
func pending(r *davit.Rollout, stage davit.Stage) (timed, others []davit.Gate) {
	passed := map[string]bool{}
	for _, v := range r.Verdicts {
		passed[v.Gate] = v.Outcome == davit.Pass
	}
	skip, ended := r.Skip == r.Stage+1, bakeEnded(stage, passed)
	for _, g := range stage.Gates {
		switch {
		case passed[g.Name]:
		case g.Takes == 0:
			others = append(others, g)
		case !skip && !(ended && g.Kind == davit.GateBake):
			timed = append(timed, g)
		}
	}
	return timed, others
}

// bakeEnded reports whether all gates that may end the stage's bake time have
// passed, and there is one.
func bakeEnded(stage davit.Stage, passed map[string]bool) bool {
	some := false
	for _, g := range stage.Gates {
		if g.EndsBake && !passed[g.Name] {
			return false
		}
		some = some || g.EndsBake
	}
	return some && !stage.Watch
}

// whatIsMissing says what a stage waits for.
func whatIsMissing(r *davit.Rollout, stage davit.Stage, reached bool) string {
	if !reached {
		return fmt.Sprintf("at step %s", r.Step)
	}
	reasons := map[string]string{}
	for _, v := range r.Verdicts {
		reasons[v.Gate] = v.Reason
	}
	timed, others := pending(r, stage)
	var missing []string
	for _, g := range append(others, timed...) {
		reason := reasons[g.Name]
		if reason == "" {
			reason = "no answer yet"
		}
		missing = append(missing, g.Name+" ("+reason+")")
	}
	if len(missing) == 0 {
		return "paused"
	}
	return "waiting for " + strings.Join(missing, ", ")
}

// earlier returns the earlier of two times, of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
