package book

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/davit-dev/davit"
)

// What proposals are called in the audit log. The change itself has its own entry,
// when it is made.
const (
	actionPropose  = "flag.propose"
	actionSchedule = "flag.schedule"
	actionApprove  = "flag.approve"
	actionReject   = "flag.reject"
	actionCancel   = "flag.cancel"
	actionExpire   = "flag.expire"
	actionFail     = "flag.fail"
	actionMiss     = "flag.miss"
	actionApply    = "flag.apply" // at its time
	keeper         = "davit"      // the actor of what nobody asked for
)

// Proposals lists the proposals of an application, newest first, limit at most,
// without their flags and segments; those that have ended only when ended is true, and
// those that are older than a given one unless it is empty.
func (b *Book) Proposals(ctx context.Context, application string, ended bool, after string, limit int) ([]*davit.FlagProposal, error) {
	if after != "" {
		if _, err := b.store.FlagProposal(ctx, application, after); err != nil {
			return nil, err
		}
	}
	return b.store.FlagProposals(ctx, application, ended, after, limit)
}

// Proposal returns a proposal; a *davit.Error of CodeNotFound when there is none, or
// it has ended long ago.
func (b *Book) Proposal(ctx context.Context, application, id string) (*davit.FlagProposal, error) {
	return b.store.FlagProposal(ctx, application, id)
}

// propose stores changes that need approval as a proposal.
func (b *Book) propose(ctx context.Context, c *changes) error {
	p := &davit.FlagProposal{Application: c.application, Environments: c.protected, Action: c.action}
	for i, e := range c.segments {
		out := c.ofSegments[i]
		p.Actor, p.Comment = e.Actor, e.Comment
		if out.Changed {
			p.Segments = append(p.Segments, davit.SegmentDraft{
				Base: c.current.segmentBase(e.Segment.Key), Segment: out.Record.Segment, Delete: e.Delete, Difference: out.Difference,
			})
		}
	}
	var request *davit.FlagRequest
	for i, e := range c.flags {
		out := c.ofFlags[i]
		p.Actor, p.Comment, p.Action = e.Actor, e.Comment, e.Action
		if err := b.authorize(p, e.Scope); err != nil {
			return err
		}
		request = requestOf(e)
		if out.Changed {
			p.Flags = append(p.Flags, davit.FlagDraft{
				Base: c.current.flagBase(e.Key), Flag: out.Record.Flag, Delete: e.Delete, Difference: out.Difference,
			})
		}
	}
	protections, err := b.Protections(ctx, c.application)
	if err != nil {
		return err
	}
	if err := b.put(ctx, p, protections, request); err != nil {
		return err
	}
	c.undone(p)
	return nil
}

// authorize notes the access key that a proposal is made with: who made the key is
// its author too.
func (b *Book) authorize(p *davit.FlagProposal, scope *davit.AccessKey) error {
	if scope == nil {
		return nil
	}
	key, err := b.key(scope.Application, scope.ID)
	if err != nil {
		return err
	}
	p.KeyID, p.Not = key.ID, []string{key.CreatedBy}
	return nil
}

// put stores a new proposal. It waits for approval as long as the protections of its
// environments say, and not beyond its time.
func (b *Book) put(ctx context.Context, p *davit.FlagProposal, protections []*davit.FlagProtection, request *davit.FlagRequest) error {
	p.Summary = summary(p)
	p.ID, p.Revision, p.At, p.State = strings.ToLower(rand.Text()[:10]), 1, b.now().UTC(), davit.FlagScheduled
	action := actionSchedule
	for _, protection := range protections {
		if !slices.Contains(p.Environments, protection.Environment) {
			continue
		}
		p.State, action = davit.FlagProposed, actionPropose
		if end := p.At.Add(protection.Approval.Within.D()); p.ExpiresAt.IsZero() || end.Before(p.ExpiresAt) {
			p.ExpiresAt = end
		}
		params := protection.Approval
		if params.Not = p.Not; !params.Possible(p.Actor) {
			return &davit.Error{
				Code: davit.CodeRefused, Message: fmt.Sprintf("nobody but %s could approve it, as %s is protected", p.Actor, p.Environments[0]),
				Hint: "ask somebody else to change it",
			}
		}
	}
	if !p.Due.IsZero() && p.State == davit.FlagProposed && p.Due.Before(p.ExpiresAt) {
		p.ExpiresAt = p.Due
	}
	if doc, err := json.Marshal(p); err != nil || len(doc) > davit.FlagProposalMost {
		return &davit.Error{
			Code: davit.CodeInvalid, Err: err,
			Message: fmt.Sprintf("the change is of %d bytes, and may be of %d at most to wait for approval", len(doc), davit.FlagProposalMost),
			Hint:    "make several smaller ones of it",
		}
	}
	commit, err := proposed(p, action, p.Actor, p.Comment, p.At)
	if err != nil {
		return err
	}
	if request != nil {
		request.Proposal, request.At = p.ID, p.At
		commit.Request = request
	}
	return b.note(ctx, commit)
}

// proposed returns what to store of a proposal that something happened to.
func proposed(p *davit.FlagProposal, action, actor, reason string, at time.Time) (davit.FlagCommit, error) {
	told := toldProposal{
		Proposal: p.ID, State: p.State, Author: p.Actor, Change: p.Action, Due: p.Due, ExpiresAt: p.ExpiresAt,
		Flag: p.Flag, Instructions: p.Instructions, Protection: p.Protection,
	}
	size := 0
	for _, d := range p.Flags {
		told.Changes = append(told.Changes, toldDraft(d.Flag.Key, "", d.Base, d.Difference, &size))
	}
	for _, d := range p.Segments {
		told.Changes = append(told.Changes, toldDraft("", d.Segment.Key, d.Base, d.Difference, &size))
	}
	if len(told.Changes) > changesTold {
		told.More, told.Changes = len(told.Changes)-changesTold, told.Changes[:changesTold]
	}
	if doc, err := json.Marshal(p.Instructions); err != nil || len(doc) > entryMost {
		told.Instructions = nil // the proposal has them
	}
	after, err := json.Marshal(told)
	if err != nil {
		return davit.FlagCommit{}, fmt.Errorf("encoding proposal %s: %w", p.ID, err)
	}
	environment := ""
	if len(p.Environments) == 1 {
		environment = p.Environments[0]
	}
	return davit.FlagCommit{Proposal: p, Entry: davit.AuditEntry{
		At: at, Actor: actor, Action: action, Application: p.Application, Environment: environment, Reason: reason, After: after,
	}}, nil
}

// changesTold bounds the flags and segments that an audit entry tells of.
const changesTold = 100

// toldProposal is what an audit entry holds of a proposal.
type toldProposal struct {
	Proposal     string                  `json:"proposal"`
	State        davit.FlagProposalState `json:"state"`
	Author       string                  `json:"author"`
	Change       string                  `json:"change"`
	Due          time.Time               `json:"due,omitzero"`
	ExpiresAt    time.Time               `json:"expiresAt,omitzero"`
	Flag         string                  `json:"flag,omitempty"`
	Instructions []davit.FlagInstruction `json:"instructions,omitempty"`
	Protection   *davit.FlagProtection   `json:"protection,omitempty"`
	Changes      []toldChange            `json:"changes,omitempty"`
	More         int                     `json:"more,omitempty"` // changes that are not told
}

// toldChange is a flag or a segment that a proposal is to change.
type toldChange struct {
	Flag       string                 `json:"flag,omitempty"`
	Segment    string                 `json:"segment,omitempty"`
	Base       int64                  `json:"base"`
	Difference []davit.FlagDifference `json:"difference,omitempty"`
	More       int                    `json:"more,omitempty"` // differences that are not told
}

// toldDraft tells of a change as far as it fits. size is what is told of all.
func toldDraft(flag, segment string, base int64, list []davit.FlagDifference, size *int) toldChange {
	t := toldChange{Flag: flag, Segment: segment, Base: base}
	for i, d := range list {
		if *size += len(d.Path) + len(d.Before) + len(d.After); *size > entryMost {
			t.More = len(list) - i
			break
		}
		t.Difference = append(t.Difference, d)
	}
	return t
}

// summary tells in a line what a proposal is about.
func summary(p *davit.FlagProposal) string {
	const most = 5
	var parts []string
	for _, d := range p.Segments {
		parts = append(parts, "segment "+d.Segment.Key)
	}
	for _, d := range p.Flags {
		what := ""
		for i, difference := range d.Difference[:min(len(d.Difference), most)] {
			what += map[bool]string{true: ": ", false: ", "}[i == 0] + difference.Path
		}
		parts = append(parts, "flag "+d.Flag.Key+what)
	}
	for _, i := range p.Instructions {
		parts = append(parts, strings.TrimSuffix(fmt.Sprintf("flag %s: %s in %s", p.Flag, i.Kind, i.Environment), " in "))
	}
	if p.Protection != nil {
		parts = append(parts, "protection of "+p.Protection.Environment)
	}
	if more := len(parts) - most; more > 0 {
		parts = append(parts[:most], fmt.Sprintf("%d more", more))
	}
	return clipped(strings.Join(parts, "; "))
}

// clipped returns the beginning of a text that may be long.
func clipped(text string) string {
	const most = 1000 // bytes
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// note stores commits, whoever goes away meanwhile, and wakes the keeper.
func (b *Book) note(ctx context.Context, commits ...davit.FlagCommit) error {
	if len(commits) == 0 {
		return nil
	}
	if err := b.store.CommitFlags(context.WithoutCancel(ctx), commits...); err != nil {
		return err
	}
	if slices.ContainsFunc(commits, func(c davit.FlagCommit) bool { return c.Proposal != nil }) {
		select {
		case b.woken <- struct{}{}:
		default: // it will look anyway
		}
	}
	return nil
}

// idOf returns the ID of a proposal; "" of none.
func idOf(p *davit.FlagProposal) string {
	if p == nil {
		return ""
	}
	return p.ID
}

// flagBase returns the revision of a flag; 0 when there is none.
func (s said) flagBase(key string) int64 {
	if r := s.records[key]; r != nil && !r.Deleted {
		return r.Revision
	}
	return 0
}

// segmentBase returns the revision of a segment; 0 when there is none.
func (s said) segmentBase(key string) int64 { return segmentOf(s.segments[key]) }

// requestOf returns what to remember of the request that an edit is made by; nil when
// it is not to be repeated.
func requestOf(e davit.FlagEdit) *davit.FlagRequest {
	if e.RequestKey == "" {
		return nil
	}
	return &davit.FlagRequest{Key: e.RequestKey, Actor: e.Actor, Digest: e.RequestDigest, Application: e.Application, Flag: e.Key}
}

// proposedBefore returns the outcome of a request that a proposal came of, as the
// proposal is now.
func (b *Book) proposedBefore(ctx context.Context, r *davit.FlagRequest) (*davit.FlagOutcome, error) {
	p, err := b.store.FlagProposal(ctx, r.Application, r.Proposal)
	if err != nil {
		return nil, err
	}
	out := &davit.FlagOutcome{Proposal: p, Protected: p.Environments, Repeated: true}
	for _, d := range p.Flags {
		out.Difference = d.Difference
		out.Record = &davit.FlagRecord{
			Application: p.Application, Flag: d.Flag, Revision: d.Base + 1, At: p.At, Actor: p.Actor, Action: p.Action, Comment: p.Comment, Deleted: d.Delete,
		}
	}
	if out.Record == nil {
		out.Record, err = b.Flag(r.Application, r.Flag)
	}
	return out, err
}
