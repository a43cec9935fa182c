//go:build e2e

package kubernetes

import (
	"context"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// An environment that is taken down in the middle of an adoption leaves the plain
// objects as they were, and for good: the same release, deployed later, does not take
// them over.
func TestAdoptionIsAbandoned(t *testing.T) {
	b := newBench(t)
	b.node()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	gateway := GatewayOptions{Name: b.gateway(ctx)}
	labels := map[string]string{"app": "web", labelManagedBy: "hand"}
	route, err := give(ctx, b.cluster.api.routes(), &gatewayv1.HTTPRoute{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayv1.GroupVersion.String(), Kind: "HTTPRoute"},
		ObjectMeta: metav1.ObjectMeta{Name: "web", Labels: labels},
		Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{gateway.parent()}},
			Hostnames:       []gatewayv1.Hostname{"shop.example.org"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := give(ctx, b.cluster.api.deployments(), &appsv1.Deployment{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: metav1.ObjectMeta{Name: "web", Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "docker.io/local/web:v1"}}},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	release, s := web(t, "v1"), scope{"shop", "production"}
	release.Config.Routes = []davit.Route{{Host: "shop.example.org", Prefix: "/", Service: "web"}}
	plain := &Plain{scope: s, namespace: b.namespace, deployments: map[string]*appsv1.Deployment{"web": d}, routes: []*gatewayv1.HTTPRoute{route}}
	for range 2 { // asked again, it goes on where it was
		if err := b.cluster.Claim(ctx, plain, release.ID); err != nil {
			t.Fatal(err)
		}
	}
	router := b.cluster.Router(s.application, s.environment, gateway)
	if err := router.Route(ctx, davit.Routing{}); err != nil {
		t.Fatal(err)
	}
	if claimed, err := b.cluster.Claimed(ctx, s.application, s.environment); claimed || err != nil {
		t.Errorf("it still has plain objects to take over: %v, %v", claimed, err)
	}
	b.declare(release, davit.Size{"web": 3})
	b.until("all ready", func(all []davit.Instance) bool { return are(all, 3, davit.Ready) })
	if err := router.Route(ctx, davit.Routing{Split: davit.All(release.ID), Releases: []*davit.Release{release}, Stable: release.ID}); err != nil {
		t.Fatal(err)
	}
	left, err := b.cluster.plainObjects(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for i := range left.deployments {
		found += b.plainly(&left.deployments[i], labels)
	}
	for i := range left.routes {
		found += b.plainly(&left.routes[i], labels)
	}
	if found != 2 {
		t.Errorf("%d of the 2 plain objects are left", found)
	}
}

// plainly returns 1 for an object that is named web, and wants it to have no word of
// Davit.
func (b *bench) plainly(o metav1.Object, labels map[string]string) int {
	b.Helper()
	if o.GetName() != "web" {
		return 0
	}
	if got := o.GetLabels(); len(got) != len(labels) || got["app"] != "web" || got[labelManagedBy] != labels[labelManagedBy] {
		b.Errorf("its labels are %v, want %v", got, labels)
	}
	for key := range o.GetAnnotations() {
		if key != "deployment.kubernetes.io/revision" {
			b.Errorf("it has the annotation %s", key)
		}
	}
	return 1
}
