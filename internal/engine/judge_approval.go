package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/davit-dev/davit"
)

// judgeApproval passes when enough people have approved, and fails when they
// have not in time. It goes by what is recorded, so a restarted server knows
// what was given, and the time runs from when the stage began.
func judgeApproval(ctx context.Context, g davit.Gate, s Subject, report func(davit.Outcome, string, any)) {
	p, ok := params[davit.ApprovalParams](g, report)
	if !ok {
		return
	}
	changes := s.Changes(ctx)
	var expiry <-chan time.Time
	said := "" // a report may change the record, and so wake this again
	for ctx.Err() == nil {
		r, err := s.Recorded(ctx)
		var waits string
		var again <-chan time.Time
		if err != nil {
			waits, again = "reading the record: "+err.Error(), time.After(retryAfter)
		} else {
			given := r.Approved()
			if len(given) >= p.Count {
				report(davit.Pass, "approved by "+approvers(given), given)
				return
			}
			if expiry == nil {
				timer := time.NewTimer(r.StageAt.Add(p.Within.D()).Sub(s.Since))
				defer timer.Stop()
				expiry = timer.C
			}
			waits = waitingFor(p, r, given)
		}
		if waits != said {
			report(davit.Inconclusive, waits, nil)
			said = waits
		}
		select {
		case <-changes:
		case <-again:
		case <-expiry:
			report(davit.Fail, fmt.Sprintf("nobody approved within %s", p.Within), nil)
			return
		case <-ctx.Done():
		}
	}
}

// waitingFor says what an approval gate waits for, and how it is given.
func waitingFor(p davit.ApprovalParams, r *davit.Rollout, given []davit.Approval) string {
	missing := "waits for approval"
	if n := p.Count - len(given); p.Count > 1 {
		missing = fmt.Sprintf("waits for %d more of %d approvals", n, p.Count)
	}
	if len(given) > 0 {
		missing += ", given by " + approvers(given)
	}
	return fmt.Sprintf("%s until %s: davit approve %s --rollout %s", missing,
		r.StageAt.Add(p.Within.D()).UTC().Format("2006-01-02 15:04 UTC"), r.Environment, r.ID)
}

func approvers(given []davit.Approval) string {
	names := make([]string, len(given))
	for i, a := range given {
		names[i] = a.Actor
	}
	return strings.Join(names, ", ")
}
