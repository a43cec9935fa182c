package kubernetes

import (
	"context"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// driftPause is how long at least there is between two reports of drift, so that
// somebody who changes routes again and again is not answered without end.
const driftPause = 5 * time.Second

// Drift returns a channel that receives the split that is in effect after somebody
// else changed or deleted what the last routing is made of: routes, or without a
// Gateway the environment's Services. It is closed after ctx ended or the cluster was
// closed.
func (r *Router) Drift(ctx context.Context) <-chan davit.Split {
	out := make(chan davit.Split, 1)
	running := r.cluster.run(func(life context.Context) {
		defer close(out)
		changes, drifted := r.cluster.changes, r.driftedPlain
		if r.options.Name != "" {
			d, err := r.cluster.doors()
			if err != nil {
				return // whoever routes is told
			}
			changes, drifted = d.changes, func(context.Context) (davit.Split, bool) { return routingOf(d.routesOf(r.scope)).Split, r.drifted(d) }
		}
		changed := changes.subscribe(ctx, r.scope)
		for {
			select {
			case _, open := <-changed:
				if !open {
					return
				}
			case <-life.Done():
				return
			}
			split, so := drifted(life)
			if !so {
				continue
			}
			select {
			case out <- split:
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

// driftedPlain reports whether a Service does not lead to where it was applied to lead,
// and what the Services make of the traffic then.
func (r *Router) driftedPlain(ctx context.Context) (davit.Split, bool) {
	r.mu.Lock()
	held := r.held
	r.mu.Unlock()
	seen := r.plainServices()
	for _, want := range held {
		if !slices.ContainsFunc(seen, func(s *corev1.Service) bool { return leadsAlike(s, want) }) {
			routing, err := r.routingPlain(ctx)
			return routing.Split, err == nil
		}
	}
	return nil, false
}

// leadsAlike reports whether one Service is the other one as it was applied. What else
// others say of it, such as its type, is theirs.
func leadsAlike(s, want *corev1.Service) bool {
	return s.UID == want.UID && maps.Equal(s.Spec.Selector, want.Spec.Selector) &&
		slices.EqualFunc(s.Spec.Ports, want.Spec.Ports, func(a, b corev1.ServicePort) bool {
			a.NodePort, b.NodePort = 0, 0
			return equality.Semantic.DeepEqual(a, b)
		})
}

// holdsPlain notes the Services that are in effect now; nil for while they change.
func (r *Router) holdsPlain(applied []*corev1.Service) {
	r.mu.Lock()
	r.held = applied
	r.mu.Unlock()
	r.cluster.changes.send(r.scope) // what changed meanwhile was not looked at
}
