package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/davit-dev/davit"
)

// Declare says how many instances of each service of a release there should be.
// It returns when the API server has taken that and the watch has shown it, so
// that whoever lists instances afterwards sees what was declared. A service that
// is to have none is deleted with all that belongs to it; its pods leave as they
// do when they are too many. With the last of its services the environment is
// nobody's again.
func (r *Runtime) Declare(ctx context.Context, release *davit.Release, size davit.Size) error {
	if err := r.cluster.ready(ctx); err != nil {
		return fmt.Errorf("declaring %s: %w", release.ID, err)
	}
	claim := r.cluster.claimed(r.scope)
	if size.Total() > 0 {
		claim = r.Claim(ctx)
	}
	if claim != nil {
		return claim
	}
	for _, d := range r.cluster.deploymentsIn(r.scope) {
		if d.Annotations[annotationRelease] == string(release.ID) && size[d.Labels[labelService]] == 0 {
			if err := r.remove(ctx, d); err != nil {
				return err
			}
		}
	}
	for _, service := range slices.Sorted(maps.Keys(size)) {
		if n := size[service]; n > 0 {
			if err := r.run(ctx, release, service, n); err != nil {
				return err
			}
		}
	}
	if len(r.cluster.deploymentsIn(r.scope)) == 0 {
		return r.relinquish(ctx)
	}
	return nil
}

// remove deletes a Deployment, and the cluster what belongs to it.
func (r *Runtime) remove(ctx context.Context, d *appsv1.Deployment) error {
	r.forget(d.Name)
	propagation := metav1.DeletePropagationBackground
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
	return r.await(ctx, func() bool {
		seen := r.cluster.deploymentOf(d.Name)
		return seen == nil || seen.UID != d.UID
	})
}

// run has n instances of a service of a release run.
func (r *Runtime) run(ctx context.Context, release *davit.Release, name string, n int) error {
	service, ok := release.Config.Services[name]
	if !ok {
		return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("release %s has no service %s", release.ID, name)}
	}
	sleeps, err := r.cluster.knowsSleep(ctx)
	if err != nil {
		return err
	}
	w := newWorkload(r.scope, release, service, sleeps)
	r.forget(w.name)
	d, complaints := r.cluster.deploymentOf(w.name), r.cluster.complaints(r.scope, w.name)
	if len(complaints) > 0 || !r.complete(w) {
		if d, err = r.prepare(ctx, w, n); err != nil {
			return err
		}
	}
	if w.keepsLast(n) { // before there is only that one
		if err := r.guard(ctx, w, d, n); err != nil {
			return err
		}
	}
	if err := r.leave(ctx, w, d, n); err != nil {
		return err
	}
	if d, err = r.size(ctx, w, d, n); err != nil {
		return err
	}
	if !w.keepsLast(n) {
		if err := r.loosen(ctx, w, d, n); err != nil {
			return err
		}
	}
	if err := r.await(ctx, func() bool { return r.complete(w) }); err != nil { // what is not in view yet is not gone
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.declared[w.name] = declaration{d, service.Autoscale != nil, service.Traffic, complaints}
	return nil
}

// size writes the Deployment with n pods, or at least n where an autoscaler gives more,
// and returns it when it is in view.
func (r *Runtime) size(ctx context.Context, w workload, d *appsv1.Deployment, n int) (*appsv1.Deployment, error) {
	var err error
	if w.service.Autoscale != nil {
		d, err = r.raise(ctx, w, d, n)
	} else {
		d, err = r.apply(ctx, w, n)
	}
	if err != nil {
		return nil, err
	}
	return d, r.await(ctx, func() bool {
		seen := r.cluster.deploymentOf(w.name)
		return seen != nil && seen.UID == d.UID && seen.Generation >= d.Generation
	})
}

// complete reports whether a workload has all that its pods need, as far as that is
// in view: it got pods only then. Its files are not, but pods complain without them.
func (r *Runtime) complete(w workload) bool {
	d := r.cluster.deploymentOf(w.name)
	if d == nil || d.DeletionTimestamp != nil || d.Spec.Replicas == nil || *d.Spec.Replicas == 0 {
		return false
	}
	return (!w.service.Traffic || r.cluster.hasService(w.name)) && r.cluster.budgetOf(w.name) != nil
}

// prepare makes the Deployment, without a pod when it is new, and what belongs to
// it.
func (r *Runtime) prepare(ctx context.Context, w workload, n int) (*appsv1.Deployment, error) {
	d, err := r.found(ctx, w)
	if err != nil {
		return nil, err
	}
	if m := w.files(d); m != nil {
		if _, err := apply(ctx, r.cluster.api.configMaps(), m); err != nil {
			return nil, err
		}
	}
	if w.service.Traffic {
		if _, err := apply(ctx, r.cluster.api.services(), w.endpoint(d)); err != nil {
			return nil, err
		}
	}
	if has := replicas(d); has > 0 { // its budget is for those until it has others
		n = has
	}
	_, err = apply(ctx, r.cluster.api.budgets(), w.budget(d, n))
	return d, err
}

// guard has the budget of a workload be as it is for n pods, before there are only
// those. It returns when the cluster goes by that: until it has counted anew, it would
// let as many go as before.
func (r *Runtime) guard(ctx context.Context, w workload, owner *appsv1.Deployment, n int) error {
	want := w.budget(owner, n)
	if !fits(r.cluster.budgetOf(w.name), want) {
		if _, err := apply(ctx, r.cluster.api.budgets(), want); err != nil {
			return err
		}
	}
	shrinks := replicas(owner) > n
	return r.await(ctx, func() bool {
		b := r.cluster.budgetOf(w.name)
		return fits(b, want) && (!shrinks || b.Status.ObservedGeneration >= b.Generation)
	})
}

// loosen has the budget of a workload be as it is for n pods again, when the cluster
// has begun to count with those: until then it would let the only one go.
func (r *Runtime) loosen(ctx context.Context, w workload, d *appsv1.Deployment, n int) error {
	if fits(r.cluster.budgetOf(w.name), w.budget(d, n)) {
		return nil
	}
	err := r.await(ctx, func() bool {
		seen := r.cluster.deploymentOf(w.name)
		return seen != nil && seen.UID == d.UID && seen.Status.ObservedGeneration >= d.Generation
	})
	if err != nil {
		return err
	}
	return r.guard(ctx, w, d, n)
}

// fits reports whether a budget allows what it is to.
func fits(b, want *policyv1.PodDisruptionBudget) bool {
	return b != nil && b.Spec.MinAvailable == nil && equality.Semantic.DeepEqual(b.Spec.MaxUnavailable, want.Spec.MaxUnavailable)
}

// found writes the Deployment with as many pods as it has, none when it is new.
func (r *Runtime) found(ctx context.Context, w workload) (*appsv1.Deployment, error) {
	d := r.cluster.deploymentOf(w.name)
	switch {
	case d == nil || d.DeletionTimestamp != nil || d.Spec.Replicas == nil:
		return r.apply(ctx, w, 0)
	case w.service.Autoscale != nil:
		return r.keep(ctx, w, d, 0)
	}
	return r.apply(ctx, w, int(*d.Spec.Replicas))
}

func (r *Runtime) apply(ctx context.Context, w workload, n int) (*appsv1.Deployment, error) {
	d, err := w.deployment(n)
	if err != nil {
		return nil, err
	}
	return apply(ctx, r.cluster.api.deployments(), d)
}
