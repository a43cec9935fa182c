package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// outgrown refuses to take traffic from plain objects before the release that gets it
// is ready in full: it is to be no smaller.
func (r *Router) outgrown(routing davit.Routing) error {
	instances, _ := r.cluster.Runtime(r.scope.application, r.scope.environment).look()
	ready := map[davit.ReleaseID]davit.Size{}
	for _, i := range instances {
		if i.Condition == davit.Ready {
			if ready[i.Release] == nil {
				ready[i.Release] = davit.Size{}
			}
			ready[i.Release][i.Service]++
		}
	}
	for _, release := range routing.Releases {
		full := release.Full()
		for _, service := range slices.Sorted(maps.Keys(full)) {
			if n := ready[release.ID][service]; release.ID == routing.Stable && n < full[service] {
				return &davit.Error{
					Code: davit.CodeUnavailable, Message: fmt.Sprintf("%d of %d instances of %s of %s are ready, so the plain objects serve on", n, full[service], service, release.ID),
					Hint: "see davit status and davit logs for why",
				}
			}
		}
	}
	return nil
}

// introduce waits until the Gateway reaches the releases that are to take over from
// plain objects, by routes for those alone who name them.
func (r *Router) introduce(ctx context.Context, d *doors, gateway cache.SharedIndexInformer, o *observer, routing davit.Routing) error {
	if o.door == nil || len(o.marked()) == 0 {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(routing.Split)) {
		by := routing
		by.Split, by.Candidate = nil, id
		wanted, err := newDealing(r.scope, r.options, by, o.marks).deal()
		if err != nil {
			return err
		}
		applied := make([]*gatewayv1.HTTPRoute, len(wanted))
		for i, want := range wanted {
			if applied[i], err = d.cluster.api.applyRoute(ctx, want); err != nil {
				return err
			}
		}
		if err := r.await(ctx, d, gateway, applied); err != nil {
			return err
		}
		if err := o.greet(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// supersede deletes the plain routes. Davit's own, which the Gateway has taken and
// which lead from the same hosts and paths, are in effect from then on at the latest:
// of two that match alike the older one is.
func (r *Router) supersede(ctx context.Context, d *doors, gateway cache.SharedIndexInformer, o *observer, plain []*gatewayv1.HTTPRoute) error {
	if len(o.marked()) < len(o.targets) || len(o.targets) == 0 { // that the releases are reached was not seen
		if _, err := o.settle(ctx, time.Now(), "nothing tells which release answers"); err != nil {
			return err
		}
	}
	var deleted []routeRef
	for _, route := range plain {
		if err := d.cluster.api.removeRoute(ctx, refOf(route)); err != nil {
			return err
		}
		deleted = append(deleted, refOf(route))
	}
	return r.await(ctx, d, gateway, nil, deleted...)
}

// relieve deletes the plain Deployments, when those whose requests they still answer
// have had their time.
func (r *Router) relieve(ctx context.Context, routing davit.Routing) error {
	plain := claimedFor(r.cluster.claimedDeployments(r.scope), routing.Stable)
	if len(plain) == 0 || routing.Split[routing.Stable] == 0 {
		return nil
	}
	if err := r.outgrown(routing); err != nil {
		return err
	}
	for _, release := range routing.Releases {
		leaving := &davit.Release{ID: plainRelease, Config: release.Config}
		if err := r.rest(ctx, leaving); err != nil {
			return err
		}
	}
	propagation := metav1.DeletePropagationBackground
	for _, d := range plain {
		options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &d.UID}, PropagationPolicy: &propagation}
		err := persist(ctx, doing("deleting", "Deployment", d.Name), func(ctx context.Context) error {
			err := r.cluster.api.deployments().remove(ctx, d.Name, options)
			if apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // gone, or another one by now
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.idle, plainRelease) // the next plain objects have their own time
	return nil
}
