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
	s := b.state.Load()
	current := &application{views: map[string]*View{"": {}}}
	if a := s.applications[e.Application]; a != nil {
		current = a
	}
	d, err := draft(e, current.records[e.Key], b.now().UTC())
	if err != nil {
		return nil, err
	}
	out := &davit.FlagOutcome{Record: &d.after, Difference: d.difference, Changed: len(d.difference) > 0}
	if !out.Changed {
		if d.before != nil {
			out.Record = d.before
		}
		return out, nil
	}
	records := maps.Clone(current.records)
	if records == nil {
		records = map[string]*davit.FlagRecord{}
	}
	records[e.Key] = &d.after
	next, err := compile(records, s.environments(e.Application))
	if err != nil {
		return nil, err
	}
	if e.DryRun {
		out.Affected, err = affected(e, current, next, d.after.At)
		out.Changed = false
		return out, err
	}
	if err := b.commit(ctx, e, &d); err != nil {
		return nil, err
	}
	next.latest.Sequence, next.latest.ChangedAt = d.after.Sequence, d.after.At
	next.stamp(d.after.Sequence, d.after.At)
	b.swap(func(s *state) { s.applications[e.Application] = next })
	return out, nil
}

// drafted is a change before it is stored.
type drafted struct {
	before     *davit.FlagRecord // nil when there was no flag
	after      davit.FlagRecord
	difference []davit.FlagDifference
}

// draft returns what an edit makes of the last record of its flag.
func draft(e davit.FlagEdit, last *davit.FlagRecord, now time.Time) (d drafted, err error) {
	d.after = davit.FlagRecord{
		Application: e.Application, Revision: 1, At: now, Actor: e.Actor, Action: e.Action, Comment: e.Comment, Deleted: e.Delete,
	}
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

// commit stores a change.
func (b *Book) commit(ctx context.Context, e davit.FlagEdit, d *drafted) error {
	entry, err := entry(d)
	if err != nil {
		return err
	}
	c := davit.FlagCommit{Record: &d.after, Entry: entry}
	if e.RequestKey != "" {
		c.Request = &davit.FlagRequest{
			Key: e.RequestKey, Actor: e.Actor, Digest: e.RequestDigest,
			Application: e.Application, Flag: e.Key, Revision: d.after.Revision, At: d.after.At,
		}
	}
	// A client that goes away in the middle leaves no doubt about what is stored.
	return b.store.CommitFlag(context.WithoutCancel(ctx), c)
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
