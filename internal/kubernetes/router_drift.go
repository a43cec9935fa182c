package kubernetes

import (
	"context"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// driftPause is how long at least there is between two reports of drift, so that
// somebody who changes routes again and again is not answered without end.
const driftPause = 5 * time.Second

// Drift returns a channel that receives the split that is in effect after somebody
// else changed or deleted a route of the last routing. It is closed after ctx ended
// or the cluster was closed.
func (r *Router) Drift(ctx context.Context) <-chan davit.Split {
	out := make(chan davit.Split, 1)
	running := r.cluster.run(func(life context.Context) {
		defer close(out)
		if r.options.Name == "" {
			return
		}
		d, err := r.cluster.doors()
		if err != nil {
			return // whoever routes is told
		}
		changes := d.changes.subscribe(ctx, r.scope)
		for {
			select {
			case _, open := <-changes:
				if !open {
					return
				}
			case <-life.Done():
				return
			}
			if !r.drifted(d) {
				continue
			}
			select {
			case out <- routingOf(d.routesOf(r.scope)).Split:
			default: // the last one was not received yet
			}
			timer := time.NewTimer(driftPause)
			select {
			case <-timer.C:
			case <-ctx.Done():
			case <-life.Done():
			}
			timer.Stop()
		}
	})
	if !running {
		close(out)
	}
	return out
}

// drifted reports whether a route is not as it was last applied. While a routing is
// being put in effect, none is.
func (r *Router) drifted(d *doors) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ref, generation := range r.applied {
		if seen := d.route(ref); seen == nil || seen.Generation != generation {
			return true
		}
	}
	return false
}

// holds notes the routes that are in effect now; nil for while they change.
func (r *Router) holds(d *doors, applied []*gatewayv1.HTTPRoute) {
	generations := map[routeRef]int64{}
	for _, route := range applied {
		generations[refOf(route)] = route.Generation
	}
	r.mu.Lock()
	r.applied = generations
	r.mu.Unlock()
	d.changes.send(r.scope) // what changed meanwhile was not looked at
}
