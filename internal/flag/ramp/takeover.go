package ramp

import (
	"context"
	"fmt"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/served"
)

// takeover is whether somebody else changed who gets what, as of a revision.
type takeover struct {
	revision int64
	by       string // what they did, for people; "" nobody did
}

// taken returns the flag, and says who changed what it serves since the ramp did so
// last, or since it was asked for; "" when nobody did. Targets and rules may change at
// any time. The flag is nil when it was removed.
func (r *Ramp) taken(ctx context.Context) (*davit.FlagRecord, string, error) {
	record, err := r.book.Flag(r.application, r.site.Key)
	if davit.ErrorCode(err) == davit.CodeNotFound {
		return nil, "the flag " + r.site.Key + " was removed", nil
	}
	if err != nil {
		return nil, "", err
	}
	r.mu.Lock()
	seen := r.seen
	r.mu.Unlock()
	if seen != nil && seen.revision == record.Revision {
		return record, seen.by, nil
	}
	by, err := r.since(ctx, record)
	if err != nil {
		return nil, "", err
	}
	r.mu.Lock()
	r.seen = &takeover{record.Revision, by}
	r.mu.Unlock()
	return record, by, nil
}

// since goes back to the ramp's last change, and says who changed what it serves
// after that.
func (r *Ramp) since(ctx context.Context, current *davit.FlagRecord) (string, error) {
	last, later, err := served.Back(ctx, r.book, current, func(record *davit.FlagRecord) bool {
		return record.Action == action || record.Revision <= r.site.Revision
	})
	if err == nil && last == nil {
		err = fmt.Errorf("the history of flag %s ends before revision %d", r.site.Key, r.site.Revision)
	}
	if err != nil {
		return "", err
	}
	return served.Culprit(r.site.Environment, last, later), nil
}
