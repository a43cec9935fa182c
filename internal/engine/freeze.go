package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
)

// frozen returns the freeze that keeps a rollout from beginning; nil when none
// does. Going back and taking down are never frozen.
func frozen(r *davit.Rollout, now time.Time) *davit.Frozen {
	if r.Kind != davit.KindDeploy || r.OverrideFreeze {
		return nil
	}
	f, err := davit.FrozenAt(r.Policy.Freezes, now)
	if err != nil { // it was checked when it was asked for, by another version perhaps
		return &davit.Frozen{Name: err.Error(), Until: now.Add(time.Hour)}
	}
	return f
}

// checkFreeze refuses a deployment that comes within a freeze, unless it
// overrides that, or is to wait. What it says of freezes must make sense at any
// time.
func (r DeployRequest) checkFreeze(now time.Time) error {
	if r.OverrideFreeze && r.Reason == "" {
		return &davit.Error{Code: davit.CodeInvalid, Message: "overriding a freeze needs a reason", Hint: "add --reason"}
	}
	f, err := davit.FrozenAt(r.Policy.Freezes, now)
	if err != nil || f == nil || r.OverrideFreeze || r.Queue {
		return err
	}
	return &davit.Error{
		Code: davit.CodeRefused, Message: fmt.Sprintf("%s/%s is frozen %s", r.Application, r.Environment, frozenText(f)),
		Hint: "wait until then, with --queue if you like; in an emergency add --override-freeze --reason …",
	}
}

func frozenText(f *davit.Frozen) string {
	return fmt.Sprintf("(%s) until %s", f.Name, f.Until.Format("Mon 2006-01-02 15:04 MST"))
}

// noteFreeze says so when the proposal would be refused now.
func (p *Proposal) noteFreeze(now time.Time) error {
	f, err := davit.FrozenAt(p.Rollout.Policy.Freezes, now)
	if err == nil && f != nil {
		p.Notes = append(p.Notes, fmt.Sprintf("%s is frozen %s: until then a deployment is refused", p.Rollout.Environment, frozenText(f)))
	}
	return err
}

// overrideFreeze records that a rollout begins in spite of a freeze.
func (t *transition) overrideFreeze() {
	r := t.rollout
	if !r.OverrideFreeze {
		return
	}
	if f, err := davit.FrozenAt(r.Policy.Freezes, t.now); err == nil && f != nil {
		t.audit(r.Actor, "rollout.override_freeze", r.Reason, nil, f)
		t.event(davit.EventCommand, fmt.Sprintf("the freeze %s is overridden by %s: %s", frozenText(f), r.Actor, r.Reason), f)
	}
}

// thawed returns the index of the first queued rollout that is not frozen, -1
// when there is none, and when the first of the others is not any more. A freeze
// is said once in the journal of the rollout that waits.
func (d *driver) thawed(ctx context.Context) (index int, thaw time.Time, err error) {
	now := d.Now()
	for i, r := range d.queue {
		f := frozen(r, now)
		if f == nil {
			return i, time.Time{}, nil
		}
		thaw = earlier(thaw, f.Until)
		if i > 0 || d.iced == r.ID {
			continue
		}
		t := d.transition(now)
		t.rollout = ptr(*r)
		t.event(davit.EventPhase, fmt.Sprintf("waits: %s is frozen %s", r.Environment, frozenText(f)), davit.Queued)
		if err := d.commitAside(ctx, t); err != nil {
			return -1, thaw, err
		}
		d.iced = r.ID
	}
	return -1, thaw, nil
}
