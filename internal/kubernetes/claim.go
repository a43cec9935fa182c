package kubernetes

import (
	"context"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/davit-dev/davit"
)

// An environment belongs to one installation of Davit: each has a record of its own,
// and two would undo what the other does. A Lease of the environment names it. Of
// those who want an environment that is nobody's, the API server lets one make that.
//
// The Lease never runs out, and no clock is read: an installation that is silent may
// be one that is being repaired, and what it had begun is in its record alone. Who
// knows better deletes the Lease.

// Claim takes the environment for this installation; it refuses one that is another's.
func (r *Runtime) Claim(ctx context.Context) error {
	c := r.cluster
	if err := c.ready(ctx); err != nil {
		return fmt.Errorf("claiming %s/%s: %w", r.scope.application, r.scope.environment, err)
	}
	for c.server != "" && c.holder(r.scope) == "" {
		lease := &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: r.scope.lease(), Labels: r.scope.labels()},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: &c.server},
		}
		err := persist(ctx, doing("making", "Lease", lease.Name), func(ctx context.Context) error {
			err := c.api.leases().create(ctx, lease)
			if apierrors.IsAlreadyExists(err) { // somebody was faster, or the answer to an earlier try was lost
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
		if err := r.await(ctx, func() bool { return c.holder(r.scope) != "" }); err != nil {
			return err
		}
	}
	return c.claimed(r.scope)
}

// relinquish makes the environment nobody's again.
func (r *Runtime) relinquish(ctx context.Context) error {
	c := r.cluster
	lease := c.leaseOf(r.scope)
	if lease == nil || c.server == "" || c.holder(r.scope) != c.server {
		return nil
	}
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &lease.UID, ResourceVersion: &lease.ResourceVersion}}
	err := persist(ctx, doing("deleting", "Lease", lease.Name), func(ctx context.Context) error {
		err := c.api.leases().remove(ctx, lease.Name, options)
		if apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // gone, or another's by now
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.await(ctx, func() bool {
		seen := c.leaseOf(r.scope)
		return seen == nil || seen.UID != lease.UID || seen.ResourceVersion != lease.ResourceVersion
	})
}

// claimed refuses an environment that another installation runs.
func (c *Cluster) claimed(s scope) error {
	holder := c.holder(s)
	if holder == "" || holder == c.server {
		return nil
	}
	return &davit.Error{
		Code:    davit.CodeRefused,
		Message: fmt.Sprintf("%s/%s in %s is run by another Davit, %s", s.application, s.environment, c, holder),
		Hint: fmt.Sprintf("deploy it from there; or, if that one is gone for good, make it nobody's: kubectl --namespace %s delete lease %s",
			c.namespace, s.lease()),
	}
}

// holder names the installation that an environment belongs to; "" for nobody's.
func (c *Cluster) holder(s scope) string {
	if lease := c.leaseOf(s); lease != nil && lease.Spec.HolderIdentity != nil {
		return *lease.Spec.HolderIdentity
	}
	return ""
}

// leaseOf returns the Lease of an environment, nil when there is none.
func (c *Cluster) leaseOf(s scope) *coordinationv1.Lease {
	o, _, _ := c.leases.GetIndexer().GetByKey(c.namespace + "/" + s.lease()) // a store in memory has no errors
	lease, _ := o.(*coordinationv1.Lease)
	return lease
}

// lease names the Lease of an environment.
func (s scope) lease() string { return environmentName(s.application, s.environment) }
