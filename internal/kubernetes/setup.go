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
	if own := container.SecurityContext; own != nil {
		privileged := own.Privileged != nil && *own.Privileged
		i.Setup.ReadOnlyRoot = own.ReadOnlyRootFilesystem != nil && *own.ReadOnlyRootFilesystem
		i.Setup.Unprivileged = own.AllowPrivilegeEscalation != nil && !*own.AllowPrivilegeEscalation && !privileged
	}
	return i
}

func amounts(list corev1.ResourceList) davit.Resources {
	return davit.Resources{MemoryBytes: list.Memory().Value(), MilliCPU: list.Cpu().MilliValue()}
}
