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
	outs, err := b.apply(ctx, e.Application, e)
	if err != nil {
		return nil, err
	}
	return outs[0], nil
}

// apply does what edits of an application's flags ask for, each of another flag:
// all of it or, with an error, nothing. All of them are dry runs or none is. The
// lock is held.
func (b *Book) apply(ctx context.Context, application string, edits ...davit.FlagEdit) ([]*davit.FlagOutcome, error) {
	s, now := b.state.Load(), b.now().UTC()
	current := s.application(application)
	records := maps.Clone(current.records)
	if records == nil {
		records = map[string]*davit.FlagRecord{}
	}
	outs := make([]*davit.FlagOutcome, 0, len(edits))
	var commits []davit.FlagCommit
	for _, e := range edits {
		d, err := draft(e, current.records[e.Key], now)
		if err != nil {
			return nil, err
		}
		outs = append(outs, d.outcome())
		if len(d.difference) == 0 {
			continue
		}
		c, err := commit(e, d)
		if err != nil {
			return nil, err
		}
		commits = append(commits, c)
		records[e.Key] = &d.after
	}
	if len(commits) == 0 {
		return outs, nil
	}
	next, err := compile(records, s.environments(application))
	if err != nil {
		return nil, err
	}
	if edits[0].DryRun {
		return outs, b.foresee(outs, edits, current, next, now)
	}
	// A client that goes away in the middle leaves no doubt about what is stored.
	if err := b.store.CommitFlags(context.WithoutCancel(ctx), commits...); err != nil {
		return nil, err
	}
	last := commits[len(commits)-1].Record
	next.latest.Sequence, next.latest.ChangedAt = last.Sequence, last.At
	next.stamp(last.Sequence, last.At)
	b.swap(func(s *state) { s.applications[application] = next })
	return outs, nil
}

// foresee makes outcomes those of edits that are not done: of flags that are as
// they were. How many would be affected is told of an edit that is alone.
func (b *Book) foresee(outs []*davit.FlagOutcome, edits []davit.FlagEdit, current, next *application, now time.Time) (err error) {
	for _, out := range outs {
		out.Changed = false
	}
	if len(edits) == 1 {
		outs[0].Affected, err = b.affected(edits[0], current, next, now)
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
	if err := match(e, d.before); err != nil {
		return d, err
	}
	if e.Delete {
		d.after.Flag = was
		d.difference = []davit.FlagDifference{{Path: "deleted", After: json.RawMessage("true")}}
		return d, scoped(e, was, davit.Flag{})
	}
	if d.after.Flag, err = e.Alter(was); err != nil {
		return d, err
	}
	d.after.Flag.Key, d.after.Flag.CreatedAt = e.Key, was.CreatedAt
	if d.before == nil {
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
func commit(e davit.FlagEdit, d *drafted) (davit.FlagCommit, error) {
	entry, err := entry(d)
	if err != nil {
		return davit.FlagCommit{}, err
	}
	c := davit.FlagCommit{Record: &d.after, Entry: entry}
	if e.RequestKey != "" {
		c.Request = &davit.FlagRequest{
			Key: e.RequestKey, Actor: e.Actor, Digest: e.RequestDigest,
			Application: e.Application, Flag: e.Key, Revision: d.after.Revision, At: d.after.At,
		}
	}
	return c, nil
}

// repeated returns the outcome of a request that was done before; nil when it was
// not.
func (b *Book) repeated(ctx context.Context, e davit.FlagEdit) (*davit.FlagOutcome, error) {
	if e.RequestKey == "" || e.DryRun {
		return nil, nil
	}
	r, err := b.store.FlagRequest(ctx, e.Actor, e.RequestKey)
	if err != nil || r == nil {
		return nil, err
	}
	if r.Digest != e.RequestDigest {
		return nil, &davit.Error{
			Code: davit.CodeInvalid, Message: "the Idempotency-Key was used for another request",
			Hint: "send a new one with every request that is not repeated",
		}
	}
	record, err := b.store.FlagRecord(ctx, r.Application, r.Flag, r.Revision)
	if err != nil {
		return nil, err
	}
	var was davit.Flag
	if r.Revision > 1 {
		before, err := b.store.FlagRecord(ctx, r.Application, r.Flag, r.Revision-1)
		if err != nil {
			return nil, err
		}
		was = before.Flag
	}
	difference, err := was.Difference(record.Flag)
	return &davit.FlagOutcome{Record: record, Difference: difference, Changed: true, Repeated: true}, err
}

// entryMost bounds the differences that an audit entry holds, in bytes: an entry
// has a greatest length.
const entryMost = 16 << 10

// told is what an audit entry holds of a change. The digest is of the record's
// flag, whose JSON the history has.
type told struct {
	Flag       string                 `json:"flag"`
	Revision   int64                  `json:"revision"`
	Digest     string                 `json:"digest"`
	Difference []davit.FlagDifference `json:"difference"`
	// More is how many differences are not told.
	More int `json:"more,omitempty"`
}

// entry returns the audit entry of a change.
func entry(d *drafted) (davit.AuditEntry, error) {
	doc, err := json.Marshal(d.after.Flag)
	if err != nil {
		return davit.AuditEntry{}, fmt.Errorf("encoding flag %s: %w", d.after.Flag.Key, err)
	}
	t := told{
		Flag: d.after.Flag.Key, Revision: d.after.Revision, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(doc)),
		Difference: []davit.FlagDifference{},
	}
	size := 0
	for i, difference := range d.difference {
		if size += len(difference.Path) + len(difference.Before) + len(difference.After); size > entryMost {
			t.More = len(d.difference) - i
			break
		}
		t.Difference = append(t.Difference, difference)
	}
	after, err := json.Marshal(t)
	if err != nil {
		return davit.AuditEntry{}, fmt.Errorf("encoding the change of flag %s: %w", d.after.Flag.Key, err)
	}
	return davit.AuditEntry{
		At: d.after.At, Actor: d.after.Actor, Action: d.after.Action, Application: d.after.Application,
		Environment: environment(d.difference), Reason: d.after.Comment, After: after,
	}, nil
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
