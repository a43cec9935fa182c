package kubernetes

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/davit-dev/davit"
)

// unmountable matches what kubelet says of a volume that waiting does not mend.
// What else keeps it from mounting one may pass: it has not seen the object yet, a
// disk is still elsewhere, a driver has not begun.
var unmountable = regexp.MustCompile(`(configmap|secret) "[^"]+" not found|references non-existent (config|secret) key|hostPath type check failed`)

// mountCondition says whether a volume keeps a pod's containers from being made,
// and will go on to. Kubelet has to say so twice: the first time, what it knows may
// be old.
func mountCondition(pod *corev1.Pod, warnings []*corev1.Event) (c condition, found bool) {
	begun := func(s corev1.ContainerStatus) bool { return s.State.Waiting == nil || s.RestartCount > 0 }
	if slices.ContainsFunc(slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses), begun) {
		return c, false
	}
	times := 0
	for _, e := range warnings {
		if e.Reason == "FailedMount" && unmountable.MatchString(e.Message) && !lacksFiles(pod, e) {
			times += timesSeen(e)
			c = condition{is: davit.Failed, reason: sentence(e.Reason, e.Message)}
		}
	}
	return c, times > 1
}

// lacksFiles reports whether a warning says that the ConfigMap with the files of a
// pod's service is not there. Davit makes that again.
func lacksFiles(pod *corev1.Pod, e *corev1.Event) bool {
	name := filesOf(pod)
	return name != "" && e.Reason == "FailedMount" && strings.Contains(e.Message, fmt.Sprintf("configmap %q not found", name))
}

// filesOf names the ConfigMap with the files of a pod's service; "" when it has none.
func filesOf(pod *corev1.Pod) string {
	i := slices.IndexFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == filesVolume && v.ConfigMap != nil })
	if i < 0 {
		return ""
	}
	return pod.Spec.Volumes[i].ConfigMap.Name
}
