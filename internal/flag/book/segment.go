package book

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// Segments lists the segments of an application by key. They are shared, and not to
// be changed.
func (b *Book) Segments(application string) []*davit.SegmentRecord {
	list := []*davit.SegmentRecord{}
	all := b.state.Load().application(application).segments
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if r := all[key]; !r.Deleted {
			list = append(list, r)
		}
	}
	return list
}

// SegmentHistory lists the records of a segment, newest first, limit at most; of a
// deleted one too.
func (b *Book) SegmentHistory(ctx context.Context, application, key string, limit int) ([]*davit.SegmentRecord, error) {
	list, err := b.store.SegmentRecords(ctx, application, key, limit)
	if err == nil && len(list) == 0 {
		err = noSegment(application, key)
	}
	return list, err
}

// ChangeSegment does what an edit of a segment asks for: it is in the store, with
// its audit entry, and the flags that name it are evaluated with it when
// ChangeSegment returns. An edit that would leave flags that are not valid, such as
// one that names a segment that is gone, is refused.
func (b *Book) ChangeSegment(ctx context.Context, e davit.SegmentEdit) (*davit.SegmentOutcome, error) {
	b.change.Lock()
	defer b.change.Unlock()
	action := "segment.set"
	if e.Delete {
		action = "segment.delete"
	}
	c := &changes{application: e.Application, dryRun: e.DryRun, action: action, segments: []davit.SegmentEdit{e}}
	if e.Propose {
		c.unapproved = b.propose
	}
	if err := b.apply(ctx, c); err != nil {
		return nil, err
	}
	return c.ofSegments[0], nil
}

// draftSegment returns what an edit makes of the last record of its segment.
func draftSegment(e davit.SegmentEdit, action string, last *davit.SegmentRecord, now time.Time) (*davit.SegmentOutcome, error) {
	after := &davit.SegmentRecord{
		Application: e.Application, Segment: e.Segment, Revision: 1, At: now, Actor: e.Actor, Action: action, Comment: e.Comment, Deleted: e.Delete,
	}
	var before *davit.SegmentRecord
	if last != nil {
		after.Revision = last.Revision + 1
		if !last.Deleted {
			before = last
		}
	}
	if err := matchSegment(e, before); err != nil {
		return nil, err
	}
	if e.Delete {
		after.Segment = before.Segment
		return &davit.SegmentOutcome{Record: after, Changed: true, Difference: removed()}, nil
	}
	var was davit.Segment
	if before != nil {
		was = before.Segment
	}
	difference, err := was.Difference(e.Segment)
	if err != nil {
		return nil, err
	}
	if len(difference) == 0 && before != nil {
		return &davit.SegmentOutcome{Record: before, Difference: difference}, nil
	}
	return &davit.SegmentOutcome{Record: after, Difference: difference, Changed: true}, nil
}

// matchSegment refuses an edit of another revision than the segment has.
func matchSegment(e davit.SegmentEdit, current *davit.SegmentRecord) error {
	switch {
	case current == nil && (e.Delete || e.Match != davit.AnyFlagOrNone):
		return noSegment(e.Application, e.Segment.Key)
	case current != nil && e.Match > 0 && e.Match != current.Revision:
		return &davit.Error{
			Code: davit.CodeConflict, Err: davit.ErrFlagRevision,
			Message: fmt.Sprintf("segment %s is at revision %d, and the change is for revision %d", current.Segment.Key, current.Revision, e.Match),
			Hint:    "look at the segment again, and change it as it is now",
		}
	}
	return nil
}

func noSegment(application, key string) error {
	return &davit.Error{
		Code: davit.CodeNotFound, Message: "there is no segment " + key + " in " + application,
		Hint: "davit flag segment list tells which there are",
	}
}

// missing returns those of an import's segments that are not there yet. One that is
// there and says something else is not replaced: flags of other environments rest
// on it too.
func missing(i davit.FlagImport, there map[string]*davit.SegmentRecord) ([]davit.SegmentEdit, error) {
	var edits []davit.SegmentEdit
	var said []davit.Segment
	for _, r := range there {
		if !r.Deleted {
			said = append(said, r.Segment)
		}
	}
	for _, s := range i.Segments {
		if r := there[s.Key]; r != nil && !r.Deleted {
			was := r.Segment
			was.Description = s.Description
			difference, err := was.Difference(s)
			if err != nil {
				return nil, err
			}
			if len(difference) > 0 && !flag.SameForFlagd(s, said) {
				return nil, &davit.Error{
					Code: davit.CodeConflict, Message: fmt.Sprintf("there is a segment %s that says something else, for flags of all environments", s.Key),
					Hint: "change it with davit flag segment set, or give it another name in the import",
				}
			}
			continue
		}
		if i.Scope != nil {
			return nil, &davit.Error{
				Code: davit.CodeRefused, Message: fmt.Sprintf("the key %s may not make segment %s, which is for all environments", i.Scope.Name, s.Key),
				Hint: "ask somebody who has access to the server",
			}
		}
		edits = append(edits, davit.SegmentEdit{
			Application: i.Application, Segment: s, Actor: i.Actor, Comment: i.Comment, Match: davit.AnyFlagOrNone, DryRun: i.DryRun,
		})
	}
	return edits, nil
}
