package book

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/davit-dev/davit"
)

// Protections lists the protected environments of an application, and who has to
// approve there, by environment.
func (b *Book) Protections(ctx context.Context, application string) ([]*davit.FlagProtection, error) {
	all, err := b.store.FlagProtections(ctx, application)
	if err != nil {
		return nil, err
	}
	list := []*davit.FlagProtection{}
	for _, p := range all {
		if !p.Removed {
			list = append(list, p)
		}
	}
	return list, nil
}

// Protection returns the protection of an environment; nil when there is none.
func (b *Book) Protection(ctx context.Context, application, environment string) (*davit.FlagProtection, error) {
	last, err := b.lastProtection(ctx, application, environment)
	if last == nil || last.Removed {
		return nil, err
	}
	return last, err
}

// lastProtection is Protection that returns one that was removed as well.
func (b *Book) lastProtection(ctx context.Context, application, environment string) (*davit.FlagProtection, error) {
	all, err := b.store.FlagProtections(ctx, application)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.Environment == environment {
			return p, nil
		}
	}
	return nil, nil
}

// Protect makes an environment protected, at once. What changes or removes its
// protection is proposed, and the proposal returned: it is made when it is approved
// as the present protection says.
func (b *Book) Protect(ctx context.Context, p davit.FlagProtection) (*davit.FlagProtection, *davit.FlagProposal, error) {
	b.change.Lock()
	defer b.change.Unlock()
	if !p.Removed {
		if err := p.Check(); err != nil {
			return nil, nil, err
		}
	}
	last, err := b.lastProtection(ctx, p.Application, p.Environment)
	if err != nil {
		return nil, nil, err
	}
	p.Revision, p.At = 1, b.now().UTC()
	if last != nil {
		p.Revision = last.Revision + 1
	}
	switch {
	case last == nil || last.Removed:
		if p.Removed {
			return nil, nil, &davit.Error{Code: davit.CodeNotFound, Message: p.Environment + " of " + p.Application + " is not protected"}
		}
		commit, err := protected(&p, nil)
		if err != nil {
			return nil, nil, err
		}
		return &p, nil, b.note(ctx, commit)
	case !p.Removed && last.Approval.Equal(p.Approval):
		return last, nil, nil
	}
	action := "flag.protect"
	if p.Removed {
		p.Approval, action = last.Approval, "flag.unprotect"
	}
	proposal := &davit.FlagProposal{
		Application: p.Application, Actor: p.Actor, Action: action, Comment: p.Comment,
		Environments: []string{p.Environment}, Protection: &p,
	}
	return last, proposal, b.put(ctx, proposal, []*davit.FlagProtection{last}, nil)
}

// protected returns what to store of a change of a protection.
func protected(p *davit.FlagProtection, of *davit.FlagProposal) (davit.FlagCommit, error) {
	after, err := json.Marshal(struct {
		*davit.FlagProtection
		Proposal string `json:"proposal,omitempty"`
	}{p, idOf(of)})
	if err != nil {
		return davit.FlagCommit{}, fmt.Errorf("encoding the protection of %s: %w", p.Environment, err)
	}
	action := "flag.protect"
	if p.Removed {
		action = "flag.unprotect"
	}
	return davit.FlagCommit{Protection: p, Entry: davit.AuditEntry{
		At: p.At, Actor: p.Actor, Action: action, Application: p.Application, Environment: p.Environment, Reason: p.Comment, After: after,
	}}, nil
}

// guard finds out for which protected environments changes need approval, and what
// is missing of it. A change that needs none because it turns a flag off is told as
// that.
func (b *Book) guard(ctx context.Context, c *changes, current, next said) error {
	protections, err := b.Protections(ctx, c.application)
	if err != nil {
		return err
	}
	for _, p := range protections {
		needs, err := c.reach(p.Environment, current, next)
		if err != nil {
			return err
		}
		if !needs {
			continue
		}
		c.protected = append(c.protected, p.Environment)
		if lacks := c.lacks(p); lacks != "" {
			c.missing = append(c.missing, lacks)
		}
	}
	if len(c.protected) == 0 && c.rollout == nil && !c.back {
		for _, i := range c.kills {
			c.commits[i].Record.Action, c.commits[i].Entry.Action = killSwitch, killSwitch
		}
	}
	for _, out := range c.ofFlags {
		out.Protected = c.protected
	}
	for _, out := range c.ofSegments {
		out.Protected = c.protected
	}
	return nil
}

// lacks says what a protection asks for beyond the approvals that changes have; ""
// when they have enough.
func (c *changes) lacks(p *davit.FlagProtection) string {
	switch {
	case c.back:
		return ""
	case c.rollout != nil:
		return p.LackedBy(c.rollout)
	case c.proposal != nil:
		return c.proposal.Lacks(p)
	}
	return (&davit.FlagProposal{}).Lacks(p)
}

// killSwitch is the action, in the audit log, of turning a flag off where anything
// else would have needed approval.
const killSwitch = "flag.kill_switch"

// reach reports whether changes need approval in a protected environment. Segments
// are for all environments, and what waits for approval may name them. Only one that
// there never was is named by nothing yet.
func (c *changes) reach(environment string, current, next said) (needs bool, err error) {
	for _, e := range c.segments {
		if was := current.segments[e.Segment.Key]; was != nil && was != next.segments[e.Segment.Key] {
			return true, nil
		}
	}
	for i := range c.commits {
		r := c.commits[i].Record
		if r == nil {
			continue
		}
		was, is := flagOf(current.records[r.Flag.Key]), flagOf(next.records[r.Flag.Key])
		same, killed, err := was.ServesAs(is, environment)
		if err != nil {
			return false, err
		}
		if killed {
			c.kills = append(c.kills, i)
		}
		needs = needs || !same && !killed
	}
	return needs, nil
}

// flagOf returns what a record says; the zero flag when there is none.
func flagOf(r *davit.FlagRecord) davit.Flag {
	if r == nil || r.Deleted {
		return davit.Flag{}
	}
	return r.Flag
}

// segmentOf returns the revision that a segment was last made at; 0 when there is
// none.
func segmentOf(r *davit.SegmentRecord) int64 {
	if r == nil || r.Deleted {
		return 0
	}
	return r.Revision
}

// lacking is for changes that need approval and have not enough.
func (c *changes) lacking(ctx context.Context) error {
	if c.unapproved != nil {
		return c.unapproved(ctx, c)
	}
	return &davit.Error{
		Code: davit.CodeRefused, Message: strings.Join(c.missing, ", "),
		Hint: "davit flag protection list tells who; davit flag off needs no approval",
	}
}

// undone makes outcomes those of changes that are not made: what is is as it was.
func (c *changes) undone(p *davit.FlagProposal) {
	for _, out := range c.ofSegments {
		out.Changed, out.Proposal = false, p
	}
	for _, out := range c.ofFlags {
		out.Changed, out.Proposal = false, p
	}
}
