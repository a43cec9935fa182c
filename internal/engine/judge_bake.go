package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
)

// judgeBake passes when the stage has been held for its time.
func judgeBake(ctx context.Context, g davit.Gate, s Subject, report func(davit.Outcome, string, any)) {
	p, ok := params[davit.BakeParams](g, report)
	if !ok {
		return
	}
	report(davit.Inconclusive, fmt.Sprintf("held until %s", s.Since.Add(p.For.D()).Format(time.TimeOnly)), nil)
	timer := time.NewTimer(p.For.D())
	defer timer.Stop()
	select {
	case <-timer.C:
		report(davit.Pass, fmt.Sprintf("held for %s", p.For), nil)
	case <-ctx.Done():
	}
}
