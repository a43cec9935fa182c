package kubernetes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/davit-dev/davit"
)

// condition is what a pod is doing, and why.
type condition struct {
	is     davit.Condition
	reason string
	// due is when a pod that counts as starting will have failed though nothing
	// happens; zero for never.
	due time.Time
}

// patience is how long a pod is waited for.
type patience struct {
	node  time.Duration // until it has one
	probe time.Duration // from the start of a container until it is ready, when probes fail; 0 for ever
}

// conditionOf judges a pod by its status and the warnings about it, the latest
// last.
func conditionOf(pod *corev1.Pod, warnings []*corev1.Event, now time.Time, patience patience) condition {
	if pod.DeletionTimestamp != nil {
		return condition{is: davit.Draining}
	}
	ready := podCondition(pod, corev1.PodReady)
	if ready != nil && ready.Status == corev1.ConditionTrue {
		return condition{is: davit.Ready}
	}
	if s := podCondition(pod, corev1.PodScheduled); s != nil && s.Status == corev1.ConditionFalse {
		c := condition{is: davit.Starting, reason: sentence(s.Reason, s.Message)}
		due := s.LastTransitionTime.Add(patience.node)
		switch {
		case s.Reason != corev1.PodReasonUnschedulable || pod.Status.NominatedNodeName != "": // gated, or others make room
		case now.Before(due):
			c.due = due
		default:
			c.is = davit.Failed
		}
		return c
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if c, stuck := containerCondition(s); stuck {
			return c
		}
	}
	if c, found := mountCondition(pod, warnings); found {
		return c
	}
	for _, s := range pod.Status.ContainerStatuses {
		if c, found := probeCondition(pod, s, warnings, now, patience.probe); found {
			return c
		}
	}
	c := condition{is: davit.Starting}
	switch {
	case len(warnings) > 0:
		last := warnings[len(warnings)-1]
		c.reason = sentence(last.Reason, last.Message)
	case ready != nil:
		c.reason = sentence(ready.Reason, ready.Message)
	default:
		c.reason = "its containers are not made yet"
	}
	return c
}

func podCondition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	i := slices.IndexFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
	if i < 0 {
		return nil
	}
	return &pod.Status.Conditions[i]
}

// containerCondition says what keeps a container from running. stuck is false
// when nothing is known to, and the way there is said better by warnings.
func containerCondition(s corev1.ContainerStatus) (c condition, stuck bool) {
	c.is = davit.Starting
	if ended := s.State.Terminated; ended != nil && ended.ExitCode != 0 {
		c.reason = "ended with " + ending(ended)
		return c, true
	}
	waiting := s.State.Waiting
	if waiting == nil {
		return c, false
	}
	c.reason = sentence(waiting.Reason, waiting.Message)
	switch waiting.Reason {
	case "", "ContainerCreating", "PodInitializing":
		return c, false
	case "CrashLoopBackOff":
		c.is = davit.Failed
		if last := s.LastTerminationState.Terminated; last != nil {
			c.reason += "; the last time it ended with " + ending(last)
		}
	case "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName":
		c.is = davit.Failed
	case "ErrImagePull":
		if containsAny(waiting.Message, "not found", "manifest unknown", "unauthorized", "denied") {
			c.is = davit.Failed
		}
	case "CreateContainerConfigError":
		if !strings.Contains(waiting.Message, "failed to sync") { // kubelet has not seen the object yet
			c.is = davit.Failed
		}
	case "CreateContainerError", "RunContainerError":
		if !containsAny(waiting.Message, "deadline exceeded", "is reserved for", "connection refused", "connection error", "unavailable", "Unavailable") { // the node's runtime stumbled
			c.is = davit.Failed
		}
	}
	return c, true
}

func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}

// ending says how a container ended.
func ending(t *corev1.ContainerStateTerminated) string {
	text := fmt.Sprintf("exit code %d (%s)", t.ExitCode, t.Reason)
	if t.Signal != 0 {
		text = fmt.Sprintf("signal %d (%s)", t.Signal, t.Reason)
	}
	if message := strings.TrimSpace(t.Message); message != "" {
		text += ": " + message
	}
	return text
}

// sentence joins the API's word for something with what it says about it.
func sentence(reason, message string) string {
	if reason == "" || message == "" {
		return cmp.Or(reason, message)
	}
	return reason + ": " + message
}
