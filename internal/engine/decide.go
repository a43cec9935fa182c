package engine

import (
	"fmt"
	"slices"
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

// progress is how far a state is that is converged to.
type progress struct {
	reached bool
	lacks   string // what it waits for, in the platform's words; "" when that is not known
}

// decision is a move and, for hauling back, the cause. wake is when to decide
// again though nothing happens; zero for never.
type decision struct {
	move  move
	cause string
	wake  time.Time
}

// decide is the engine's judgement: a pure function of the rollout, of how far
// its state is, and of the time. The rollout's verdicts are those of its present
// stage.
func decide(r *davit.Rollout, p progress, now time.Time) decision {
	switch r.Phase {
	case davit.HaulingBack:
		return decideBack(r, p.reached, now)
	case davit.Running, davit.Watching:
		return decideStage(r, p, now)
	default:
		return decision{}
	}
}

// decideBack ends a rollout that is back at its origin when the gates after it,
// which only report, have answered; or do not answer in their time.
func decideBack(r *davit.Rollout, reached bool, now time.Time) decision {
	if !reached {
		return decision{}
	}
	var limit time.Time
	for _, g := range r.Plan.Back {
		if !slices.ContainsFunc(r.Verdicts, func(v davit.Verdict) bool {
			return v.Gate == g.Name && v.Outcome != davit.Inconclusive && !v.At.Before(r.HauledAt)
		}) {
			limit = r.HeldAt.Add(davit.Stage{Gates: r.Plan.Back}.Limit() + judgeGrace)
		}
	}
	if limit.IsZero() || !now.Before(limit) {
		return decision{move: settle}
	}
	return decision{wake: limit}
}

func decideStage(r *davit.Rollout, toward progress, now time.Time) decision {
	stage := stageOf(r)
	for _, v := range r.Verdicts {
		if v.Outcome == davit.Fail && !advisory(stage, v.Gate) {
			return decision{move: haulBack, cause: fmt.Sprintf("gate %s failed: %s", v.Gate, v.Reason)}
		}
	}
	var deadline time.Time
	if r.Phase == davit.Running {
		deadline = r.Deadline()
		if !deadline.IsZero() && !now.Before(deadline) {
			return decision{move: haulBack, cause: fmt.Sprintf("the deadline of %s passed in stage %q, %s", r.Plan.Deadline, stage.Name, whatIsMissing(r, stage, toward))}
		}
	}
	if !toward.reached || r.Paused {
		return decision{wake: deadline}
	}
	p := pending(r, stage)
	// What is left has no time of its own: it is bounded by patience. A gate
	// with a limit is answered by its judge, which is not trusted for ever.
	limit := r.HeldAt.Add(stage.Takes() + r.Plan.Patience.D())
	if len(p.limited) > 0 {
		limit = r.HeldAt.Add(max(stage.Takes(), stage.Limit()) + r.Plan.Patience.D() + judgeGrace)
	}
	switch {
	case len(p.timed) > 0:
		return decision{wake: deadline}
	case len(p.limited)+len(p.others) == 0 || stage.Watch && (len(p.limited) == 0 || !now.Before(limit)):
		return decision{move: advance}
	case !now.Before(limit):
		return decision{move: haulBack, cause: "inconclusive for too long: " + whatIsMissing(r, stage, toward)}
	}
	return decision{wake: earlier(deadline, limit)}
}

// judgeGrace is how much longer than its limit a judge may take to say so.
const judgeGrace = time.Minute

// unpassed are the gates of a stage that hold it up: those that take a time of
// their own, unless an operator skipped them or evidence ended it; those that
// have a limit of their own; and the others.
type unpassed struct{ timed, limited, others []davit.Gate }

func pending(r *davit.Rollout, stage davit.Stage) (p unpassed) {
	outcomes := map[string]davit.Outcome{}
	for _, v := range r.Verdicts {
		outcomes[v.Gate] = v.Outcome
	}
	skip, ended := r.Skip == r.Stage+1, bakeEnded(stage, outcomes)
	for _, g := range stage.Gates {
		outcome := outcomes[g.Name]
		switch {
		case g.Guard || outcome == davit.Pass || outcome == davit.Fail && g.Advisory:
		case g.Limit > 0:
			p.limited = append(p.limited, g)
		case g.Takes == 0:
			p.others = append(p.others, g)
		case !skip && !(ended && g.Kind == davit.GateBake):
			p.timed = append(p.timed, g)
		}
	}
	return p
}

// advisory reports whether the stage's gate of that name only advises.
func advisory(stage davit.Stage, name string) bool {
	return slices.ContainsFunc(stage.Gates, func(g davit.Gate) bool { return g.Name == name && g.Advisory })
}

// bakeEnded reports whether all gates that may end the stage's bake time have
// passed, and there is one.
func bakeEnded(stage davit.Stage, outcomes map[string]davit.Outcome) bool {
	some := false
	for _, g := range stage.Gates {
		if g.EndsBake && outcomes[g.Name] != davit.Pass {
			return false
		}
		some = some || g.EndsBake
	}
	return some && !stage.Watch
}

// whatIsMissing says what a stage waits for.
func whatIsMissing(r *davit.Rollout, stage davit.Stage, toward progress) string {
	switch {
	case !toward.reached && toward.lacks != "":
		return fmt.Sprintf("at step %s: %s", r.Step, toward.lacks)
	case !toward.reached:
		return fmt.Sprintf("at step %s", r.Step)
	}
	reasons := map[string]string{}
	for _, v := range r.Verdicts {
		reasons[v.Gate] = v.Reason
	}
	p := pending(r, stage)
	var missing []string
	for _, g := range slices.Concat(p.others, p.limited, p.timed) {
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
