package engine

import (
	"context"
	"fmt"

	"github.com/davit-dev/davit"
)

// settle returns the driver of an environment at the site that a request names.
// When that is another one than before, the driver gives up its place to one that
// has the site's own runtime and router, as a new server would.
func (e *Engine) settle(ctx context.Context, d *driver, req DeployRequest) (*driver, error) {
	left := false
	err := d.do(ctx, func(ctx context.Context) (err error) {
		left, err = d.leave(ctx, req)
		return err
	})
	if err != nil || !left {
		return d, err
	}
	<-d.end
	e.mu.Lock()
	if e.drivers[d.place] == d {
		delete(e.drivers, d.place)
	}
	e.mu.Unlock()
	next, err := e.newDriver(ptr(*d.env))
	if err != nil {
		return nil, err
	}
	return e.start(next), nil
}

// leave records another site, and has the driver end. left is false when the site
// is the same.
func (d *driver) leave(ctx context.Context, req DeployRequest) (left bool, err error) {
	switch {
	case d.env.Site.Equal(req.Site):
		return false, nil
	case d.env.Revision == 0: // nothing is recorded that could be elsewhere
	case d.env.Site.Elsewhere(req.Site) && len(d.env.State.Run) > 0:
		return false, &davit.Error{
			Code: davit.CodeRefused, Message: fmt.Sprintf("%s runs at another place of platform %q than the release asks for", d.place, d.on),
			Hint: "take it down first, or give the new place another environment",
		}
	case d.rollout != nil || len(d.queue) > 0:
		return false, d.busy()
	}
	next := *d.env
	next.Site = req.Site
	if _, err := d.Platform(next); err != nil {
		return false, err
	}
	t := d.transition(d.Now())
	t.audit(req.Actor, "environment.move", req.Reason, d.env.Site, req.Site)
	t.env.Site, t.envDirty = req.Site, true
	if err := d.commit(ctx, t); err != nil {
		return false, err
	}
	d.left = true
	return true, nil
}
