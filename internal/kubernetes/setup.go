package kubernetes

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/davit-dev/davit"
)

// described returns the instance with how its pod was told to run it.
func (c *Cluster) described(i davit.Instance, pod *corev1.Pod) davit.Instance {
	container := serviceContainer(&pod.Spec, i.Service)
	if container == nil {
		return i
	}
	i.Setup = &davit.Setup{
		Image: container.Image, Node: pod.Spec.NodeName, Readiness: container.ReadinessProbe != nil,
		Budgeted: c.budgetOf(objectName(pod.Labels[labelApplication], i.Service, i.Release)) != nil,
		Requests: amounts(container.Resources.Requests), Limits: amounts(container.Resources.Limits),
	}
	i.Setup.NonRoot = nonRoot(&pod.Spec, container)
	if own := container.SecurityContext; own != nil {
		privileged := own.Privileged != nil && *own.Privileged
		i.Setup.ReadOnlyRoot = own.ReadOnlyRootFilesystem != nil && *own.ReadOnlyRootFilesystem
		i.Setup.Unprivileged = own.AllowPrivilegeEscalation != nil && !*own.AllowPrivilegeEscalation && !privileged
	}
	return i
}

// nonRoot reports whether the kubelet refuses to start a container as root, which a
// container says in its pod's place.
func nonRoot(pod *corev1.PodSpec, c *corev1.Container) bool {
	if s := c.SecurityContext; s != nil && s.RunAsNonRoot != nil {
		return *s.RunAsNonRoot
	}
	s := pod.SecurityContext
	return s != nil && s.RunAsNonRoot != nil && *s.RunAsNonRoot
}

func amounts(list corev1.ResourceList) davit.Resources {
	return davit.Resources{MemoryBytes: list.Memory().Value(), MilliCPU: list.Cpu().MilliValue()}
}
