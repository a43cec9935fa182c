package kubernetes

import (
	"context"
	"time"

	"github.com/davit-dev/davit"
)

// Drain returns when the release has been without a share for as long as its
// services let requests in flight take (their DrainLimit), counted from when that
// was seen through the front door, or from now when this server has not seen it. A
// Gateway does not tell what is in flight, so the number returned is always 0: it
// says that everybody had the time, not that nobody is left. Whoever took longer
// has the grace period of the pods still, which get SIGTERM only now.
func (r *Router) Drain(ctx context.Context, release *davit.Release) (remaining int64, err error) {
	var limit time.Duration
	for _, s := range release.Config.Services {
		if s.Traffic {
			limit = max(limit, s.DrainLimit.D())
		}
	}
	now := r.cluster.now()
	r.mu.Lock()
	since, known := r.idle[release.ID]
	if !known {
		since = now
		r.idle[release.ID] = now
	}
	r.mu.Unlock()
	timer := time.NewTimer(since.Add(limit).Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return 0, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
