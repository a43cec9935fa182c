package kubernetes

import (
	"fmt"
	"math"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/davit-dev/davit"
)

// workload is one service of a release as the objects that run it.
type workload struct {
	scope
	release *davit.Release
	service davit.Service
	name    string // of all the objects
	sleeps  bool   // the API server knows preStop sleeps
}

func newWorkload(s scope, release *davit.Release, service davit.Service, sleeps bool) workload {
	return workload{
		scope: s, release: release, service: service, sleeps: sleeps,
		name: objectName(s.application, service.Name, release.ID),
	}
}

// meta is the metadata of the workload's objects; owner is the Deployment that
// they go with, nil for that itself.
func (w workload) meta(owner *appsv1.Deployment) metav1.ObjectMeta {
	m := metav1.ObjectMeta{
		Name: w.name, Labels: w.serviceLabels(w.release, w.service.Name),
		Annotations: map[string]string{annotationRelease: string(w.release.ID)},
	}
	if owner != nil {
		m.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: owner.Name, UID: owner.UID}}
	}
	return m
}

// deployment runs n pods. Its template never changes: another release has
// another Deployment.
func (w workload) deployment(n int) (*appsv1.Deployment, error) {
	template, err := w.template()
	if err != nil {
		return nil, err
	}
	replicas, history := int32(n), int32(1) //nolint:gosec // 0 to 1000
	surge, unavailable := intstr.FromInt32(1), intstr.FromInt32(0)
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: w.meta(nil),
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, RevisionHistoryLimit: &history,
			Selector: &metav1.LabelSelector{MatchLabels: w.selector(w.release.ID, w.service.Name)},
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &unavailable},
			},
			Template: *template,
		},
	}, nil
}

// endpoint is the Service that a router sends the release's share to.
func (w workload) endpoint(owner *appsv1.Deployment) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: w.meta(owner),
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, Selector: endpoints(w.selector(w.release.ID, w.service.Name)), Ports: []corev1.ServicePort{servicePort(w.service)},
		},
	}
}

// The names of a Service's port.
const (
	portHTTP = "http"
	portGRPC = "grpc" // also how it is known that the environment has GRPCRoutes
)

// servicePort is where a Service leads to a service, and what is spoken there.
func servicePort(service davit.Service) corev1.ServicePort {
	port := corev1.ServicePort{Name: portHTTP, Port: portOf(service), TargetPort: intstr.FromInt32(portOf(service)), Protocol: corev1.ProtocolTCP}
	if service.Protocol.HTTP2() {
		port.AppProtocol = new("kubernetes.io/h2c")
	}
	if service.Protocol == davit.ProtocolGRPC {
		port.Name = portGRPC
	}
	return port
}

// budget lets nodes be drained one pod at a time, while n pods of the workload are to
// run. The last pod of a service that is to have several stays: that is so in the
// middle of a rollout, when the release has a share that nobody else would answer, and
// its place is taken as the rollout goes on. While there are two and the second one is
// told to go, neither may be evicted, or both would leave: so none may be, and not all
// but one. One that is to have a single pod lets it go, or it would keep its node for
// ever. A pod that is not ready is in nobody's way.
func (w workload) budget(owner *appsv1.Deployment, n int) *policyv1.PodDisruptionBudget {
	evictable, unready := intstr.FromInt32(1), policyv1.AlwaysAllow
	if w.keepsLast(n) {
		evictable = intstr.FromInt32(0)
	}
	return &policyv1.PodDisruptionBudget{
		TypeMeta:   metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"},
		ObjectMeta: w.meta(owner),
		Spec: policyv1.PodDisruptionBudgetSpec{
			Selector:                   &metav1.LabelSelector{MatchLabels: w.selector(w.release.ID, w.service.Name)},
			MaxUnavailable:             &evictable,
			UnhealthyPodEvictionPolicy: &unready,
		},
	}
}

// keepsLast reports whether the workload, of which n pods are to run, has only a part
// of its size, and would be without a pod if one went. Of an autoscaled one, n is not
// how many there are.
func (w workload) keepsLast(n int) bool {
	return n == 1 && w.service.Traffic && w.service.Replicas > 1 && w.service.Autoscale == nil
}

// files is the ConfigMap with the service's files; nil when it has none. It
// cannot be changed: another configuration is another release.
func (w workload) files(owner *appsv1.Deployment) *corev1.ConfigMap {
	if len(w.service.Files) == 0 {
		return nil
	}
	immutable := true
	m := &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: w.meta(owner), Immutable: &immutable, BinaryData: map[string][]byte{},
	}
	for i, f := range w.service.Files {
		m.BinaryData[fileKey(i)] = f.Content
	}
	return m
}

// fileKey is the key of a service's file in its ConfigMap, whose keys cannot be
// paths.
func fileKey(index int) string { return fmt.Sprintf("file-%d", index) }

// seconds returns d in whole seconds, rounded up.
func seconds(d davit.Duration) int64 {
	return int64(math.Ceil(time.Duration(d).Seconds()))
}
