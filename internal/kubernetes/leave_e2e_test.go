//go:build e2e

package kubernetes

import (
	"context"
	"strconv"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/davit-dev/davit"
)

// TestEndpointsFirst has a release lose pods while it has a share. The cluster leads
// nobody to those that go before it is asked to stop them: the revisions of the API
// server tell what was first.
func TestEndpointsFirst(t *testing.T) {
	b := newBench(t)
	b.node()
	r := web(t, "v1")
	name := objectName("shop", "web", r.ID)
	b.declare(r, davit.Size{"web": 3})
	b.until("three ready", func(all []davit.Instance) bool { return are(all, 3, davit.Ready) })
	b.poll("three endpoints", func() bool { return readyEndpoints(b.slices(name)) == 3 })

	b.declare(r, davit.Size{"web": 1})
	shrunk := b.cluster.deploymentOf(name)
	if *shrunk.Spec.Replicas != 1 {
		t.Fatalf("the Deployment is to have %d pods", *shrunk.Spec.Replicas)
	}
	taken := b.cluster.slices.GetIndexer().List()
	for _, o := range taken {
		slice, ok := o.(*discoveryv1.EndpointSlice)
		if !ok || slice.Labels[discoveryv1.LabelServiceName] != name {
			continue
		}
		if n := readyEndpoints([]discoveryv1.EndpointSlice{*slice}); n != 1 {
			t.Errorf("%d endpoints were left when the Deployment was to have 1 pod", n)
		}
	}
	b.until("one ready", func(all []davit.Instance) bool { return are(all, 1, davit.Ready) })
	if pod := b.runtime.idle(b.cluster.deploymentOf(name)); pod != "" {
		t.Errorf("%s stays and serves nobody", pod)
	}
}

// TestLeavingHeldUp has nobody see to the endpoints: no pod is stopped, and those that
// were to go serve again when they are to stay.
func TestLeavingHeldUp(t *testing.T) {
	b := newBench(t)
	b.node()
	r := web(t, "v1")
	name := objectName("shop", "web", r.ID)
	b.declare(r, davit.Size{"web": 2})
	b.until("two ready", func(all []davit.Instance) bool { return are(all, 2, davit.Ready) })
	b.poll("two endpoints", func() bool { return readyEndpoints(b.slices(name)) == 2 })
	b.stuck(name)

	ctx, cancel := context.WithCancel(t.Context())
	declared := make(chan error, 1)
	go func() { declared <- b.runtime.Declare(ctx, r, davit.Size{"web": 1}) }()
	b.until("one that is to go", func([]davit.Instance) bool { return b.idling(name) == 1 })
	cancel()
	if err := <-declared; err == nil {
		t.Error("a pod was taken away that the cluster leads requests to")
	}
	if n := *b.cluster.deploymentOf(name).Spec.Replicas; n != 2 {
		t.Errorf("the Deployment is to have %d pods", n)
	}
	b.declare(r, davit.Size{"web": 2})
	if n := b.idling(name); n != 0 {
		t.Errorf("%d pods that stay serve nobody", n)
	}
}

// TestIdlePodStrays takes a pod's label, which is told and put back.
func TestIdlePodStrays(t *testing.T) {
	b := newBench(t)
	b.node()
	r := web(t, "v1")
	name := objectName("shop", "web", r.ID)
	b.declare(r, davit.Size{"web": 1})
	all := b.until("one ready", func(all []davit.Instance) bool { return are(all, 1, davit.Ready) })
	told := b.runtime.Stray(t.Context())
	patch := []byte(`{"metadata": {"labels": {"` + labelServing + `": null}}}`)
	if _, err := b.admin.CoreV1().Pods(b.namespace).Patch(t.Context(), all[0].ID, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := <-told, "Pod "+all[0].ID+" takes no requests: it has no label "+labelServing; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	b.declare(r, davit.Size{"web": 1})
	if n := b.idling(name); n != 0 {
		t.Errorf("%d pods serve nobody still", n)
	}
}

// idling counts the pods of a workload that are to serve nobody.
func (b *bench) idling(name string) int {
	b.Helper()
	d, n := b.cluster.deploymentOf(name), 0
	for _, pod := range b.cluster.podsOf(b.runtime.scope, workloadOf(d.Labels, d.Annotations)) {
		if !isServing(pod) {
			n++
		}
	}
	return n
}

// slices returns the EndpointSlices of a Service.
func (b *bench) slices(service string) []discoveryv1.EndpointSlice {
	b.Helper()
	list, err := b.admin.DiscoveryV1().EndpointSlices(b.namespace).List(b.Context(), metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + service})
	if err != nil {
		b.Fatal(err)
	}
	return list.Items
}

// stuck adds a slice to a Service that its controller does not see to, with all
// endpoints that there are.
func (b *bench) stuck(service string) {
	b.Helper()
	for i, slice := range b.slices(service) {
		slice.ObjectMeta = metav1.ObjectMeta{Name: service + "-stuck-" + strconv.Itoa(i), Labels: slice.Labels}
		slice.Labels[discoveryv1.LabelManagedBy] = "davit-test"
		if _, err := b.admin.DiscoveryV1().EndpointSlices(b.namespace).Create(b.Context(), &slice, metav1.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func readyEndpoints(slices []discoveryv1.EndpointSlice) (n int) {
	for _, slice := range slices {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				n++
			}
		}
	}
	return n
}
