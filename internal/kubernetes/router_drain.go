package kubernetes

import (
	"context"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
)

// Drain returns when the release has been without a share for as long as its
// services let requests in flight take (their DrainLimit), counted from when that
// was seen through the front door: here, when no routing has shown it. A
// Gateway does not tell what is in flight, so the number returned is always 0: it
// says that everybody had the time, not that nobody is left. Whoever took longer
// has the grace period of the pods still, which get SIGTERM only now.
func (r *Router) Drain(ctx context.Context, release *davit.Release) (remaining int64, err error) {
	r.mu.Lock()
	_, known := r.idle[release.ID]
	r.mu.Unlock()
	if !known && r.options.Name != "" {
		if err := r.seeOff(ctx, release); err != nil {
			return 0, fmt.Errorf("draining %s: %w", release.ID, err)
		}
	}
	return 0, r.rest(ctx, release)
}

// rest is Drain, counted from now when nobody knows since when the release has been
// without a share.
func (r *Router) rest(ctx context.Context, release *davit.Release) error {
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
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// seeOff returns when the front door leads nobody to a release any more that no route
// leads to: a Gateway may be late to notice that.
func (r *Router) seeOff(ctx context.Context, release *davit.Release) error {
	if len(release.Config.Routes) == 0 {
		return nil
	}
	if err := r.cluster.ready(ctx); err != nil {
		return err
	}
	d, gateway, err := r.doors(ctx, release)
	if err != nil {
		return err
	}
	o := r.observer(davit.Routing{Split: davit.All(release.ID), Stable: release.ID, Releases: []*davit.Release{release}})
	if o.door == nil {
		o.door = newDoor(addressOf(gatewayIn(gateway), r.options.Section))
	}
	o.marks = r.remembered(d)
	return o.seeOff(ctx, release.ID)
}
