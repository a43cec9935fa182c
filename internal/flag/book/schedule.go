package book

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/davit-dev/davit"
)

const (
	// scheduleMost is how far ahead a change may be scheduled.
	scheduleMost = 366 * 24 * time.Hour
	// lateMost is how late a change may be made that was due while no server ran. What
	// is later is recorded as missed: somebody should look at it first.
	lateMost = time.Hour
	// lookEvery bounds how long the keeper waits, for the clock may be set meanwhile.
	lookEvery = time.Minute
)

// schedule stores what an edit asks for as a proposal for its time. That it could be
// made now is a condition; its outcome tells what would change now.
func (b *Book) schedule(ctx context.Context, e davit.FlagEdit) (*davit.FlagOutcome, error) {
	now := b.now().UTC()
	due := e.Schedule.At.UTC()
	if !due.After(now) || due.Sub(now) > scheduleMost {
		return nil, &davit.Error{
			Code: davit.CodeInvalid, Message: fmt.Sprintf("%s is not ahead, or more than a year", due.Format(time.RFC3339)), Hint: "name a time such as 2h, or " + now.Add(time.Hour).Format(time.RFC3339),
		}
	}
	foreseen := e
	foreseen.DryRun = true
	foreseen.Alter = func(f davit.Flag) (davit.Flag, error) { return f.Instruct(e.Schedule.Instructions...) }
	c := &changes{application: e.Application, dryRun: true, flags: []davit.FlagEdit{foreseen}}
	if err := b.apply(ctx, c); err != nil {
		return nil, err
	}
	out := c.ofFlags[0]
	protections, err := b.Protections(ctx, e.Application)
	if err != nil {
		return nil, err
	}
	for _, protection := range protections {
		asks := slices.ContainsFunc(e.Schedule.Instructions, func(i davit.FlagInstruction) bool {
			return i.Environment == protection.Environment && i.Kind != davit.TurnOff
		})
		if asks && !slices.Contains(out.Protected, protection.Environment) {
			out.Protected = append(out.Protected, protection.Environment)
		}
	}
	if e.DryRun {
		return out, nil
	}
	p := &davit.FlagProposal{
		Application: e.Application, Actor: e.Actor, Action: e.Action, Comment: e.Comment, Due: due,
		Environments: out.Protected, Flag: e.Key, Instructions: e.Schedule.Instructions,
	}
	if err := b.authorize(p, e.Scope); err != nil {
		return nil, err
	}
	if err := b.put(ctx, p, protections, requestOf(e)); err != nil {
		return nil, err
	}
	c.undone(p)
	return out, nil
}

// Keep makes scheduled changes when they are due, and ends proposals that nobody
// approved in time, until ctx ends. What cannot be done now is told to failed, and
// tried again.
func (b *Book) Keep(ctx context.Context, failed func(error)) error {
	for {
		wait, err := b.keep(context.WithoutCancel(ctx))
		if err != nil {
			failed(err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-b.woken:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// keep does what is to be done now, and returns how long there is nothing more.
func (b *Book) keep(ctx context.Context) (time.Duration, error) {
	b.change.Lock()
	defer b.change.Unlock()
	for {
		p, err := b.store.NextFlagProposal(ctx)
		if err != nil || p == nil {
			return lookEvery, err
		}
		if wait := p.Wakes().Sub(b.now()); wait > 0 {
			return min(wait, lookEvery), nil
		}
		if err := b.wake(ctx, p); err != nil {
			return lookEvery, fmt.Errorf("proposal %s of %s: %w", p.ID, p.Application, err)
		}
	}
}

// wake does what is to be done about a proposal whose time has come. It has ended
// then, unless there is an error.
func (b *Book) wake(ctx context.Context, p *davit.FlagProposal) error {
	p.Revision++
	if p.State == davit.FlagProposed {
		return b.end(ctx, p, davit.FlagExpired, keeper, unapproved)
	}
	if late := b.now().Sub(p.Due); late > lateMost {
		return b.end(ctx, p, davit.FlagMissed, keeper, fmt.Sprintf("no server could make it until %s after its time", late.Round(time.Second)))
	}
	why := b.carryOut(ctx, p)
	switch davit.ErrorCode(why) {
	case davit.CodeInvalid, davit.CodeNotFound, davit.CodeConflict, davit.CodeRefused:
		return b.end(ctx, p, davit.FlagFailed, keeper, why.Error())
	}
	return why
}

// carryOut makes a scheduled change, for who scheduled it, to the flag as it is now.
func (b *Book) carryOut(ctx context.Context, p *davit.FlagProposal) error {
	e := davit.FlagEdit{
		Application: p.Application, Key: p.Flag, Actor: p.Actor, Action: p.Action, Comment: p.Comment, Match: davit.AnyFlagRevision,
		Alter: func(f davit.Flag) (davit.Flag, error) { return f.Instruct(p.Instructions...) },
	}
	if p.KeyID != "" {
		key, err := b.key(p.Application, p.KeyID)
		if err != nil {
			return err
		}
		e.Scope = &key
	}
	done := *p
	done.State, done.EndedAt, done.EndedBy = davit.FlagApplied, b.now().UTC(), keeper
	end, err := proposed(&done, actionApply, keeper, "", done.EndedAt)
	if err != nil {
		return err
	}
	return b.apply(ctx, &changes{application: p.Application, flags: []davit.FlagEdit{e}, proposal: p, end: []davit.FlagCommit{end}})
}
