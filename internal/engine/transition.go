package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/davit-dev/davit"
)

// transition is a change in the making: copies of the rollout and environment
// as they will be, with the events and audit entries that say how they came to
// be so. It becomes true by being committed.
type transition struct {
	place    place
	now      time.Time
	rollout  *davit.Rollout // nil when the environment has none
	env      *davit.Environment
	change   davit.Change
	dirty    bool // the rollout or something beside the events changed
	envDirty bool
}

// transition starts one from what is.
func (d *driver) transition(now time.Time) *transition {
	t := &transition{place: d.place, now: now, env: ptr(*d.env)}
	if d.rollout != nil {
		t.rollout = ptr(*d.rollout)
		t.rollout.Verdicts = slices.Clone(d.rollout.Verdicts)
	}
	return t
}

func ptr[T any](v T) *T { return &v }

func (t *transition) event(kind davit.EventKind, message string, data any) {
	e := davit.Event{
		At: t.now.UTC(), Application: t.place.application, Environment: t.place.environment,
		Kind: kind, Message: message, Data: encode(data),
	}
	if t.rollout != nil {
		e.Rollout, e.Stage = t.rollout.ID, t.rollout.Stage
	}
	t.change.Events = append(t.change.Events, e)
	t.dirty = true
}

func (t *transition) audit(actor, action, reason string, before, after any) {
	e := davit.AuditEntry{
		At: t.now.UTC(), Actor: actor, Action: action, Application: t.place.application, Environment: t.place.environment,
		Reason: reason, Before: encode(before), After: encode(after),
	}
	if t.rollout != nil {
		e.Rollout, e.Release = t.rollout.ID, t.rollout.Plan.Target
	}
	t.change.Audit = append(t.change.Audit, e)
	t.dirty = true
}

// state makes a state what should be, before anything is done towards it.
func (t *transition) state(actor, action, reason string, to davit.State) {
	t.audit(actor, action, reason, t.env.State, to)
	t.env.State = to
	t.envDirty = true
}

func (t *transition) phase(p davit.Phase, message string) {
	t.rollout.Phase = p
	if p.Ended() {
		t.rollout.EndedAt = t.now.UTC()
		t.rollout.Step = ""
		t.env.Rollout = ""
		t.envDirty = true
	}
	t.event(davit.EventPhase, message, p)
}

// start makes a rollout the environment's, with its first stage as the state.
func (t *transition) start(r *davit.Rollout) {
	t.rollout = r
	r.StartedAt = t.now.UTC()
	r.Earlier = t.env.Previous
	t.env.Rollout = r.ID
	t.overrideFreeze()
	t.phase(davit.Running, titleOf(r)+" began")
	t.stage(0)
}

// stage enters the stage of that index.
func (t *transition) stage(index int) {
	r := t.rollout
	r.Stage, r.Step = index, davit.StepGrow
	r.StageAt, r.HeldAt, r.Verdicts = t.now.UTC(), time.Time{}, nil
	stage := r.Plan.Stages[index]
	t.state("davit", "rollout.stage", stage.Name, stage.State)
	t.contract(stage)
	t.event(davit.EventStage, fmt.Sprintf("stage %d of %d: %s", index+1, len(r.Plan.Stages), stage.Name), stage.State)
}

// held notes that the present stage's state, or the origin, was reached.
func (t *transition) held(at time.Time) {
	t.rollout.HeldAt = at.UTC()
	t.event(davit.EventHeld, "reached after "+at.Sub(t.rollout.StageAt).Round(time.Millisecond).String(), nil)
}

// verdict takes in a verdict. An event says so when the outcome is new: reasons
// change with every request, outcomes seldom.
func (t *transition) verdict(v davit.Verdict) {
	for _, old := range t.rollout.Verdicts {
		if old.Gate == v.Gate && old.Outcome == v.Outcome {
			t.rollout.Verdicts = withVerdict(t.rollout.Verdicts, v)
			return
		}
	}
	t.rollout.Verdicts = withVerdict(t.rollout.Verdicts, v)
	t.event(davit.EventVerdict, fmt.Sprintf("%s: %s, %s", v.Gate, v.Outcome, v.Reason), v)
}

// advance leaves the present stage, whose gates have passed.
func (t *transition) advance() {
	r := t.rollout
	passed := r.Stage
	if stageOf(r).OffClock() {
		r.Waited += davit.Duration(t.now.Sub(r.StageAt))
	}
	t.audit("davit", "rollout.stage_passed", r.Plan.Stages[passed].Name, nil, r.Verdicts)
	last := passed == len(r.Plan.Stages)-1
	if passed == r.Plan.PromotedAt() {
		t.promote()
		if !last {
			t.phase(davit.Watching, nameOf(r)+" is promoted")
		}
	}
	if last {
		t.phase(davit.Promoted, endOf(r))
		return
	}
	t.stage(passed + 1)
}

// promote makes the target the one that serves.
func (t *transition) promote() {
	r := t.rollout
	r.PromotedAt = t.now.UTC()
	t.audit("davit", "rollout.promote", "", r.Plan.Stable, r.Plan.Target)
	if r.Plan.Target != r.Plan.Stable {
		t.env.Previous, t.env.Stable = r.Plan.Stable, r.Plan.Target
		t.envDirty = true
	}
}

// haulBack turns the rollout round: its state is the origin now.
func (t *transition) haulBack(actor, cause string) {
	r := t.rollout
	if !r.PromotedAt.IsZero() {
		t.env.Stable, t.env.Previous = r.Plan.Stable, r.Earlier
	}
	r.Cause, r.Paused = cause, false
	r.HauledAt, r.StageAt, r.HeldAt = t.now.UTC(), t.now.UTC(), time.Time{}
	r.Step = davit.StepGrow
	t.state(actor, "rollout.haul_back", cause, r.Plan.Origin)
	t.phase(davit.HaulingBack, "hauling back: "+cause)
}

// settle ends a rollout that is back at its origin.
func (t *transition) settle() {
	r := t.rollout
	to := "nothing, as before"
	if r.Plan.Stable != "" {
		to = r.Plan.Stable.Short()
	}
	if len(r.Plan.Home.Run) > 0 {
		t.env.State, t.envDirty = r.Plan.Home, true
	}
	t.audit("davit", "rollout.rolled_back", r.Cause, nil, t.env.State)
	t.phase(davit.RolledBack, "rolled back to "+to)
}

// giveUp ends a rollout where it stands.
func (t *transition) giveUp(actor, cause string) {
	t.rollout.Cause = cause
	t.audit(actor, "rollout.fail", cause, nil, nil)
	t.phase(davit.FailedPhase, "failed: "+cause)
}

// supersede ends the watch of a promoted rollout, because another begins.
func (t *transition) supersede(by string) {
	t.audit("davit", "rollout.watch_ended", "rollout "+by+" begins", nil, nil)
	t.phase(davit.Promoted, "watch ended early: rollout "+by+" begins")
	t.keep()
}

// keep adds the transition's rollout to the change as it is now; the
// transition goes on without it.
func (t *transition) keep() {
	t.rollout.Revision++
	t.change.Rollouts = append(t.change.Rollouts, t.rollout)
	t.rollout = nil
}

// resume goes on with a rollout that another server left. Nobody judged it
// meanwhile, so its stage starts anew.
func (t *transition) resume(handedOver bool) {
	r := t.rollout
	r.HeldAt, r.Verdicts = time.Time{}, nil
	if handedOver {
		t.event(davit.EventPhase, "handed over to another server, which goes on", r.Phase)
		return
	}
	t.event(davit.EventPhase, "taken up again by a restarted server", r.Phase)
	if r.Phase == davit.Running && r.Policy.OnInterrupt == davit.InterruptRollback {
		t.turnBack("the server was interrupted, and the policy is to roll back then")
	}
}

// lapsed notes that the data plane gave up a split by itself, because nobody
// renewed its lease. Nobody judged the rollout meanwhile, so its stage starts
// anew, unless the policy is to roll back what was interrupted.
func (t *transition) lapsed(before davit.Split) {
	message := lapseError(before).Error()
	t.audit("proxy", "rollout.lapsed", message, before, davit.All(t.env.Stable))
	t.event(davit.EventLapsed, message, before)
	if t.rollout == nil {
		return
	}
	t.rollout.HeldAt, t.rollout.Verdicts = time.Time{}, nil
	if t.rollout.Phase == davit.Running && t.rollout.Policy.OnInterrupt == davit.InterruptRollback {
		t.turnBack(message + ", and the policy is to roll back then")
	}
}

// stageOf returns the stage that a rollout is in.
func stageOf(r *davit.Rollout) davit.Stage { return r.Plan.Stages[r.Stage] }

// nameOf names what a rollout is to bring.
func nameOf(r *davit.Rollout) string {
	if r.Plan.Target == "" {
		return "nothing"
	}
	return r.Plan.Target.Short()
}

// titleOf says what a rollout does.
func titleOf(r *davit.Rollout) string {
	if r.Kind == davit.KindDown {
		return "taking " + r.Application + "/" + r.Environment + " down"
	}
	return string(r.Kind) + " to " + nameOf(r)
}

// endOf says what a rollout that went all its way has come to.
func endOf(r *davit.Rollout) string {
	if r.Kind == davit.KindDown {
		return r.Application + "/" + r.Environment + " is down"
	}
	return nameOf(r) + " is promoted, and nothing else runs"
}

func remainedMessage(id davit.ReleaseID, n int64) string {
	return fmt.Sprintf("%d requests to %s were still in flight at the drain limit", n, id.Short())
}

// encode returns v as JSON; nil for nil. Only types of this package and the
// root package come here, which JSON can hold.
func encode(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}
