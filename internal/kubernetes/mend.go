package kubernetes

import (
	corev1 "k8s.io/api/core/v1"
)

// complaints are the warnings of a workload's pods that its files are not there, by
// what tells each from all others. A warning that is told again is another one.
//
// Davit does not watch ConfigMaps, which it has no right to read: pods that run do
// not need theirs any more, and those to come say when it is gone.
func (c *Cluster) complaints(s scope, name string) map[string]bool {
	all := map[string]bool{}
	for _, pod := range c.podsIn(s) {
		ready := podCondition(pod, corev1.PodReady)
		if filesOf(pod) != name || pod.DeletionTimestamp != nil || ready != nil && ready.Status == corev1.ConditionTrue {
			continue
		}
		for _, e := range c.warningsOf(pod) {
			if lacksFiles(pod, e) {
				all[string(e.UID)+"/"+e.ResourceVersion] = true
			}
		}
	}
	return all
}

// lost reports whether there are complaints that were not answered by declaring the
// workload.
func (d declaration) lost(complaints map[string]bool) bool {
	for c := range complaints {
		if !d.answered[c] {
			return true
		}
	}
	return false
}
