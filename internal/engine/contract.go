package engine

import (
	"context"
	"fmt"

	"github.com/davit-dev/davit"
)

// turnBack hauls the rollout back for Davit's own reasons; or, when a contract
// step has begun, holds it where it is: the release before could not live with
// the data, and only a person can weigh that against what is wrong.
func (t *transition) turnBack(cause string) {
	gate, contracted := t.rollout.Contracted()
	if !contracted {
		t.haulBack("davit", cause)
		return
	}
	r := t.rollout
	r.Cause, r.Paused = cause, false
	t.audit("davit", "rollout.block", cause, nil, nil)
	t.phase(davit.Blocked, fmt.Sprintf("BLOCKED: %s; it is not hauled back, because %s has contracted data that the release before needs", cause, gate))
}

// turnBackFor hauls the rollout back for an operator, who has to force it past
// a contract step.
func (t *transition) turnBackFor(actor, reason, cause string, force bool) error {
	if gate, contracted := t.rollout.Contracted(); contracted {
		if !force {
			return pastContract(t.rollout.ID+" back", gate)
		}
		t.audit(actor, "rollout.force", reason, nil, gate)
		cause += " (forced past " + gate + ")"
	}
	t.haulBack(actor, cause)
	return nil
}

func pastContract(what, gate string) error {
	return &davit.Error{
		Code: davit.CodeRefused, Message: fmt.Sprintf("will not take %s past %s, which has contracted data that the release before needs", what, gate),
		Hint: "roll out a release that can live with the data; or, if you know that the old one can, go back with abort --force or rollback --force",
	}
}

// barred says so when a release that is deployed was made before data was
// contracted. It is what was asked for, so it is a note and no refusal.
func (d *driver) barred(ctx context.Context, id davit.ReleaseID) []string {
	r, err := d.Store.Release(ctx, id)
	if c := d.env.Contracted; err == nil && c.Bars(r) {
		return []string{fmt.Sprintf("%s is from before %s of rollout %s contracted data, and may not be able to live with it", id, c.Gate, c.Rollout)}
	}
	return nil
}

// unblock lets a blocked rollout go on in its stage, which begins anew: its
// gates are judged again, a hook of it runs again, and the deadline counts from
// now.
func (t *transition) unblock() {
	r := t.rollout
	r.Cause = ""
	r.Waited = davit.Duration(t.now.Sub(r.StartedAt))
	phase := davit.Running
	if !r.PromotedAt.IsZero() {
		phase = davit.Watching
	}
	t.phase(phase, titleOf(r)+" goes on")
	t.stage(r.Stage)
}

// promoteBlocked gives everything to a candidate that did not pass, because there
// is no way back. What people have yet to approve cannot be forced.
func (t *transition) promoteBlocked(c Command) error {
	r := t.rollout
	refuse := func(code davit.Code, why, hint string) error {
		return &davit.Error{Code: code, Message: "cannot promote blocked rollout " + r.ID + ": " + why, Hint: hint}
	}
	last := r.Plan.PromotedAt()
	switch {
	case !r.PromotedAt.IsZero():
		return refuse(davit.CodeConflict, "it is promoted already", "")
	case !c.Force || c.Reason == "":
		return refuse(davit.CodeRefused, r.Cause, "add --force and --reason to promote it all the same")
	}
	for _, s := range r.Plan.Stages[r.Stage : last+1] {
		if s.OffClock() {
			return refuse(davit.CodeRefused, s.Name+" is still to come", "davit resume lets it go on to where it is asked for")
		}
	}
	t.command(c)
	t.audit(c.Actor, "rollout.force", c.Reason, nil, r.Cause)
	r.Cause, r.Stage = "", last
	t.promote()
	if last+1 == len(r.Plan.Stages) {
		t.state(c.Actor, "rollout.stage", "promoted", r.Plan.Stages[last].State)
		t.phase(davit.Promoted, endOf(r))
		return nil
	}
	t.phase(davit.Watching, nameOf(r)+" is promoted, forced by "+c.Actor)
	t.stage(last + 1)
	return nil
}

// contract notes, when a stage is entered, that its gate contracts data.
func (t *transition) contract(stage davit.Stage) {
	for _, g := range stage.Gates {
		if g.Contract {
			t.env.Contracted = &davit.Contraction{Gate: g.Name, Rollout: t.rollout.ID, Release: t.rollout.Plan.Target, At: t.now.UTC()}
			t.envDirty = true
			t.audit("davit", "rollout.contract", g.Says, nil, t.env.Contracted)
		}
	}
}

// yields reports whether another rollout may begin in the place of this one.
func yields(r *davit.Rollout) bool {
	return r == nil || r.Phase == davit.Watching || r.Phase == davit.Blocked && !r.PromotedAt.IsZero()
}
