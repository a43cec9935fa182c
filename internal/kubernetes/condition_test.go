package kubernetes

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/davit-dev/davit"
)

// at is the time of the tests; pods without a node were first seen so then.
var at = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func waiting(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "web", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func unready(statuses ...corev1.ContainerStatus) corev1.PodStatus {
	return corev1.PodStatus{
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
			{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady", Message: "containers with unready status: [web]"},
		},
		ContainerStatuses: statuses,
	}
}

func unscheduled(reason string) corev1.PodStatus {
	return corev1.PodStatus{Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: reason,
		Message: "0/1 nodes are available: 1 Insufficient cpu.", LastTransitionTime: metav1.NewTime(at),
	}}}
}

func TestCondition(t *testing.T) {
	crashed := waiting("CrashLoopBackOff", "back-off 10s restarting failed container=web")
	crashed.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", Message: "no database\n"}
	killed := corev1.ContainerStatus{Name: "web", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}}}
	preempting := unscheduled(corev1.PodReasonUnschedulable)
	preempting.NominatedNodeName = "node1"
	initialising := unready(waiting("PodInitializing", ""))
	initialising.InitContainerStatuses = []corev1.ContainerStatus{waiting("ImagePullBackOff", "Back-off pulling image \"setup\"")}
	probe := &corev1.Event{Reason: "Unhealthy", Message: "Readiness probe failed: HTTP probe failed with statuscode: 503"}
	mount := &corev1.Event{Reason: "FailedMount", Message: `MountVolume.SetUp failed for volume "data"`}
	unmounted := func(message string, count int32) *corev1.Event {
		return &corev1.Event{Reason: "FailedMount", Message: message, Count: count}
	}
	const (
		noMap    = `MountVolume.SetUp failed for volume "conf" : configmap "shop" not found`
		unseen   = `MountVolume.SetUp failed for volume "conf" : failed to sync configmap cache: timed out waiting for the condition`
		noKey    = `MountVolume.SetUp failed for volume "conf" : references non-existent config key: app.json`
		noDriver = `MountVolume.MountDevice failed for volume "data" : driver name csi.example.org not found in the list of registered CSI drivers`
	)

	for name, c := range map[string]struct {
		status   corev1.PodStatus
		warnings []*corev1.Event
		after    time.Duration // since at; the patience is 10 s
		want     davit.Condition
		reason   string
	}{
		"ready": {
			status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
			want:   davit.Ready, warnings: []*corev1.Event{probe},
		},
		"just made":         {want: davit.Starting, reason: "its containers are not made yet"},
		"waits for a node":  {status: unscheduled(corev1.PodReasonUnschedulable), after: 9 * time.Second, want: davit.Starting, reason: "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."},
		"gets no node":      {status: unscheduled(corev1.PodReasonUnschedulable), after: 10 * time.Second, want: davit.Failed, reason: "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."},
		"others make room":  {status: preempting, after: time.Hour, want: davit.Starting, reason: "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."},
		"held by a gate":    {status: unscheduled(corev1.PodReasonSchedulingGated), after: time.Hour, want: davit.Starting, reason: "SchedulingGated: 0/1 nodes are available: 1 Insufficient cpu."},
		"creating":          {status: unready(waiting("ContainerCreating", "")), want: davit.Starting, reason: "ContainersNotReady: containers with unready status: [web]"},
		"cannot mount":      {status: unready(waiting("ContainerCreating", "")), warnings: []*corev1.Event{mount}, want: davit.Starting, reason: `FailedMount: MountVolume.SetUp failed for volume "data"`},
		"no config map":     {status: unready(waiting("ContainerCreating", "")), warnings: []*corev1.Event{unmounted(noMap, 2)}, want: davit.Failed, reason: "FailedMount: " + noMap},
		"no config map yet": {status: unready(waiting("ContainerCreating", "")), warnings: []*corev1.Event{unmounted(noMap, 1)}, want: davit.Starting, reason: "FailedMount: " + noMap},
		"config map unseen": {status: unready(waiting("ContainerCreating", "")), warnings: []*corev1.Event{unmounted(unseen, 9)}, want: davit.Starting, reason: "FailedMount: " + unseen},
		"no driver yet":     {status: unready(waiting("ContainerCreating", "")), warnings: []*corev1.Event{unmounted(noDriver, 9)}, want: davit.Starting, reason: "FailedMount: " + noDriver},
		"no such key":       {status: unready(waiting("PodInitializing", "")), warnings: []*corev1.Event{mount, unmounted(noKey, 2)}, want: davit.Failed, reason: "FailedMount: " + noKey},
		"mounted by now":    {status: unready(corev1.ContainerStatus{Name: "web", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}), warnings: []*corev1.Event{unmounted(noMap, 2)}, want: davit.Starting, reason: "FailedMount: " + noMap},
		"not created":       {status: unready(waiting("CreateContainerError", "failed to generate spec: no command specified")), want: davit.Failed, reason: "CreateContainerError: failed to generate spec: no command specified"},
		"created slowly":    {status: unready(waiting("CreateContainerError", "context deadline exceeded")), want: davit.Starting, reason: "CreateContainerError: context deadline exceeded"},
		"created twice":     {status: unready(waiting("CreateContainerError", `failed to reserve container name: name "web" is reserved for "1f0c"`)), want: davit.Starting, reason: `CreateContainerError: failed to reserve container name: name "web" is reserved for "1f0c"`},
		"not run":           {status: unready(waiting("RunContainerError", `exec: "/nope": no such file or directory`)), want: davit.Failed, reason: `RunContainerError: exec: "/nope": no such file or directory`},
		"runtime restarts":  {status: unready(waiting("RunContainerError", "dial unix containerd.sock: connection refused")), want: davit.Starting, reason: "RunContainerError: dial unix containerd.sock: connection refused"},
		"probe fails":       {status: unready(corev1.ContainerStatus{Name: "web", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}), warnings: []*corev1.Event{mount, probe}, want: davit.Starting, reason: "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503"},
		"no such image":     {status: unready(waiting("ErrImagePull", "rpc error: docker.io/local/web:v9: not found")), want: davit.Failed, reason: "ErrImagePull: rpc error: docker.io/local/web:v9: not found"},
		"registry stumbles": {status: unready(waiting("ErrImagePull", "dial tcp: i/o timeout")), want: davit.Starting, reason: "ErrImagePull: dial tcp: i/o timeout"},
		"pulling given up":  {status: unready(waiting("ImagePullBackOff", "Back-off pulling image")), want: davit.Failed, reason: "ImagePullBackOff: Back-off pulling image"},
		"never pulled":      {status: unready(waiting("ErrImageNeverPull", "Container image is not present")), want: davit.Failed, reason: "ErrImageNeverPull: Container image is not present"},
		"init image":        {status: initialising, want: davit.Failed, reason: `ImagePullBackOff: Back-off pulling image "setup"`},
		"no secret":         {status: unready(waiting("CreateContainerConfigError", `secret "shop" not found`)), want: davit.Failed, reason: `CreateContainerConfigError: secret "shop" not found`},
		"secret unseen":     {status: unready(waiting("CreateContainerConfigError", "failed to sync secret cache")), want: davit.Starting, reason: "CreateContainerConfigError: failed to sync secret cache"},
		"crash loop":        {status: unready(crashed), want: davit.Failed, reason: "CrashLoopBackOff: back-off 10s restarting failed container=web; the last time it ended with exit code 1 (Error): no database"},
		"ended once":        {status: unready(killed), want: davit.Starting, reason: "ended with exit code 137 (OOMKilled)"},
	} {
		t.Run(name, func(t *testing.T) {
			got := conditionOf(&corev1.Pod{Status: c.status}, c.warnings, at.Add(c.after), patience{node: 10 * time.Second})
			if got.is != c.want || got.reason != c.reason {
				t.Errorf("%s: %s\nwant %s: %s", got.is, got.reason, c.want, c.reason)
			}
			if later := name == "waits for a node"; got.due.IsZero() == later {
				t.Errorf("it is due %s", got.due)
			}
		})
	}
	leaving := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &metav1.Time{Time: at}}}
	if got := conditionOf(leaving, nil, at, patience{}); got.is != davit.Draining {
		t.Errorf("a pod that is deleted is %s", got.is)
	}
}

// A pod whose own files are gone gets them back.
func TestLostFilesAreWaitedFor(t *testing.T) {
	pod := &corev1.Pod{Status: unready(waiting("ContainerCreating", "")), Spec: corev1.PodSpec{Volumes: []corev1.Volume{{
		Name:         filesVolume,
		VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "shop-web-v1"}}},
	}}}}
	for name, want := range map[string]davit.Condition{"shop-web-v1": davit.Starting, "shop-web": davit.Failed} {
		e := &corev1.Event{Reason: "FailedMount", Count: 3, Message: `MountVolume.SetUp failed for volume "a" : configmap "` + name + `" not found`}
		if got := conditionOf(pod, []*corev1.Event{e}, at, patience{}); got.is != want {
			t.Errorf("without ConfigMap %s it is %s, want %s", name, got.is, want)
		}
	}
}

func TestMissingSaysWhy(t *testing.T) {
	three := int32(3)
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name: "shop-web-v1", Labels: map[string]string{labelService: "web"}, Annotations: map[string]string{annotationRelease: "v1-1f0c9a3be4d1"},
		},
		Spec: appsv1.DeploymentSpec{Replicas: &three},
	}
	if got := missing(d, 3); len(got) != 0 {
		t.Errorf("nothing is missing, and it lists %v", got)
	}
	for message, want := range map[string]davit.Condition{
		"": davit.Starting,
		`pods "shop-web-v1-x" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=1, limited: pods=1`: davit.Failed,
		"Internal error occurred: failed calling webhook":                                                           davit.Starting,
	} {
		d.Status.Conditions = nil
		if message != "" {
			d.Status.Conditions = []appsv1.DeploymentCondition{{
				Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: message,
			}}
		}
		got := missing(d, 1)
		if len(got) != 2 || got[0].ID == got[1].ID || got[0].Condition != want || got[0].Release != "v1-1f0c9a3be4d1" || got[0].Service != "web" {
			t.Errorf("%q: %+v", message, got)
		}
		if message != "" && got[0].Reason != "FailedCreate: "+message {
			t.Errorf("the reason is %q", got[0].Reason)
		}
	}
}
