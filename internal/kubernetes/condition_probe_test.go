package kubernetes

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/davit-dev/davit"
)

// after is the time of the tests, so many seconds later.
func after(seconds int) metav1.Time {
	return metav1.NewTime(at.Add(time.Duration(seconds) * time.Second))
}

// complaint is a warning that a probe of the container web fails, last seen so many
// seconds after the time of the tests.
func complaint(probe string, seen int, count int32) *corev1.Event {
	return &corev1.Event{
		Reason: "Unhealthy", Message: probe + " probe failed: HTTP probe failed with statuscode: 503", Count: count,
		InvolvedObject: corev1.ObjectReference{FieldPath: "spec.containers{web}"}, LastTimestamp: after(seen),
	}
}

// A pod whose probe fails for too long has failed, in kubelet's words; one that
// has more time than that by its startup probe has it.
func TestProbeThatFails(t *testing.T) {
	readiness := []*corev1.Event{complaint("Readiness", 20, 12)}
	startup := []*corev1.Event{complaint("Startup", 9, 2)}
	ended := func(lasted int) func(*corev1.Pod) { // before it was started at the time of the tests
		return func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
				ExitCode: 137, StartedAt: after(-lasted), FinishedAt: after(0),
			}
		}
	}
	for name, c := range map[string]struct {
		change   func(*corev1.Pod)
		startup  bool // it has a startup probe, of 3 times 10 s, that has not passed
		warnings []*corev1.Event
		now      int
		want     davit.Condition
		reason   string // of its probe; "" for none
		due      int
	}{
		"fails for long":           {warnings: readiness, now: 30, want: davit.Failed, reason: "Readiness"},
		"fails for a while":        {warnings: readiness, now: 29, want: davit.Starting, reason: "Readiness", due: 30},
		"failed once":              {warnings: []*corev1.Event{complaint("Readiness", 1, 1)}, now: 60, want: davit.Starting, reason: "Readiness"},
		"each time otherwise":      {warnings: []*corev1.Event{complaint("Readiness", 1, 1), complaint("Readiness", 2, 1)}, now: 60, want: davit.Failed, reason: "Readiness"},
		"failed before it started": {warnings: []*corev1.Event{complaint("Readiness", -1, 12)}, now: 60, want: davit.Starting, reason: "Readiness"},
		"nothing is told":          {now: 60, want: davit.Starting},
		"was ready": {change: func(p *corev1.Pod) { p.Status.Conditions[1].LastTransitionTime = after(5) },
			warnings: readiness, now: 600, want: davit.Starting, reason: "Readiness"},
		"another container's": {change: func(p *corev1.Pod) { p.Status.ContainerStatuses[0].Name = "sidecar" },
			warnings: readiness, now: 60, want: davit.Starting, reason: "Readiness"},
		"may still start up":        {startup: true, warnings: startup, now: 600, want: davit.Starting, reason: "Startup"},
		"did not start up":          {startup: true, change: ended(20), warnings: []*corev1.Event{complaint("Startup", -1, 3)}, now: 1, want: davit.Failed, reason: "Startup"},
		"ended while starting up":   {startup: true, change: ended(19), warnings: []*corev1.Event{complaint("Startup", -1, 2)}, now: 1, want: davit.Starting, reason: "Startup"},
		"is live, and its own fail": {warnings: []*corev1.Event{complaint("Liveness", 20, 3)}, now: 60, want: davit.Starting, reason: "Liveness"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web"}, {Name: "sidecar"}}},
				Status: unready(corev1.ContainerStatus{
					Name: "web", Started: new(!c.startup), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: after(0)}},
				}),
			}
			pod.Status.Conditions[1].LastTransitionTime = after(-1)
			if c.startup {
				pod.Spec.Containers[0].StartupProbe = &corev1.Probe{PeriodSeconds: 10, FailureThreshold: 3}
			}
			if c.change != nil {
				c.change(pod)
			}
			want := condition{is: c.want, reason: "ContainersNotReady: containers with unready status: [web]"}
			if c.reason != "" {
				want.reason = "Unhealthy: " + c.reason + " probe failed: HTTP probe failed with statuscode: 503"
			}
			if c.due > 0 {
				want.due = after(c.due).Time
			}
			if got := conditionOf(pod, c.warnings, after(c.now).Time, patience{probe: 30 * time.Second}); got != want {
				t.Errorf("%+v\nwant %+v", got, want)
			}
			if got := conditionOf(pod, c.warnings, after(c.now).Time, patience{}); !c.startup && got.is != davit.Starting {
				t.Errorf("without a limit it is %s", got.is)
			}
		})
	}
}
