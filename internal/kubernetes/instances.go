package kubernetes

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/davit-dev/davit"
)

// lostAfter is how long a pod may stay after its grace period. Then nobody is
// there to end it: its node is gone, and its object stays until that comes back.
const lostAfter = 30 * time.Second

// look lists the environment's instances, the oldest first, and says when they
// will be others though nothing happens; the zero time for never.
func (r *Runtime) look() (all []davit.Instance, due time.Time) {
	now := r.cluster.now()
	deployments := r.cluster.deploymentsIn(r.scope)
	kept := map[string]bool{} // workloads that there is a Deployment of
	for _, d := range deployments {
		kept[workloadOf(d.Labels, d.Annotations)] = true
	}
	alive := map[string]int{} // pods that stay, by their workload
	for _, pod := range r.cluster.podsIn(r.scope) {
		if pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
			continue
		}
		if pod.DeletionTimestamp != nil {
			lost := pod.DeletionTimestamp.Add(lostAfter)
			if !now.Before(lost) {
				continue
			}
			due = earlier(due, lost)
		} else {
			alive[workloadOf(pod.Labels, pod.Annotations)]++
		}
		if !kept[workloadOf(pod.Labels, pod.Annotations)] { // the cluster is about to delete it
			all = append(all, instance(pod, condition{is: davit.Draining}))
			continue
		}
		c := conditionOf(pod, r.cluster.warningsOf(pod), now, r.cluster.patience)
		if !c.due.IsZero() {
			due = earlier(due, c.due)
		}
		all = append(all, r.cluster.described(instance(pod, c), pod))
	}
	for _, d := range deployments {
		all = append(all, missing(d, alive[workloadOf(d.Labels, d.Annotations)])...)
	}
	slices.SortFunc(all, func(a, b davit.Instance) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), strings.Compare(a.ID, b.ID))
	})
	return all, due
}

// earlier returns the earlier of two times, of which the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// workloadOf names the service and release of an object.
func workloadOf(labels, annotations map[string]string) string {
	return labels[labelService] + "/" + annotations[annotationRelease]
}

// instance is a pod as an instance.
func instance(pod *corev1.Pod, c condition) davit.Instance {
	service := pod.Labels[labelService]
	i := davit.Instance{
		ID: pod.Name, Release: davit.ReleaseID(pod.Annotations[annotationRelease]), Service: service,
		Condition: c.is, Reason: c.reason, StartedAt: pod.CreationTimestamp.UTC(),
	}
	for _, s := range pod.Status.ContainerStatuses {
		i.Restarts += int(s.RestartCount)
	}
	container := serviceContainer(&pod.Spec, service)
	if container == nil {
		return i
	}
	for _, port := range container.Env {
		if port.Name == "PORT" && pod.Status.PodIP != "" && slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool {
			return strconv.Itoa(int(p.ContainerPort)) == port.Value
		}) {
			i.Address = net.JoinHostPort(pod.Status.PodIP, port.Value)
		}
	}
	for _, s := range pod.Status.ContainerStatuses {
		if s.Name != container.Name {
			continue
		}
		if _, digest, ok := strings.Cut(s.ImageID, "@"); ok {
			i.Artifact = digest
		}
	}
	i.User = userOf(&pod.Spec, container)
	return i
}

// serviceContainer returns the container that runs the service, nil when none is
// known to.
func serviceContainer(pod *corev1.PodSpec, service string) *corev1.Container {
	if i := slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == service }); i >= 0 {
		return &pod.Containers[i]
	}
	if len(pod.Containers) == 1 {
		return &pod.Containers[0]
	}
	return nil
}

// userOf returns the number of the user that a container has to run as, "" when
// its image says.
func userOf(pod *corev1.PodSpec, c *corev1.Container) string {
	if s := c.SecurityContext; s != nil && s.RunAsUser != nil {
		return strconv.FormatInt(*s.RunAsUser, 10)
	}
	if s := pod.SecurityContext; s != nil && s.RunAsUser != nil {
		return strconv.FormatInt(*s.RunAsUser, 10)
	}
	return ""
}

// missing returns an instance for each pod that a Deployment is to have beyond
// those that stay. So nothing that was declared is out of sight because its pods
// cannot be made.
func missing(d *appsv1.Deployment, have int) []davit.Instance {
	if d.Spec.Replicas == nil || d.DeletionTimestamp != nil {
		return nil
	}
	condition, reason := davit.Starting, "its pod is not made yet"
	for _, c := range d.Status.Conditions {
		if c.Type != appsv1.DeploymentReplicaFailure || c.Status != corev1.ConditionTrue {
			continue
		}
		reason = c.Reason + ": " + c.Message
		if refused(c.Message) {
			condition = davit.Failed
		}
	}
	var all []davit.Instance
	for n := have; n < int(*d.Spec.Replicas); n++ {
		all = append(all, davit.Instance{
			ID: fmt.Sprintf("%s-missing-%d", d.Name, n), Release: davit.ReleaseID(d.Annotations[annotationRelease]),
			Service: d.Labels[labelService], Condition: condition, Reason: reason, StartedAt: d.CreationTimestamp.UTC(),
		})
	}
	return all
}

// refused reports whether the API server will not have a pod for what it is, such
// as by a quota or a policy; anything else may pass.
func refused(message string) bool {
	return strings.Contains(message, "is forbidden") || strings.Contains(message, "is invalid")
}
