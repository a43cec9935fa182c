package kubernetes

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestNonRoot(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		pod, own *bool
		want     bool
	}{
		{nil, nil, false}, {&yes, nil, true}, {&no, nil, false}, {nil, &yes, true}, {nil, &no, false}, {&yes, &no, false}, {&no, &yes, true},
	} {
		pod := &corev1.PodSpec{SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: c.pod}}
		own := &corev1.Container{SecurityContext: &corev1.SecurityContext{RunAsNonRoot: c.own}}
		if got := nonRoot(pod, own); got != c.want {
			t.Errorf("the pod says %v, the container %v: %t, want %t", c.pod, c.own, got, c.want)
		}
	}
	if nonRoot(&corev1.PodSpec{}, &corev1.Container{}) {
		t.Error("who says nothing is not kept from being root")
	}
}
