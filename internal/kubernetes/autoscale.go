package kubernetes

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// autoscaler chooses the size of the workload, from n pods on. It goes with the
// Deployment, so that each release has its own: the one that comes is scaled by
// what it does itself, and the one that leaves keeps its pods while it may be
// needed again.
func (w workload) autoscaler(owner *appsv1.Deployment, n int) *autoscalingv2.HorizontalPodAutoscaler {
	least, aim := int32(n), int32(w.service.Autoscale.CPU) //nolint:gosec // 1 to 1000
	return &autoscalingv2.HorizontalPodAutoscaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
		ObjectMeta: w.meta(owner),
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: w.name},
			MinReplicas:    &least, MaxReplicas: max(least, int32(w.service.Autoscale.Max)), //nolint:gosec // as above
			Metrics: []autoscalingv2.MetricSpec{{
				Type: autoscalingv2.ResourceMetricSourceType,
				Resource: &autoscalingv2.ResourceMetricSource{
					Name:   corev1.ResourceCPU,
					Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &aim},
				},
			}},
		},
	}
}

// raise has at least n pods of an autoscaled workload run. The autoscaler hears of
// it first, so that it does not take away what is given here.
func (r *Runtime) raise(ctx context.Context, w workload, owner *appsv1.Deployment, n int) (*appsv1.Deployment, error) {
	if _, err := apply(ctx, r.cluster.api.autoscalers(), w.autoscaler(owner, n)); err != nil {
		return nil, err
	}
	return r.keep(ctx, w, owner, n)
}

// keep writes the Deployment of an autoscaled workload only as it was seen last, so
// that what the autoscaler gave meanwhile stays.
func (r *Runtime) keep(ctx context.Context, w workload, known *appsv1.Deployment, n int) (*appsv1.Deployment, error) {
	return applyLatest(ctx, r.cluster.api.deployments(), "Deployment", w.name, func() (object, error) {
		latest := known
		if seen := r.cluster.deploymentOf(w.name); seen != nil && seen.UID == known.UID && seen.Generation >= known.Generation {
			latest = seen
		}
		return atLeast(w, latest, n)
	})
}

// atLeast is the workload with the pods that it has at its latest, and at least n of
// them. The API server takes it only while that is the latest.
func atLeast(w workload, latest *appsv1.Deployment, n int) (*appsv1.Deployment, error) {
	if has := latest.Spec.Replicas; has != nil {
		n = max(n, int(*has))
	}
	d, err := w.deployment(n)
	if err != nil {
		return nil, err
	}
	d.ResourceVersion = latest.ResourceVersion
	return d, nil
}
