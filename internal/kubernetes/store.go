package kubernetes

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// The indexes of what is in view.
const (
	indexByScope = "scope"
	indexByPod   = "pod"
)

// scopeKey is the key of a scope in an index. No label has a slash.
func (s scope) key() string { return s.application + "/" + s.environment }

// byScope indexes objects by the environment that they belong to.
func byScope(object any) ([]string, error) {
	o, ok := object.(metav1.Object)
	if !ok {
		return nil, nil
	}
	return []string{scopeOf(o.GetLabels()).key()}, nil
}

// byPod indexes events by the UID of the pod that they are about.
func byPod(object any) ([]string, error) {
	e, ok := object.(*corev1.Event)
	if !ok {
		return nil, nil
	}
	return []string{string(e.InvolvedObject.UID)}, nil
}

// slim forgets of an object in view who owns its fields: much text that nobody
// reads.
func slim(object any) (any, error) {
	if o, ok := object.(metav1.Object); ok {
		o.SetManagedFields(nil)
	}
	return object, nil
}

// all returns the objects of an index's key.
func all[T any](indexer cache.Indexer, index, key string) []T {
	objects, err := indexer.ByIndex(index, key)
	if err != nil { // there is no such index: a defect that every test meets
		panic(err)
	}
	typed := make([]T, 0, len(objects))
	for _, o := range objects {
		if t, ok := o.(T); ok {
			typed = append(typed, t)
		}
	}
	return typed
}

// deploymentsIn returns the Deployments of an environment. They belong to the
// watch, and are not to be changed.
func (c *Cluster) deploymentsIn(s scope) []*appsv1.Deployment {
	return all[*appsv1.Deployment](c.deployments.GetIndexer(), indexByScope, s.key())
}

// podsIn returns the pods of an environment, as deploymentsIn does.
func (c *Cluster) podsIn(s scope) []*corev1.Pod {
	return all[*corev1.Pod](c.pods.GetIndexer(), indexByScope, s.key())
}

// warningsOf returns the warnings about a pod, the latest last.
func (c *Cluster) warningsOf(pod *corev1.Pod) []*corev1.Event {
	warnings := all[*corev1.Event](c.events.GetIndexer(), indexByPod, string(pod.UID))
	slices.SortFunc(warnings, func(a, b *corev1.Event) int { return seenAt(a).Compare(seenAt(b)) })
	return warnings
}

// seenAt returns when an event was last seen. Which field says so depends on who
// reported it.
func seenAt(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	default:
		return e.EventTime.Time
	}
}

// timesSeen returns how often an event was seen.
func timesSeen(e *corev1.Event) int {
	if e.Series != nil {
		return int(e.Series.Count)
	}
	return max(int(e.Count), 1)
}

// deploymentOf returns the Deployment of that name; nil when there is none.
func (c *Cluster) deploymentOf(name string) *appsv1.Deployment {
	o, _, _ := c.deployments.GetIndexer().GetByKey(c.namespace + "/" + name) // a store in memory has no errors
	d, _ := o.(*appsv1.Deployment)
	return d
}

// hasService reports whether there is a Service of that name.
func (c *Cluster) hasService(name string) bool {
	_, there, _ := c.services.GetIndexer().GetByKey(c.namespace + "/" + name) // as above
	return there
}

// called reports whether an environment has releases that are called by gRPC.
func (c *Cluster) called(s scope) bool {
	return slices.ContainsFunc(c.services.GetIndexer().List(), func(o any) bool {
		service, ok := o.(*corev1.Service)
		return ok && scopeOf(service.Labels) == s && slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == portGRPC })
	})
}

// budgetOf returns the PodDisruptionBudget of that name; nil when there is none.
func (c *Cluster) budgetOf(name string) *policyv1.PodDisruptionBudget {
	o, _, _ := c.budgets.GetIndexer().GetByKey(c.namespace + "/" + name) // as above
	b, _ := o.(*policyv1.PodDisruptionBudget)
	return b
}
