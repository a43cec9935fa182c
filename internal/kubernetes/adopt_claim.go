package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// labelAdopting is on plain objects that an environment takes over: its value names
// that. They come into view by it and managed-by, and have no labels of the
// environment: they are not of a release.
const labelAdopting = "davit.dev/adopting"

// annotationAdopting is on the same objects, and holds the ID of the release that takes
// over: no other one does, whatever is deployed meanwhile.
const annotationAdopting = "davit.dev/adopting-release"

// annotationManagedBefore is on the same objects, and holds what managed-by said
// before.
const annotationManagedBefore = "davit.dev/managed-before"

// adopting is the value of labelAdopting.
func adopting(s scope) string { return digest(s.key()) }

// Claim marks the plain objects as those that a release of the environment is to take
// over. From then on the router does that as soon as the release is the stable one,
// whenever that is: nothing is lost when the server is gone in between.
func (c *Cluster) Claim(ctx context.Context, p *Plain, release davit.ReleaseID) error {
	doors, err := c.doors()
	if err == nil {
		err = c.ready(ctx)
	}
	if err == nil {
		err = doors.watch(ctx, slices.ContainsFunc(p.routes, func(r *gatewayv1.HTTPRoute) bool { return r.Kind == grpcRoute }))
	}
	if err != nil {
		return err
	}
	for _, route := range p.routes {
		if err := c.relabelRoute(ctx, route, claimOf(route, p.scope, release)); err != nil {
			return err
		}
	}
	for _, d := range p.deployments {
		if err := relabel(ctx, c.api.deployments(), "Deployment", d.Name, claimOf(d, p.scope, release)); err != nil {
			return err
		}
	}
	return c.until(ctx, doors, func() bool {
		return len(claimedFor(doors.claimed(p.scope), release)) >= len(p.routes) &&
			len(claimedFor(c.claimedDeployments(p.scope), release)) >= len(p.deployments)
	})
}

// disclaim makes the plain objects that an environment was to take over and did not
// nobody's again, as they were.
func (c *Cluster) disclaim(ctx context.Context, doors *doors, s scope) error {
	for _, route := range doors.claimed(s) {
		if err := c.relabelRoute(ctx, route, disclaimOf(route)); err != nil {
			return err
		}
	}
	for _, d := range c.claimedDeployments(s) {
		if err := relabel(ctx, c.api.deployments(), "Deployment", d.Name, disclaimOf(d)); err != nil {
			return err
		}
	}
	return c.until(ctx, doors, func() bool { return len(doors.claimed(s))+len(c.claimedDeployments(s)) == 0 })
}

// texts are labels or annotations to be merged; a nil one is taken away.
type texts map[string]any

func claimOf(o metav1.Object, s scope, release davit.ReleaseID) map[string]texts {
	annotations := texts{annotationAdopting: string(release)}
	if before := o.GetLabels()[labelManagedBy]; before != "" && before != fieldManager {
		annotations[annotationManagedBefore] = before
	}
	return map[string]texts{"labels": {labelManagedBy: fieldManager, labelAdopting: adopting(s)}, "annotations": annotations}
}

func disclaimOf(o metav1.Object) map[string]texts {
	labels := texts{labelManagedBy: nil, labelAdopting: nil}
	if before := o.GetAnnotations()[annotationManagedBefore]; before != "" {
		labels[labelManagedBy] = before
	}
	return map[string]texts{"labels": labels, "annotations": {annotationAdopting: nil, annotationManagedBefore: nil}}
}

// relabelRoute is relabel for a route of either kind.
func (c *Cluster) relabelRoute(ctx context.Context, route *gatewayv1.HTTPRoute, meta map[string]texts) error {
	if route.Kind == grpcRoute {
		return relabel(ctx, c.api.calls(), grpcRoute, route.Name, meta)
	}
	return relabel(ctx, c.api.routes(), httpRoute, route.Name, meta)
}

// relabel merges labels and annotations into those of an object. One that is gone has
// none.
func relabel[T interface {
	*appsv1.Deployment | *gatewayv1.HTTPRoute | *gatewayv1.GRPCRoute
	object
}](ctx context.Context, k kind[T], kindName, name string, meta map[string]texts) error {
	patch, err := json.Marshal(map[string]any{"metadata": meta})
	if err != nil {
		return fmt.Errorf("encoding the labels of %s %s: %w", kindName, name, err)
	}
	return persist(ctx, doing("labelling", kindName, name), func(ctx context.Context) error {
		_, err := k.patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// Claimed reports whether an environment has plain objects yet to take over.
func (c *Cluster) Claimed(ctx context.Context, application, environment string) (bool, error) {
	s := scope{application, environment}
	doors, err := c.doors()
	if err == nil {
		err = c.ready(ctx)
	}
	if err == nil {
		err = doors.watch(ctx, c.called(s))
	}
	if err != nil {
		return false, err
	}
	return len(doors.claimed(s))+len(c.claimedDeployments(s)) > 0, nil
}

// Relieved waits until all plain objects of an environment are taken over.
func (c *Cluster) Relieved(ctx context.Context, application, environment string) error {
	s := scope{application, environment}
	doors, err := c.doors()
	if err != nil {
		return err
	}
	return c.until(ctx, doors, func() bool { return len(doors.claimed(s))+len(c.claimedDeployments(s)) == 0 })
}

// until waits until what is in view of plain objects is as it should be.
func (c *Cluster) until(ctx context.Context, doors *doors, so func() bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	routes, deployments := doors.changes.subscribe(ctx, scope{}), c.changes.subscribe(ctx, scope{})
	for !so() {
		select {
		case <-routes:
		case <-deployments:
		case <-c.ctx.Done():
		}
		if c.ctx.Err() != nil {
			return c.closed()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// claimed returns the plain routes that an environment takes over.
func (d *doors) claimed(s scope) []*gatewayv1.HTTPRoute {
	var found []*gatewayv1.HTTPRoute
	for _, informer := range d.watched() {
		found = append(found, claimedIn[*gatewayv1.HTTPRoute](informer, s)...)
	}
	return found
}

// claimedDeployments returns the plain Deployments that an environment takes over.
func (c *Cluster) claimedDeployments(s scope) []*appsv1.Deployment {
	return claimedIn[*appsv1.Deployment](c.deployments, s)
}

// claimedFor returns those of plain objects that a release takes over.
func claimedFor[T metav1.Object](objects []T, release davit.ReleaseID) []T {
	return slices.DeleteFunc(objects, func(o T) bool { return o.GetAnnotations()[annotationAdopting] != string(release) })
}

func claimedIn[T metav1.Object](informer cache.SharedIndexInformer, s scope) []T {
	var found []T
	for _, o := range all[T](informer.GetIndexer(), indexByScope, scope{}.key()) {
		if o.GetLabels()[labelAdopting] == adopting(s) {
			found = append(found, o)
		}
	}
	return found
}

// plainRelease stands for the plain objects where a release is asked for.
const plainRelease davit.ReleaseID = "plain"
