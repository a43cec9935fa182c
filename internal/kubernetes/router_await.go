package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// acceptance bounds the wait for a Gateway to take a route: one that says no may
// only not have seen yet what the route refers to.
const acceptance = 10 * time.Second

// await waits until the Gateway serves and has taken the routes as they are in the
// API now, by its own status, and until those that were deleted are out of view.
// Its error says what it says instead.
func (r *Router) await(ctx context.Context, d *doors, gateway cache.SharedIndexInformer, applied []*gatewayv1.HTTPRoute, deleted ...routeRef) error {
	ctx, cancel := context.WithTimeout(ctx, acceptance)
	defer cancel()
	stale := time.NewTicker(staleAfter)
	defer stale.Stop()
	routes, doors := d.changes.subscribe(ctx, r.scope), d.changes.subscribe(ctx, scope{})
	for {
		missing := ""
		if len(applied) > 0 {
			missing = unprogrammed(gatewayIn(gateway))
		}
		for _, ref := range deleted {
			if missing == "" && d.route(ref) != nil {
				missing = fmt.Sprintf("%s is still there", ref)
			}
		}
		for _, want := range applied {
			if missing != "" {
				break
			}
			missing = r.lacks(refOf(want), d.route(refOf(want)), want)
		}
		if missing == "" {
			return nil
		}
		select {
		case <-routes:
		case <-doors:
		case <-stale.C:
			if d.behind(applied, deleted) {
				d.cluster.reconnect(ctx)
			}
		case <-d.cluster.ctx.Done():
			return d.cluster.closed()
		}
		if ctx.Err() != nil {
			return &davit.Error{
				Code: davit.CodeUnavailable, Message: fmt.Sprintf("gateway %s has not taken the routing: %s", r.options.key(d.cluster.namespace), missing), Err: ctx.Err(),
				Hint: "see the status of both by kubectl describe",
			}
		}
	}
}

// behind reports whether what is in view is older than what the API server has taken.
func (d *doors) behind(applied []*gatewayv1.HTTPRoute, deleted []routeRef) bool {
	return slices.ContainsFunc(applied, func(want *gatewayv1.HTTPRoute) bool {
		seen := d.route(refOf(want))
		return seen == nil || seen.UID != want.UID || seen.Generation < want.Generation
	}) || slices.ContainsFunc(deleted, func(ref routeRef) bool { return d.route(ref) != nil })
}

// unprogrammed says why a Gateway does not serve as it is configured now; "" when
// it does.
func unprogrammed(g *gatewayv1.Gateway) string {
	if g == nil {
		return "there is no such Gateway"
	}
	for _, condition := range []gatewayv1.GatewayConditionType{gatewayv1.GatewayConditionAccepted, gatewayv1.GatewayConditionProgrammed} {
		if missing := lacking(g.Status.Conditions, string(condition), g.Generation); missing != "" {
			return "the Gateway is not ready: " + missing
		}
	}
	return ""
}

// unaccepted says why a route is not in effect as it was applied, or as somebody
// has changed it since; "" when it is.
func (r *Router) unaccepted(seen, want *gatewayv1.HTTPRoute) string {
	if seen == nil || seen.UID != want.UID || seen.Generation < want.Generation {
		return "the API server has not shown it yet"
	}
	parent := r.options.parent()
	i := slices.IndexFunc(seen.Status.Parents, func(p gatewayv1.RouteParentStatus) bool { return sameParent(p.ParentRef, parent, seen.Namespace) })
	if i < 0 {
		return "the Gateway's controller has not looked at it yet"
	}
	for _, condition := range []gatewayv1.RouteConditionType{gatewayv1.RouteConditionAccepted, gatewayv1.RouteConditionResolvedRefs} {
		if missing := lacking(seen.Status.Parents[i].Conditions, string(condition), seen.Generation); missing != "" {
			return missing
		}
	}
	return ""
}

// lacks is unaccepted for people, of a named route.
func (r *Router) lacks(ref routeRef, seen, want *gatewayv1.HTTPRoute) string {
	missing := r.unaccepted(seen, want)
	if missing != "" {
		missing = fmt.Sprintf("%s: %s", ref, missing)
	}
	return missing
}

// sameParent reports whether two references of a route in a namespace mean the
// same listeners of the same Gateway.
func sameParent(a, b gatewayv1.ParentReference, namespace string) bool {
	in := func(p gatewayv1.ParentReference) string {
		if p.Namespace != nil {
			return string(*p.Namespace)
		}
		return namespace
	}
	section := func(p gatewayv1.ParentReference) string {
		if p.SectionName != nil {
			return string(*p.SectionName)
		}
		return ""
	}
	return a.Name == b.Name && in(a) == in(b) && section(a) == section(b)
}

// lacking says why a condition does not hold for a generation; "" when it does.
func lacking(conditions []metav1.Condition, name string, generation int64) string {
	c := meta.FindStatusCondition(conditions, name)
	switch {
	case c == nil:
		return name + " is not known yet"
	case c.ObservedGeneration < generation:
		return name + " is not known yet of its latest change"
	case c.Status != metav1.ConditionTrue:
		return fmt.Sprintf("%s is %s, %s: %s", name, c.Status, c.Reason, c.Message)
	}
	return ""
}
