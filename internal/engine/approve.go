package engine

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/davit-dev/davit"
)

// approve takes a person's word to a stage that waits for one: it is recorded,
// or the rollout is hauled back.
func (t *transition) approve(c Command) error {
	r := t.rollout
	refuse := func(code davit.Code, why, hint string) error {
		return &davit.Error{Code: code, Message: fmt.Sprintf("cannot %s rollout %s: %s", c.Kind, r.ID, why), Hint: hint}
	}
	p, waits := awaited(r)
	switch {
	case !waits:
		return refuse(davit.CodeConflict, "it does not wait for approval", "`davit status "+r.Environment+"` shows what it does")
	case c.Stage != nil && *c.Stage != r.Stage:
		return refuse(davit.CodeConflict, "what was looked at is decided already, and it waits for another approval now",
			"look at it with `davit status "+r.Environment+"` first")
	case c.Kind == CommandReject && c.Reason == "":
		return &davit.Error{Code: davit.CodeInvalid, Message: "reject needs a reason", Hint: "add --reason"}
	}
	if why := p.Refuses(c.Actor, r.Actor); why != "" && (c.Kind == CommandApprove || c.Actor != r.Actor) {
		return refuse(davit.CodeRefused, why, "davit.yaml says who may, under approvals; for flags, davit flag protection list")
	}
	if c.Kind == CommandReject {
		t.command(c)
		return t.turnBackFor(c.Actor, c.Reason, "rejected by "+c.Actor+": "+c.Reason, c.Force)
	}
	if slices.ContainsFunc(r.Approved(), func(a davit.Approval) bool { return a.Actor == c.Actor }) {
		return refuse(davit.CodeConflict, c.Actor+" has approved it already", "another has to")
	}
	t.command(c)
	r.Approvals = append(slices.Clip(r.Approvals), davit.Approval{Stage: r.Stage, Actor: c.Actor, Reason: c.Reason, At: t.now.UTC()})
	return nil
}

// awaited returns the approval that the rollout's present stage waits for.
func awaited(r *davit.Rollout) (davit.ApprovalParams, bool) {
	if r.Phase != davit.Running {
		return davit.ApprovalParams{}, false
	}
	for _, g := range r.Plan.Stages[r.Stage].Gates {
		if p, err := approvalOf(g); err == nil && g.Kind == davit.GateApproval && len(r.Approved()) < p.Count {
			return p, true
		}
	}
	return davit.ApprovalParams{}, false
}

func approvalOf(g davit.Gate) (p davit.ApprovalParams, err error) {
	err = json.Unmarshal(g.Params, &p)
	return p, err
}

// approvable refuses a plan with an approval that not enough people may give.
func approvable(plan davit.Plan, author string) error {
	for _, s := range append(slices.Clone(plan.Stages), davit.Stage{Name: "back", Gates: plan.Back, Watch: true}) {
		for _, g := range s.Gates {
			if g.Kind != davit.GateApproval {
				continue
			}
			p, err := approvalOf(g)
			if err != nil || p.Count < 1 || p.Within <= 0 {
				return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("stage %q has an approval without a count or a time", s.Name), Err: err}
			}
			if s.Watch {
				return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("stage %q comes after the promotion, when there is nothing to approve any more", s.Name)}
			}
			if !p.Possible(author) {
				return &davit.Error{
					Code: davit.CodeInvalid, Message: fmt.Sprintf("stage %q is to be %s, and nobody but %s could", s.Name, g.Says, author),
					Hint: "name more people under approvals, or let the author approve with author: true",
				}
			}
		}
	}
	return nil
}
