//go:build e2e

package kubernetes

import (
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/davit-dev/davit"
)

// A size that an autoscaler chose is nobody's meddling, and declaring again keeps
// it; fewer than were declared are made up for, and none are none.
func TestAutoscaled(t *testing.T) {
	b := newBench(t)
	b.node()
	told := b.runtime.Stray(t.Context())
	r := web(t, "v1", func(s *davit.Service) { s.Autoscale, s.Resources.MilliCPU = &davit.Autoscale{Max: 6, CPU: 70}, 10 })
	name := objectName("shop", "web", r.ID)
	deployments, autoscalers := b.admin.AppsV1().Deployments(b.namespace), b.admin.AutoscalingV2().HorizontalPodAutoscalers(b.namespace)
	replicas := func() int32 {
		d, err := deployments.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return *d.Spec.Replicas
	}
	b.declare(r, davit.Size{"web": 2})
	b.until("two ready", func(all []davit.Instance) bool { return are(all, 2, davit.Ready) })
	h, err := autoscalers.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if *h.Spec.MinReplicas != 2 || h.Spec.MaxReplicas != 6 || *h.Spec.Metrics[0].Resource.Target.AverageUtilization != 70 || len(h.OwnerReferences) != 1 {
		t.Errorf("the autoscaler is %+v", h)
	}
	scale := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: b.namespace}, Spec: autoscalingv1.ScaleSpec{Replicas: 5}}
	if _, err := deployments.UpdateScale(t.Context(), name, scale, metav1.UpdateOptions{}); err != nil { // as an autoscaler does
		t.Fatal(err)
	}
	b.until("five ready", func(all []davit.Instance) bool { return are(all, 5, davit.Ready) })
	b.declare(r, davit.Size{"web": 2})
	if n := replicas(); n != 5 {
		t.Errorf("declaring again made 5 pods %d", n)
	}
	b.declare(r, davit.Size{"web": 6})
	b.until("six ready", func(all []davit.Instance) bool { return are(all, 6, davit.Ready) })
	b.declare(r, davit.Size{"web": 3})
	if n := replicas(); n != 6 {
		t.Errorf("allowing fewer made 6 pods %d", n)
	}
	select {
	case what := <-told:
		t.Errorf("told %q", what)
	default:
	}

	other := []byte(`{"spec":{"template":{"metadata":{"labels":{"team":"checkout"}}}}}`)
	if _, err := deployments.Patch(t.Context(), name, types.MergePatchType, other, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := <-told, "Deployment "+name+" was changed, and is to have 6 pods"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	b.declare(r, nil)
	b.until("none", func(all []davit.Instance) bool { return len(all) == 0 })
	b.poll("the autoscaler is collected", func() bool {
		_, err := autoscalers.Get(t.Context(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

// An autoscaler that was faster than the watch loses nothing: what was written is
// made anew.
func TestAutoscalerIsFaster(t *testing.T) {
	b := newBench(t)
	r := web(t, "v1", func(s *davit.Service) { s.Autoscale, s.Resources.MilliCPU = &davit.Autoscale{Max: 6, CPU: 70}, 10 })
	b.declare(r, davit.Size{"web": 2})
	name := objectName("shop", "web", r.ID)
	stale := b.cluster.deploymentOf(name).DeepCopy()
	if _, err := b.admin.AppsV1().Deployments(b.namespace).Patch(t.Context(), name, types.MergePatchType, []byte(`{"spec":{"replicas":5}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	service := r.Config.Services["web"]
	tries := 0
	d, err := applyLatest(t.Context(), b.cluster.api.deployments(), "Deployment", name, func() (object, error) {
		latest := stale
		if tries++; tries > 1 {
			b.poll("the watch shows it", func() bool { return *b.cluster.deploymentOf(name).Spec.Replicas == 5 })
			latest = b.cluster.deploymentOf(name)
		}
		return atLeast(newWorkload(b.runtime.scope, r, service, true), latest, 3)
	})
	if err != nil {
		t.Fatal(err)
	}
	if tries < 2 || *d.Spec.Replicas != 5 {
		t.Errorf("%d tries left %d pods, want 5", tries, *d.Spec.Replicas)
	}
}
