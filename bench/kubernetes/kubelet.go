//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	client "k8s.io/client-go/kubernetes"
)

// kubelet is a node without a machine: of every pod that is placed there it says
// that it is ready, and of every one that is deleted that it has ended.
type kubelet struct {
	set  client.Interface
	node string
	pods int64 // that it takes
}

// startKubelet adds a node that takes a number of pods. What it returns waits for
// the end of what was begun, after ctx has ended.
func startKubelet(ctx context.Context, set client.Interface, pods int64) (wait func() error, err error) {
	k := &kubelet{set: set, node: "said-to-be", pods: pods}
	_, err = set.CoreV1().Nodes().Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: k.node, Labels: map[string]string{corev1.LabelHostname: k.node}},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("adding a node: %w", err)
	}
	if err := k.beat(ctx); err != nil {
		return nil, err
	}
	watch, err := set.CoreV1().Pods("").Watch(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + k.node})
	if err != nil {
		return nil, fmt.Errorf("watching pods: %w", err)
	}
	var tasks errgroup.Group
	const atOnce = 16
	tasks.SetLimit(atOnce + 2)
	tasks.Go(func() error {
		const period = 10 * time.Second // one that is silent for 40 s counts as lost
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				_ = k.beat(ctx) // the next one may succeed
			case <-ctx.Done():
				return nil
			}
		}
	})
	tasks.Go(func() error {
		for event := range watch.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok {
				tasks.Go(func() error { return k.keep(ctx, pod) })
			}
		}
		return nil
	})
	return tasks.Wait, nil
}

// beat says that the node is ready.
func (k *kubelet) beat(ctx context.Context) error {
	room := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("1000"), corev1.ResourceMemory: resource.MustParse("1Ti"), corev1.ResourcePods: *resource.NewQuantity(k.pods, resource.DecimalSI),
	}
	status, err := json.Marshal(map[string]any{"status": corev1.NodeStatus{
		Capacity: room, Allocatable: room,
		Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: metav1.Now()}},
	}})
	if err != nil {
		return fmt.Errorf("encoding a node: %w", err)
	}
	if _, err = k.set.CoreV1().Nodes().Patch(ctx, k.node, types.StrategicMergePatchType, status, metav1.PatchOptions{}, "status"); err != nil {
		return fmt.Errorf("having a node be ready: %w", err)
	}
	return nil
}

// keep says what is to be said of a pod.
func (k *kubelet) keep(ctx context.Context, pod *corev1.Pod) error {
	pods, now, grace := k.set.CoreV1().Pods(pod.Namespace), metav1.Now(), int64(0)
	switch {
	case pod.DeletionTimestamp != nil:
		_ = pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &grace}) // gone is as good
		return nil
	case pod.Status.PodIP != "":
		return nil
	}
	ip := fmt.Sprintf("10.%d.%d.%d", pod.UID[0]%100, pod.UID[1]%100, pod.UID[2]%100)
	data, err := json.Marshal(map[string]any{"status": corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}, StartTime: &now,
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.ContainersReady, Status: corev1.ConditionTrue},
			{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: now},
		},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: pod.Spec.Containers[0].Name, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		}},
	}})
	if err != nil {
		return fmt.Errorf("encoding a pod: %w", err)
	}
	_, _ = pods.Patch(ctx, pod.Name, types.StrategicMergePatchType, data, metav1.PatchOptions{}, "status") // it may be gone
	return nil
}
