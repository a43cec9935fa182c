package book

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/davit-dev/davit"
)

// Change does what an edit asks for: it is in the store, with its audit entry, and
// evaluated when Change returns. An edit that would leave flags that are not valid
// is refused as a whole.
func (b *Book) Change(ctx context.Context, e davit.FlagEdit) (*davit.FlagOutcome, error) {
	b.change.Lock()
	defer b.change.Unlock()
	if done, err := b.repeated(ctx, e); done != nil || err != nil {
		return done, err
	}
	if e.Schedule != nil {
		return b.schedule(ctx, e)
	}
	c := &changes{application: e.Application, dryRun: e.DryRun, rollout: e.Rollout, back: e.Return, flags: []davit.FlagEdit{e}}
	if e.Propose {
		c.unapproved = b.propose
	}
	if err := b.apply(ctx, c); err != nil {
		return nil, err
	}
	return c.ofFlags[0], nil
}

// changes are edits of an application's flags and segments, each of another one,
// and what comes of them.
type changes struct {
	application string
	dryRun      bool // of all edits
	action      string
	segments    []davit.SegmentEdit // by the action
	flags       []davit.FlagEdit
	rollout     *davit.Rollout      // that asks
	back        bool                // they are its way back
	proposal    *davit.FlagProposal // that they are of; it has ended with them
	end         []davit.FlagCommit  // of the proposal, to store with them
	// unapproved is told when approvals are missing, and nothing is done then; without
	// it they are refused.
	unapproved func(context.Context, *changes) error

	protected  []string // environments that they need approval for
	missing    []string // what is missing of it, for people
	kills      []int    // commits that turn a flag off in a protected environment
	current    said     // what they are made to
	ofSegments []*davit.SegmentOutcome
	ofFlags    []*davit.FlagOutcome
	commits    []davit.FlagCommit
}

// draft makes the outcomes and what to store, and returns what is said then.
func (c *changes) draft(current said, now time.Time) (said, error) {
	next := current.clone()
	c.current = current
	for _, e := range c.segments {
		out, err := draftSegment(e, c.action, current.segments[e.Segment.Key], now)
		if err != nil {
			return next, err
		}
		c.ofSegments = append(c.ofSegments, out)
		if !out.Changed {
			continue
		}
		entry, err := segmentEntry(out, c.proposal)
		if err != nil {
			return next, err
		}
		c.commits = append(c.commits, davit.FlagCommit{Segment: out.Record, Entry: entry})
		next.segments[e.Segment.Key] = out.Record
	}
	for _, e := range c.flags {
		d, err := draft(e, current.records[e.Key], now)
		if err != nil {
			return next, err
		}
		c.ofFlags = append(c.ofFlags, d.outcome())
		if len(d.difference) == 0 {
			c.unchanged(e, d)
			continue
		}
		stored, err := commit(e, d, c.proposal)
		if err != nil {
			return next, err
		}
		c.commits = append(c.commits, stored)
		next.records[e.Key] = &d.after
	}
	return next, nil
}

// unchanged has the request of an edit remembered that the flag was so already for.
func (c *changes) unchanged(e davit.FlagEdit, d *drafted) {
	request := requestOf(e)
	if request == nil || c.dryRun {
		return
	}
	request.Revision, request.Unchanged, request.At = d.outcome().Record.Revision, true, d.after.At
	c.end = append(c.end, davit.FlagCommit{Request: request})
}

// apply makes changes: all of them or, with an error, none. The lock is held.
func (b *Book) apply(ctx context.Context, c *changes) error {
	s, now := b.state.Load(), b.now().UTC()
	current := s.application(c.application)
	said, err := c.draft(current.said, now)
	if err != nil {
		return err
	}
	if len(c.commits) == 0 {
		return b.note(ctx, c.end...)
	}
	next, err := compile(current, said, s.environments(c.application))
	if err != nil {
		return err
	}
	if err := b.guard(ctx, c, current.said, said); err != nil {
		return err
	}
	if c.dryRun {
		return b.foresee(c, current, next, now)
	}
	if len(c.missing) > 0 {
		return c.lacking(ctx)
	}
	// A client that goes away in the middle leaves no doubt about what is stored.
	if err := b.note(ctx, append(c.end, c.commits...)...); err != nil {
		return err
	}
	last := c.commits[len(c.commits)-1].Sequence()
	next.latest.Sequence, next.latest.ChangedAt = last, now
	next.stamp(last, now)
	next.comesFrom(b.origin)
	b.swap(func(s *state) { s.applications[c.application] = next })
	return nil
}

// foresee makes outcomes those of edits that are not done: of what is as it was.
// How many would be affected is told of an edit of a flag that is alone.
func (b *Book) foresee(c *changes, current, next *application, now time.Time) (err error) {
	c.undone(nil)
	if len(c.flags) == 1 {
		c.ofFlags[0].Affected, err = b.affected(c.flags[0], current, next, now)
	}
	return err
}

// drafted is a change before it is stored.
type drafted struct {
	before     *davit.FlagRecord // nil when there was no flag
	after      davit.FlagRecord
	difference []davit.FlagDifference
}

// outcome returns what comes of the change once it is stored.
func (d *drafted) outcome() *davit.FlagOutcome {
	out := &davit.FlagOutcome{Record: &d.after, Difference: d.difference, Changed: len(d.difference) > 0}
	if !out.Changed && d.before != nil {
		out.Record = d.before
	}
	return out
}

// draft returns what an edit makes of the last record of its flag.
func draft(e davit.FlagEdit, last *davit.FlagRecord, now time.Time) (d *drafted, err error) {
	d = &drafted{after: davit.FlagRecord{
		Application: e.Application, Revision: 1, At: now, Actor: e.Actor, Action: e.Action, Comment: e.Comment, Deleted: e.Delete,
	}}
	var was davit.Flag
	if last != nil {
		d.after.Revision = last.Revision + 1
		if !last.Deleted {
			d.before, was = last, last.Flag
		}
	}
	restored := e.Restore && last != nil && last.Deleted
	if restored {
		err = match(e, last)
	} else {
		err = match(e, d.before)
	}
	if err != nil {
		return d, err
	}
	if e.Delete {
		d.after.Flag = was
		d.difference = removed()
		return d, scoped(e, was, davit.Flag{})
	}
	if d.after.Flag, err = e.Alter(was); err != nil {
		return d, err
	}
	d.after.Flag.Key, d.after.Flag.CreatedAt = e.Key, was.CreatedAt
	switch {
	case restored:
		d.after.Flag.CreatedAt = last.Flag.CreatedAt
	case d.before == nil:
		d.after.Flag.CreatedAt = now
	}
	if err := scoped(e, was, d.after.Flag); err != nil {
		return d, err
	}
	if d.before != nil && was.Type != d.after.Flag.Type {
		return d, &davit.Error{
			Code: davit.CodeInvalid, Message: fmt.Sprintf("flag %s is of type %s, and applications rely on that", e.Key, was.Type),
			Hint: "create another flag",
		}
	}
	d.difference, err = was.Difference(d.after.Flag)
	return d, err
}

// match refuses an edit of another revision than the flag has.
func match(e davit.FlagEdit, current *davit.FlagRecord) error {
	switch {
	case e.Match == davit.AnyFlagOrNone:
		return nil
	case e.Match == 0 && current != nil:
		return &davit.Error{
			Code: davit.CodeConflict, Message: fmt.Sprintf("there is a flag %s in %s already", e.Key, e.Application),
			Hint: "davit flag show " + e.Key + " tells what it says",
		}
	case e.Match != 0 && current == nil:
		return notFound(e.Application, e.Key)
	case e.Match > 0 && e.Match != current.Revision:
		return &davit.Error{
			Code: davit.CodeConflict, Err: davit.ErrFlagRevision,
			Message: fmt.Sprintf("flag %s is at revision %d, and the change is for revision %d", e.Key, current.Revision, e.Match),
			Hint:    "look at the flag again, and change it as it is now",
		}
	}
	return nil
}

// scoped refuses an edit beyond the environment of the key that it is made with.
func scoped(e davit.FlagEdit, was, is davit.Flag) error {
	if e.Scope == nil {
		return nil
	}
	for _, f := range []*davit.Flag{&was, &is} {
		f.Environments = maps.Clone(f.Environments)
		delete(f.Environments, e.Scope.Environment)
		if len(f.Environments) == 0 {
			f.Environments = nil
		}
	}
	difference, err := was.Difference(is)
	if err != nil {
		return err
	}
	if e.Scope.Application == e.Application && e.Scope.Kind == davit.AccessAdmin && len(difference) == 0 {
		return nil
	}
	return &davit.Error{
		Code:    davit.CodeRefused,
		Message: fmt.Sprintf("the key %s may change no more than what flags of %s say in %s", e.Scope.Name, e.Scope.Application, e.Scope.Environment),
		Hint:    "ask somebody who has access to the server",
	}
}

// commit returns what to store of a change.
func commit(e davit.FlagEdit, d *drafted, of *davit.FlagProposal) (davit.FlagCommit, error) {
	entry, err := entry(d, of)
	if err != nil {
		return davit.FlagCommit{}, err
	}
	c := davit.FlagCommit{Record: &d.after, Entry: entry, Request: requestOf(e)}
	if c.Request != nil {
		c.Request.Revision, c.Request.At = d.after.Revision, d.after.At
	}
	return c, nil
}

// repeated returns the outcome of a request that was done before; nil when it was
// not.
func (b *Book) repeated(ctx context.Context, e davit.FlagEdit) (*davit.FlagOutcome, error) {
	if e.RequestKey == "" || e.DryRun {
		return nil, nil
	}
	r, err := b.store.FlagRequest(ctx, e.Actor, e.RequestKey, b.now().Add(-davit.FlagRequestKept))
	if err != nil || r == nil {
		return nil, err
	}
	if r.Digest != e.RequestDigest {
		return nil, &davit.Error{
			Code: davit.CodeInvalid, Message: "the Idempotency-Key was used for another request",
			Hint: "send a new one with every request that is not repeated",
		}
	}
	if r.Proposal != "" {
		return b.proposedBefore(ctx, r)
	}
	record, err := b.store.FlagRecord(ctx, r.Application, r.Flag, r.Revision)
	if err != nil {
		return nil, err
	}
	out := &davit.FlagOutcome{Record: record, Changed: !r.Unchanged, Repeated: true}
	switch {
	case r.Unchanged:
	case record.Deleted:
		out.Difference = removed()
	default:
		out.Difference, err = b.made(ctx, record)
	}
	return out, err
}

// made returns the difference that a record made to the one before.
func (b *Book) made(ctx context.Context, record *davit.FlagRecord) ([]davit.FlagDifference, error) {
	var before *davit.FlagRecord
	if record.Revision > 1 {
		var err error
		if before, err = b.store.FlagRecord(ctx, record.Application, record.Flag.Key, record.Revision-1); err != nil {
			return nil, err
		}
	}
	return flagOf(before).Difference(record.Flag)
}

// removed is the difference that removing a flag or a segment makes.
func removed() []davit.FlagDifference {
	return []davit.FlagDifference{{Path: "deleted", After: json.RawMessage("true")}}
}

// entryMost bounds the differences that an audit entry holds, in bytes: an entry
// has a greatest length.
const entryMost = 16 << 10

// told is what an audit entry holds of a change. The digest is of what the flag or
// the segment says as JSON, which the history has.
type told struct {
	Flag       string                 `json:"flag,omitempty"`
	Segment    string                 `json:"segment,omitempty"`
	Revision   int64                  `json:"revision"`
	Proposal   string                 `json:"proposal,omitempty"` // that it comes of
	Digest     string                 `json:"digest"`
	Difference []davit.FlagDifference `json:"difference"`
	// More is how many differences are not told.
	More int `json:"more,omitempty"`
}

// entry returns the audit entry of a change of a flag.
func entry(d *drafted, of *davit.FlagProposal) (davit.AuditEntry, error) {
	after, err := told{Flag: d.after.Flag.Key, Revision: d.after.Revision, Proposal: idOf(of)}.encode(d.after.Flag, d.difference)
	return davit.AuditEntry{
		At: d.after.At, Actor: d.after.Actor, Action: d.after.Action, Application: d.after.Application,
		Environment: environment(d.difference), Reason: d.after.Comment, After: after,
	}, err
}

// segmentEntry returns the audit entry of a change of a segment.
func segmentEntry(out *davit.SegmentOutcome, of *davit.FlagProposal) (davit.AuditEntry, error) {
	r := out.Record
	after, err := told{Segment: r.Segment.Key, Revision: r.Revision, Proposal: idOf(of)}.encode(r.Segment, out.Difference)
	return davit.AuditEntry{At: r.At, Actor: r.Actor, Action: r.Action, Application: r.Application, Reason: r.Comment, After: after}, err
}

// encode returns what is told of what a flag or a segment says now, as far as it
// fits.
func (t told) encode(is any, list []davit.FlagDifference) ([]byte, error) {
	doc, err := json.Marshal(is)
	if err != nil {
		return nil, fmt.Errorf("encoding %s%s: %w", t.Flag, t.Segment, err)
	}
	t.Digest, t.Difference = fmt.Sprintf("sha256:%x", sha256.Sum256(doc)), []davit.FlagDifference{}
	size := 0
	for i, difference := range list {
		if size += len(difference.Path) + len(difference.Before) + len(difference.After); size > entryMost {
			t.More = len(list) - i
			break
		}
		t.Difference = append(t.Difference, difference)
	}
	if doc, err = json.Marshal(t); err != nil {
		return nil, fmt.Errorf("encoding the change of %s%s: %w", t.Flag, t.Segment, err)
	}
	return doc, nil
}

// environment returns the one environment that a change is about; empty when it is
// about the flag, or several.
func environment(difference []davit.FlagDifference) string {
	only := ""
	for _, d := range difference {
		below, ok := strings.CutPrefix(d.Path, "environments.")
		name, _, _ := strings.Cut(below, ".")
		if !ok || only != "" && name != only {
			return ""
		}
		only = name
	}
	return only
}
