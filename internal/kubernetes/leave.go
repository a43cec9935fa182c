package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// labelServing is on the pods that Services lead to. The Deployment does not
	// select by it, so that a pod without it goes on running.
	labelServing = "davit.dev/serving"
	serving      = "true"
	// annotationCost has a ReplicaSet stop those of its pods first that have less.
	annotationCost = corev1.PodDeletionCost
)

// endpoints are the labels that Services select the pods of a workload by.
func endpoints(selector map[string]string) map[string]string {
	all := maps.Clone(selector)
	all[labelServing] = serving
	return all
}

// leave takes as many pods out of the endpoints as a Deployment has more than n, and
// returns when the cluster leads nobody to them any more: only then may they be told
// to stop. Kubernetes does both at once, and a pod would be gone with requests still on
// their way to it where the endpoints are behind, such as while the control plane
// restarts. A pod that is to stay after all is put back.
func (r *Runtime) leave(ctx context.Context, w workload, d *appsv1.Deployment, n int) error {
	if !w.service.Traffic || w.service.Autoscale != nil { // nobody is led to it; it loses pods only with all others
		return nil
	}
	pods := r.cluster.podsOf(r.scope, workloadOf(w.serviceLabels(w.release, w.service.Name), map[string]string{annotationRelease: string(w.release.ID)}))
	leaving, staying := sides(pods, replicas(d), n)
	for _, pod := range leaving {
		if err := r.serve(ctx, pod, false); err != nil {
			return err
		}
	}
	for _, pod := range staying {
		if err := r.serve(ctx, pod, true); err != nil {
			return err
		}
	}
	is := func(pod *corev1.Pod, serves bool) bool {
		now := r.cluster.podNow(pod)
		return now == nil || isServing(now) == serves
	}
	err := r.await(ctx, func() bool {
		return !slices.ContainsFunc(staying, func(p *corev1.Pod) bool { return !is(p, true) }) &&
			!slices.ContainsFunc(leaving, func(p *corev1.Pod) bool { return !is(p, false) || r.cluster.isEndpoint(r.scope, p) })
	})
	if err != nil {
		return fmt.Errorf("taking pods of %s out of the endpoints: %w", w.name, err)
	}
	return nil
}

// sides sorts pods, and returns those that leave when a Deployment is to have n instead
// of has, and those that stay. What is between them is neither: a pod that the cluster
// is about to stop already, or one too many while it replaces another.
func sides(pods []*corev1.Pod, has, n int) (leaving, staying []*corev1.Pod) {
	slices.SortFunc(pods, leavesFirst)
	return pods[:max(min(len(pods), has)-n, 0)], pods[max(len(pods)-n, 0):]
}

// leavesFirst sorts pods as a ReplicaSet stops them: those that do not serve come
// first, then those that were chosen already, then the youngest.
func leavesFirst(a, b *corev1.Pod) int {
	rank := func(p *corev1.Pod) int {
		switch {
		case !isReady(p):
			return 0
		case !isServing(p):
			return 1
		}
		return 2
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), b.CreationTimestamp.Compare(a.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
}

func isServing(pod *corev1.Pod) bool { return pod.Labels[labelServing] == serving }

func isReady(pod *corev1.Pod) bool {
	c := podCondition(pod, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionTrue
}

// serve has a pod be an endpoint, or be none and the first to go.
func (r *Runtime) serve(ctx context.Context, pod *corev1.Pod, on bool) error {
	if isServing(pod) == on {
		return nil
	}
	label, cost := any(serving), any(nil) // null takes away
	if !on {
		label, cost = nil, "-1"
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":    pod.UID, // a pod of that name that came later is another one
		"labels": map[string]any{labelServing: label}, "annotations": map[string]any{annotationCost: cost},
	}})
	if err != nil {
		return fmt.Errorf("encoding a change of the pod %s: %w", pod.Name, err)
	}
	return persist(ctx, doing("changing", "Pod", pod.Name), func(ctx context.Context) error {
		_, err := r.cluster.api.pods().patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
		if apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // it is gone
			return nil
		}
		return err
	})
}

// podNow returns a pod as it is in view now; nil when it is about to end, or gone.
func (c *Cluster) podNow(pod *corev1.Pod) *corev1.Pod {
	o, _, _ := c.pods.GetIndexer().GetByKey(pod.Namespace + "/" + pod.Name) // a store in memory has no errors
	if now, ok := o.(*corev1.Pod); ok && now.UID == pod.UID && now.DeletionTimestamp == nil {
		return now
	}
	return nil
}

// isEndpoint reports whether a Service of the environment leads to a pod.
func (c *Cluster) isEndpoint(s scope, pod *corev1.Pod) bool {
	for _, slice := range all[*discoveryv1.EndpointSlice](c.slices.GetIndexer(), indexByScope, s.key()) {
		for _, e := range slice.Endpoints {
			if e.TargetRef != nil && e.TargetRef.UID == pod.UID && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
				return true
			}
		}
	}
	return false
}

// podsOf returns the pods of a workload, named as workloadOf does, that are not about
// to end.
func (c *Cluster) podsOf(s scope, name string) []*corev1.Pod {
	return slices.DeleteFunc(c.podsIn(s), func(p *corev1.Pod) bool {
		return workloadOf(p.Labels, p.Annotations) != name || p.DeletionTimestamp != nil ||
			p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded
	})
}

// idle names a pod of a Deployment that takes no requests though none is too many:
// the cluster stopped another one, or somebody took its label; "" for none.
func (r *Runtime) idle(d *appsv1.Deployment) string {
	pods := r.cluster.podsOf(r.scope, workloadOf(d.Labels, d.Annotations))
	i := slices.IndexFunc(pods, func(p *corev1.Pod) bool { return !isServing(p) })
	if i < 0 || len(pods) > int(*d.Spec.Replicas) || d.Spec.Template.Labels[labelServing] != serving {
		return ""
	}
	return pods[i].Name
}
