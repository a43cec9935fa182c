package book

import (
	"context"
	"fmt"

	"github.com/davit-dev/davit"
)

// Import takes flags over: when it returns, all of them are in the store, each with
// its audit entry, and evaluated; or none is, with an error. They are looked at
// together, so that they may rest on each other in any order. The outcomes are in
// the order of the flags. When something was changed since the change that the import
// is made for, none is.
func (b *Book) Import(ctx context.Context, i davit.FlagImport) ([]*davit.FlagOutcome, error) {
	edits := make([]davit.FlagEdit, 0, len(i.Flags))
	seen := make(map[string]bool, len(i.Flags))
	for _, f := range i.Flags {
		if seen[f.Key] {
			return nil, &davit.Error{
				Code: davit.CodeInvalid, Message: "the import holds flag " + f.Key + " twice", Hint: "leave one of them out",
			}
		}
		seen[f.Key] = true
		edits = append(edits, davit.FlagEdit{
			Application: i.Application, Key: f.Key, Actor: i.Actor, Action: "flag.import", Comment: i.Comment,
			Match: davit.AnyFlagOrNone, Scope: i.Scope, DryRun: i.DryRun,
			Alter: func(was davit.Flag) (davit.Flag, error) { return was.TakeOver(f, i.Environment), nil },
		})
	}
	b.change.Lock()
	defer b.change.Unlock()
	current := b.state.Load().application(i.Application)
	if last := current.latest.Sequence; i.Match != nil && *i.Match != last {
		return nil, &davit.Error{
			Code: davit.CodeConflict, Err: davit.ErrFlagRevision,
			Message: fmt.Sprintf("flags or segments of %s were changed since: last by change %d, and the import is made for change %d", i.Application, last, *i.Match),
			Hint:    "look at the flags again, and import what is to be changed of them as they are now",
		}
	}
	segments, err := missing(i, current.segments)
	if err != nil {
		return nil, err
	}
	c := &changes{application: i.Application, dryRun: i.DryRun, action: "flag.import", segments: segments, flags: edits}
	if i.Propose {
		c.unapproved = b.propose
	}
	if err := b.apply(ctx, c); err != nil {
		return nil, err
	}
	return c.ofFlags, nil
}
