//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes"

	"github.com/davit-dev/davit/e2e/rig"
)

func measureSwitch(ctx context.Context, b *bench) error {
	set, err := connect()
	if err != nil {
		return err
	}
	return b.on(ctx, false, func(r *rig.Rig) error {
		var whole, kubelet, more []time.Duration
		err := b.under(ctx, r.Front, r.Space, func(t *rig.Traffic) error {
			before := versions[0]
			for i := range b.count {
				version := versions[(i+1)%len(versions)]
				watching, stop := context.WithCancel(ctx)
				var pods []<-chan time.Duration
				for service, n := range map[string]int{"api": r.Replicas, "worker": 1} { // the worker comes when the api is ready
					took, err := watchPods(watching, set, r.Space, service, version, n)
					if err != nil {
						stop()
						return err
					}
					pods = append(pods, took)
				}
				d, err := r.Promote(ctx, rig.BlueGreen, version)
				stop()
				if err != nil {
					return err
				}
				if _, err := r.Settled(ctx); err != nil {
					return err
				}
				took := t.Snapshot().Releases[before].Last.Sub(d.Began)
				var ready time.Duration
				for _, p := range pods {
					ready += <-p
				}
				whole, kubelet, more = append(whole, took), append(kubelet, ready), append(more, took-ready)
				before = version
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, f := range []struct {
			what  string
			times []time.Duration
		}{
			{"from the command to the last answer of the release before", whole},
			{"of that, from the making of pods until they are ready, of the api and then of the worker", kubelet},
			{"Davit's share", more},
		} {
			median, longest := middle(f.times)
			fmt.Fprintf(b.out, "%s: median %s, longest %s\n", f.what, ms(median), ms(longest))
		}
		return nil
	})
}

// watchPods returns a channel that receives how long it took from the making of
// the first pod of a version's service until n of them were ready.
func watchPods(ctx context.Context, set client.Interface, space rig.Space, service, version string, n int) (<-chan time.Duration, error) {
	watch, err := set.CoreV1().Pods(space.Name).Watch(ctx, metav1.ListOptions{
		LabelSelector: "davit.dev/service=" + service + ",app.kubernetes.io/version=" + version,
	})
	if err != nil {
		return nil, fmt.Errorf("watching pods: %w", err)
	}
	took := make(chan time.Duration, 1)
	go func() { // ends with the watch, and so with ctx
		defer close(took)
		var first, last time.Time
		ready := map[string]bool{}
		for event := range watch.ResultChan() {
			pod, ok := event.Object.(*corev1.Pod)
			if !ok || len(ready) == n {
				continue
			}
			if first.IsZero() {
				first = time.Now()
			}
			for _, c := range pod.Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
					ready[pod.Name] = true
				}
			}
			last = time.Now()
		}
		if len(ready) == n {
			took <- last.Sub(first)
		}
	}()
	return took, nil
}
