package book

import (
	"context"
	"fmt"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// History lists the records of a flag with a revision below before, newest first,
// limit at most; of a deleted one too.
func (b *Book) History(ctx context.Context, application, key string, before int64, limit int) ([]*davit.FlagRecord, error) {
	list, err := b.store.FlagRecords(ctx, application, key, before, limit)
	if err == nil && len(list) == 0 {
		if a := b.state.Load().applications[application]; a == nil || a.records[key] == nil {
			err = notFound(application, key)
		}
	}
	return list, err
}

// Revert makes a flag say again what it said at a revision, by a change that e
// tells the rest of. One that was deleted is there again.
func (b *Book) Revert(ctx context.Context, e davit.FlagEdit, revision int64) (*davit.FlagOutcome, error) {
	record, err := b.store.FlagRecord(ctx, e.Application, e.Key, revision)
	if err != nil {
		return nil, err
	}
	if record.Deleted {
		return nil, &davit.Error{
			Code: davit.CodeInvalid, Message: fmt.Sprintf("flag %s says nothing at revision %d, which removed it", e.Key, revision),
			Hint: "name a revision before: davit flag history " + e.Key,
		}
	}
	e.Restore = true
	e.Alter = func(davit.Flag) (davit.Flag, error) { return record.Flag, nil }
	if e.Comment == "" {
		e.Comment = fmt.Sprintf("back to revision %d", revision)
	}
	return b.Change(ctx, e)
}

// Explain evaluates a flag for a context and tells every step. The answer is a
// flag.Explanation.
func (b *Book) Explain(application, environment, key string, attributes map[string]any) (*flag.Explanation, error) {
	if _, err := b.Flag(application, key); err != nil {
		return nil, err
	}
	c, err := flag.NewContext(attributes, b.now())
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "the context is not valid", Err: err}
	}
	explanation := b.View(application, environment).Explain(key, c)
	return &explanation, nil
}
