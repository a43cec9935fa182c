package kubernetes

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/davit-dev/davit"
)

// probeCondition says whether a probe keeps a container that runs from being ready,
// in kubelet's words. Readiness has the cluster's patience, from the container's
// start on: one that has been ready since may be so again, and is waited for. While
// there is a startup probe that has not passed, that one's own limit counts, and
// kubelet ends the container at it.
func probeCondition(pod *corev1.Pod, s corev1.ContainerStatus, warnings []*corev1.Event, now time.Time, patience time.Duration) (c condition, found bool) {
	if s.State.Running == nil || s.Ready {
		return c, false
	}
	started := s.State.Running.StartedAt.Time
	probe := startupProbe(&pod.Spec, s.Name)
	if probe != nil && (s.Started == nil || !*s.Started) {
		ended := s.LastTerminationState.Terminated
		if ended == nil || !outlived(probe, ended) {
			return c, false
		}
		words, _ := unhealthy(warnings, s.Name, "Startup", ended.StartedAt.Time)
		return condition{is: davit.Failed, reason: words}, words != ""
	}
	ready := podCondition(pod, corev1.PodReady)
	words, times := unhealthy(warnings, s.Name, "Readiness", started)
	if patience <= 0 || times < 2 || ready == nil || ready.LastTransitionTime.After(started) {
		return c, false
	}
	c = condition{is: davit.Failed, reason: words}
	if due := started.Add(patience); now.Before(due) {
		c.is, c.due = davit.Starting, due
	}
	return c, true
}

// startupProbe returns that of a container; nil when it has none.
func startupProbe(pod *corev1.PodSpec, container string) *corev1.Probe {
	i := slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == container })
	if i < 0 {
		return nil
	}
	return pod.Containers[i].StartupProbe
}

// outlived reports whether a container lived for as long as its startup probe lets
// it: one that ended earlier ended by itself.
func outlived(p *corev1.Probe, ended *corev1.ContainerStateTerminated) bool {
	limit := time.Duration(p.InitialDelaySeconds+p.PeriodSeconds*(p.FailureThreshold-1)) * time.Second
	return ended.FinishedAt.Sub(ended.StartedAt.Time) >= limit
}

// unhealthy returns the last warning that a probe of a container failed since some
// time, "" for none, and how many times such were told.
func unhealthy(warnings []*corev1.Event, container, probe string, since time.Time) (words string, times int) {
	for _, e := range warnings {
		about := e.InvolvedObject.FieldPath
		if e.Reason != "Unhealthy" || about != "" && about != "spec.containers{"+container+"}" ||
			!strings.HasPrefix(e.Message, probe) || seenAt(e).Before(since) {
			continue
		}
		words = sentence(e.Reason, e.Message)
		times += timesSeen(e)
	}
	return words, times
}
