package kubernetes

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/davit-dev/davit"
)

// probe puts the service's probes into the container. One with traffic that says
// nothing, and whose template says nothing, is ready when its port accepts
// connections.
func (w workload) probe(c *corev1.Container) {
	port := portOf(w.service)
	for _, p := range []struct {
		says *davit.Probe
		into **corev1.Probe
	}{{w.service.Startup, &c.StartupProbe}, {w.service.Readiness, &c.ReadinessProbe}, {w.service.Liveness, &c.LivenessProbe}} {
		if p.says != nil {
			*p.into = probeOf(p.says, port)
		}
	}
	if w.service.Traffic && c.ReadinessProbe == nil {
		c.ReadinessProbe = &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(port)}},
			PeriodSeconds: 1, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3,
		}
	}
	for _, p := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe} {
		if p != nil {
			p.SuccessThreshold = 1 // Kubernetes knows no other
		}
	}
}

// probeOf returns a probe as kubelet knows it, whose times are whole seconds.
func probeOf(p *davit.Probe, port int32) *corev1.Probe {
	probe := &corev1.Probe{
		PeriodSeconds:    int32(max(seconds(p.Period), 1)),  //nolint:gosec // bounded by the configuration
		TimeoutSeconds:   int32(max(seconds(p.Timeout), 1)), //nolint:gosec // as above
		FailureThreshold: int32(max(p.FailureThreshold, 1)), //nolint:gosec // as above
		SuccessThreshold: int32(max(p.SuccessThreshold, 1)), //nolint:gosec // as above
	}
	own := func(n int) intstr.IntOrString {
		if n == 0 {
			return intstr.FromInt32(port)
		}
		return intstr.FromInt32(int32(n)) //nolint:gosec // 1 to 65535
	}
	switch {
	case p.HTTP != nil:
		get := &corev1.HTTPGetAction{Path: p.HTTP.Path, Port: own(p.HTTP.Port), Scheme: corev1.URISchemeHTTP}
		for _, name := range slices.Sorted(maps.Keys(p.HTTP.Headers)) {
			get.HTTPHeaders = append(get.HTTPHeaders, corev1.HTTPHeader{Name: name, Value: p.HTTP.Headers[name]})
		}
		probe.HTTPGet = get
	case p.Exec != nil:
		probe.Exec = &corev1.ExecAction{Command: p.Exec.Command}
	case p.TCP != nil:
		probe.TCPSocket = &corev1.TCPSocketAction{Port: own(p.TCP.Port)}
	}
	return probe
}
