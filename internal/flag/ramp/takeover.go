package ramp

import (
	"context"
	"fmt"

	"github.com/davit-dev/davit"
)

// takeover is whether somebody else changed who gets what, as of a revision.
type takeover struct {
	revision int64
	by       string // what they did, for people; "" nobody did
}

// historyPage is how many records of a flag are read at once.
const historyPage = 50

// taken says who changed what the flag serves since the ramp did so last, or since it
// was asked for; "" when nobody did. Targets and rules may change at any time.
func (r *Ramp) taken(ctx context.Context) (string, error) {
	record, err := r.book.Flag(r.application, r.site.Key)
	if davit.ErrorCode(err) == davit.CodeNotFound {
		return "the flag " + r.site.Key + " was removed", nil
	}
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	seen := r.seen
	r.mu.Unlock()
	if seen != nil && seen.revision == record.Revision {
		return seen.by, nil
	}
	by, err := r.since(ctx, record)
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	r.seen = &takeover{record.Revision, by}
	r.mu.Unlock()
	return by, nil
}

// since goes back to the ramp's last change, and says who changed what it serves
// after that.
func (r *Ramp) since(ctx context.Context, current *davit.FlagRecord) (string, error) {
	var later []*davit.FlagRecord // newest first
	for before := current.Revision + 1; ; {
		records, err := r.book.History(ctx, r.application, r.site.Key, before, historyPage)
		if err != nil {
			return "", fmt.Errorf("reading the history of flag %s: %w", r.site.Key, err)
		}
		for _, record := range records {
			if record.Action == action || record.Revision <= r.site.Revision {
				return r.culprit(record, later), nil
			}
			later = append(later, record)
			before = record.Revision
		}
		if len(records) == 0 {
			return "", fmt.Errorf("the history of flag %s ends before revision %d", r.site.Key, r.site.Revision)
		}
	}
}

// culprit tells of the first of some records, the newest first, that serves something
// else than base does; "" when the newest serves the same.
func (r *Ramp) culprit(base *davit.FlagRecord, later []*davit.FlagRecord) string {
	left := r.settings(base)
	if len(later) == 0 || same(r.settings(later[0]), left) {
		return ""
	}
	for i := len(later) - 1; i >= 0; i-- {
		record := later[i]
		if now := r.settings(record); !same(now, left) {
			what := "changed what the flag serves"
			if left.Enabled && !now.Enabled {
				what = "turned the flag off"
			}
			if record.Comment != "" {
				what += ": " + record.Comment
			}
			return record.Actor + " " + what
		}
	}
	return ""
}
