package kubernetes

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/davit-dev/davit"
)

// budget lets nodes be drained one pod of a service at a time, whichever release it
// is of: two releases that share the traffic share it too. It never forbids it: a
// service of one instance would keep its node for ever. It goes when the last of
// the Deployments that own it is gone.
func (w workload) budget(owners ...*appsv1.Deployment) *policyv1.PodDisruptionBudget {
	most := intstr.FromInt32(1)
	labels := w.labels()
	labels[labelComponent], labels[labelService] = w.service.Name, w.service.Name
	b := &policyv1.PodDisruptionBudget{
		TypeMeta:   metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"},
		ObjectMeta: metav1.ObjectMeta{Name: plainName(w.scope, w.service.Name), Labels: labels},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: &most,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{
				labelApplication: w.application, labelEnvironment: w.environment, labelService: w.service.Name,
			}},
		},
	}
	for _, d := range owners {
		b.OwnerReferences = append(b.OwnerReferences, metav1.OwnerReference{APIVersion: "apps/v1", Kind: "Deployment", Name: d.Name, UID: d.UID})
	}
	return b
}

// alike returns the Deployments of a service in all releases, d among them, without
// those that are about to go.
func (r *Runtime) alike(d *appsv1.Deployment, service string) []*appsv1.Deployment {
	all := []*appsv1.Deployment{d}
	for _, other := range r.cluster.deploymentsIn(r.scope) {
		if other.Labels[labelService] == service && other.DeletionTimestamp == nil && other.Name != d.Name {
			all = append(all, other)
		}
	}
	return all
}

// budgeted reports whether the pods of a Deployment are counted before a node is
// emptied of them.
func (c *Cluster) budgeted(s scope, service string, owner types.UID) bool {
	o, _, _ := c.budgets.GetIndexer().GetByKey(c.namespace + "/" + plainName(s, service)) // a store in memory has no errors
	b, ok := o.(*policyv1.PodDisruptionBudget)
	return ok && slices.ContainsFunc(b.OwnerReferences, func(r metav1.OwnerReference) bool { return r.UID == owner })
}

// budgetedPod is budgeted for a pod.
func (c *Cluster) budgetedPod(s scope, service string, id davit.ReleaseID) bool {
	d := c.deploymentOf(objectName(s.application, service, id))
	return d != nil && c.budgeted(s, service, d.UID)
}
