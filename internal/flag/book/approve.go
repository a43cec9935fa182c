package book

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/davit-dev/davit"
)

// Approve takes a person's yes to a proposal. With the last one that it takes, the
// change is made, or waits for its time. A proposal that cannot be made any more, for
// somebody has changed what it changes, ends, and the error says why.
func (b *Book) Approve(ctx context.Context, application, id, actor, comment string) (*davit.FlagProposal, error) {
	b.change.Lock()
	defer b.change.Unlock()
	p, err := b.waiting(ctx, application, id, "approve")
	if err != nil {
		return nil, err
	}
	refuse := func(code davit.Code, why, hint string) error {
		return &davit.Error{Code: code, Message: "cannot approve proposal " + id + ": " + why, Hint: hint}
	}
	switch now := b.now().UTC(); {
	case p.State == davit.FlagScheduled:
		return nil, refuse(davit.CodeConflict, "it waits for its time, and for nobody", "")
	case !now.Before(p.ExpiresAt):
		return nil, errors.Join(b.end(ctx, p, davit.FlagExpired, keeper, unapproved), refuse(davit.CodeConflict, unapproved, "ask for the change again"))
	case slices.ContainsFunc(p.Approvals, func(a davit.FlagApproval) bool { return a.Actor == actor }):
		return nil, refuse(davit.CodeConflict, actor+" has approved it already", "another has to")
	default:
		p.Approvals = append(p.Approvals, davit.FlagApproval{Actor: actor, Comment: comment, At: now})
	}
	switch why, err := b.refuses(ctx, p, actor); {
	case err != nil:
		return nil, err
	case why != "":
		return nil, refuse(davit.CodeRefused, why, "davit flag protection list tells who may")
	}
	return p, b.approved(ctx, p, actor, comment)
}

// unapproved is why proposals expire.
const unapproved = "it was not approved in time"

// waiting returns a proposal that has not ended, to be changed.
func (b *Book) waiting(ctx context.Context, application, id, what string) (*davit.FlagProposal, error) {
	p, err := b.store.FlagProposal(ctx, application, id)
	if err != nil {
		return nil, err
	}
	if p.Ended() {
		why := string(p.State)
		if p.EndedBy != "" {
			why += " by " + p.EndedBy
		}
		if p.Why != "" {
			why += ": " + p.Why
		}
		return nil, &davit.Error{Code: davit.CodeConflict, Message: "cannot " + what + " proposal " + id + ": it is " + why}
	}
	p.Revision++
	return p, nil
}

// refuses says why an actor may not approve a proposal: none of the protections that
// it is for lets them; "" when one does.
func (b *Book) refuses(ctx context.Context, p *davit.FlagProposal, actor string) (why string, err error) {
	protections, err := b.Protections(ctx, p.Application)
	if err != nil {
		return "", err
	}
	why = davit.ApprovalParams{Not: p.Not}.Refuses(actor, p.Actor) // also where nothing is protected any more
	first := true
	for _, protection := range protections {
		if !slices.Contains(p.Environments, protection.Environment) {
			continue
		}
		params := protection.Approval
		params.Not = p.Not
		if refused := params.Refuses(actor, p.Actor); first || refused == "" {
			why = refused
		}
		first = false
	}
	return why, nil
}

// approved stores an approval of a proposal and, if it is enough, makes the change.
func (b *Book) approved(ctx context.Context, p *davit.FlagProposal, actor, comment string) error {
	now := b.now().UTC()
	approval := func(p *davit.FlagProposal) (davit.FlagCommit, error) {
		return proposed(p, actionApprove, actor, comment, now)
	}
	waits, err := approval(p)
	if err != nil {
		return err
	}
	if p.Protection != nil || !p.Due.IsZero() {
		missing, err := b.missingOf(ctx, p)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return b.note(ctx, waits)
		}
		return b.settle(ctx, p, actor, now, approval)
	}
	c, err := changesOf(p, b.state.Load().application(p.Application).said)
	if err != nil {
		return b.failed(ctx, p, err)
	}
	done := *p
	done.State, done.EndedAt, done.EndedBy = davit.FlagApplied, now, actor
	end, err := approval(&done)
	if err != nil {
		return err
	}
	short := false
	c.end, c.unapproved = []davit.FlagCommit{end}, func(ctx context.Context, _ *changes) error {
		short = true
		return b.note(ctx, waits)
	}
	if err := b.apply(ctx, c); err != nil {
		return b.failed(ctx, p, err)
	}
	if !short {
		*p = done
	}
	return nil
}

// missingOf says which approvals a proposal lacks for the protections of its
// environments as they are now.
func (b *Book) missingOf(ctx context.Context, p *davit.FlagProposal) (missing []string, err error) {
	protections, err := b.Protections(ctx, p.Application)
	if err != nil {
		return nil, err
	}
	for _, protection := range protections {
		if lacks := p.Lacks(protection); lacks != "" && slices.Contains(p.Environments, protection.Environment) {
			missing = append(missing, lacks)
		}
	}
	return missing, nil
}

// settle does what a proposal with enough approvals comes to when it is not applied
// to flags at once: it waits for its time, or changes a protection. approval returns
// what to store of the last one.
func (b *Book) settle(ctx context.Context, p *davit.FlagProposal, actor string, now time.Time,
	approval func(*davit.FlagProposal) (davit.FlagCommit, error),
) error {
	if p.Protection == nil {
		p.State, p.ExpiresAt = davit.FlagScheduled, time.Time{}
		scheduled, err := approval(p)
		if err != nil {
			return err
		}
		return b.note(ctx, scheduled)
	}
	last, err := b.lastProtection(ctx, p.Application, p.Protection.Environment)
	if err != nil {
		return err
	}
	if last == nil || last.Revision+1 != p.Protection.Revision {
		return b.failed(ctx, p, outdated("the protection of "+p.Protection.Environment, p.Protection.Revision-1))
	}
	p.State, p.EndedAt, p.EndedBy = davit.FlagApplied, now, actor
	end, err := approval(p)
	if err != nil {
		return err
	}
	is := *p.Protection
	is.At = now
	change, err := protected(&is, p)
	if err != nil {
		return err
	}
	return b.note(ctx, end, change)
}

// failed ends a proposal that cannot be made any more, and returns why. What may be
// otherwise soon, such as a full disk, ends none.
func (b *Book) failed(ctx context.Context, p *davit.FlagProposal, err error) error {
	switch davit.ErrorCode(err) {
	case davit.CodeInvalid, davit.CodeNotFound, davit.CodeConflict, davit.CodeRefused:
	default:
		return err
	}
	if errors.Is(err, davit.ErrStale) {
		return err
	}
	return errors.Join(b.end(ctx, p, davit.FlagFailed, keeper, err.Error()), &davit.Error{
		Code: davit.CodeConflict, Message: fmt.Sprintf("proposal %s cannot be made any more: %v", p.ID, err), Hint: "ask for the change again, as things are now",
	})
}

// end ends a proposal of which nothing comes.
func (b *Book) end(ctx context.Context, p *davit.FlagProposal, state davit.FlagProposalState, by, why string) error {
	action := map[davit.FlagProposalState]string{
		davit.FlagRejected: actionReject, davit.FlagCancelled: actionCancel, davit.FlagExpired: actionExpire,
		davit.FlagFailed: actionFail, davit.FlagMissed: actionMiss,
	}[state]
	p.State, p.EndedAt, p.EndedBy, p.Why = state, b.now().UTC(), by, clipped(why)
	commit, err := proposed(p, action, by, p.Why, p.EndedAt)
	if err != nil {
		return err
	}
	return b.note(ctx, commit)
}

// Reject ends a proposal: one that waits for approval by its author or by who may
// approve it, one that is scheduled by anybody whom the server knows.
func (b *Book) Reject(ctx context.Context, application, id, actor, why string) (*davit.FlagProposal, error) {
	b.change.Lock()
	defer b.change.Unlock()
	p, err := b.waiting(ctx, application, id, "reject")
	if err != nil {
		return nil, err
	}
	if why == "" {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "reject needs a reason", Hint: "add --reason"}
	}
	state := davit.FlagCancelled
	if p.State == davit.FlagProposed {
		state = davit.FlagRejected
		refused, err := b.refuses(ctx, p, actor)
		if err != nil {
			return nil, err
		}
		if refused != "" && actor != p.Actor && !slices.Contains(p.Not, actor) {
			return nil, &davit.Error{
				Code: davit.CodeRefused, Message: "cannot reject proposal " + id + ": " + refused, Hint: "davit flag protection list tells who may",
			}
		}
	}
	return p, b.end(ctx, p, state, actor, why)
}

// changesOf returns the changes that a proposal is about, if what it is based on
// still holds.
func changesOf(p *davit.FlagProposal, current said) (*changes, error) {
	c := &changes{application: p.Application, action: p.Action, proposal: p}
	for _, d := range p.Segments {
		if current.segmentBase(d.Segment.Key) != d.Base {
			return nil, outdated("segment "+d.Segment.Key, d.Base)
		}
		c.segments = append(c.segments, davit.SegmentEdit{
			Application: p.Application, Segment: d.Segment, Actor: p.Actor, Comment: p.Comment, Match: davit.AnyFlagOrNone, Delete: d.Delete,
		})
	}
	for _, d := range p.Flags {
		if current.flagBase(d.Flag.Key) != d.Base {
			return nil, outdated("flag "+d.Flag.Key, d.Base)
		}
		c.flags = append(c.flags, davit.FlagEdit{
			Application: p.Application, Key: d.Flag.Key, Actor: p.Actor, Action: p.Action, Comment: p.Comment, Match: davit.AnyFlagOrNone,
			Delete: d.Delete, Alter: func(davit.Flag) (davit.Flag, error) { return d.Flag, nil },
		})
	}
	return c, nil
}

// outdated is the error about a proposal whose base is gone.
func outdated(what string, base int64) error {
	was := fmt.Sprintf("at revision %d", base)
	if base == 0 {
		was = "not there"
	}
	return &davit.Error{Code: davit.CodeConflict, Message: "it is out of date: " + what + " was " + was + " when it was proposed"}
}
