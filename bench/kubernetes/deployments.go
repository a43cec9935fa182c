//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davit-dev/davit/e2e/rig"
	"github.com/davit-dev/davit/internal/load"
)

// strategies take turns.
var strategies = []rig.Strategy{
	{Name: "blueGreen", Rules: "blueGreen", Gates: []string{rig.ErrorsGate}},
	{Name: "canary", Rules: "{canary: {steps: [5, 25, 50, 100], bake: 500ms}}", Gates: []string{rig.ErrorsGate}},
	{Name: "rolling", Rules: "{rolling: {batch: 1, maxSurge: 1, bake: 200ms}}", Gates: []string{rig.ErrorsGate}},
}

// versions take turns too.
var versions = []string{"v1", "v2", "v3"}

func measureDeployments(ctx context.Context, b *bench) error {
	fmt.Fprintf(b.out, "%d deployments, GET and POST at %.0f requests/s, a fifth of them on new connections\n", b.count, b.rate)
	var lost int64
	err := b.on(ctx, true, func(r *rig.Rig) error {
		return b.under(ctx, r.Front, r.Space, func(t *rig.Traffic) error {
			for i := range b.count {
				version, s := versions[(i+1)%len(versions)], strategies[i%len(strategies)]
				mark := t.Mark()
				d, err := r.Promote(ctx, s, version)
				if err != nil {
					return err
				}
				if err := t.Settle(ctx, int64(b.rate/4)); err != nil {
					return err
				}
				b.line(s.Name, version, t.Snapshot().Since(mark), "took "+ms(d.Ended.Sub(d.Began)))
			}
			lost = t.Snapshot().TotalLost()
			return nil
		})
	})
	for _, plain := range []struct {
		name    string
		preStop int // seconds
	}{{"kubectl set image", 0}, {"kubectl set image, preStop 5 s", 5}} {
		err = errors.Join(err, in(ctx, func(space rig.Space) error { return b.updates(ctx, space, plain.name, plain.preStop) }))
	}
	if lost > 0 {
		err = errors.Join(err, fmt.Errorf("%d requests were lost", lost))
	}
	return err
}

// under calls do with traffic, and says what came of all of it.
func (b *bench) under(ctx context.Context, front rig.Front, space rig.Space, do func(*rig.Traffic) error) error {
	t, err := front.Begin(ctx, space.Host(), b.rate, space.Name)
	if err != nil {
		return err
	}
	defer t.End()
	if err := t.Settle(ctx, int64(b.rate)); err != nil {
		return err
	}
	if err := do(t); err != nil {
		return err
	}
	t.End()
	s := t.Snapshot()
	b.line("all", "", s, fmt.Sprintf("p50 %s", ms(s.Latency.Quantile(0.5))))
	if s.Behind() {
		fmt.Fprintf(b.out, "the load generator did not keep its rate: %d sent late, by %s at most, %d not sent\n", s.Late, s.MaxLag, s.Unsent)
	}
	return nil
}

// line tells what became of the requests of a deployment.
func (b *bench) line(name, version string, s load.Snapshot, more string) {
	kinds := ""
	for kind, n := range s.Lost {
		kinds += fmt.Sprintf(" (%s %d)", kind, n)
	}
	fmt.Fprintf(b.out, "%-30s %-3s sent %6d  lost %d%s  longest gap %-6s p99 %-6s %s\n",
		name, version, s.Sent, s.TotalLost(), kinds, ms(s.LongestGap), ms(s.Latency.Quantile(0.99)), more)
}

// updates does what Davit is compared with: kubectl set image on plain
// Deployments of the same application, four times.
func (b *bench) updates(ctx context.Context, space rig.Space, name string, preStop int) error {
	front, err := rig.FindFront(ctx)
	if err != nil {
		return err
	}
	if err := space.Shop(ctx, front, versions[0], preStop); err != nil {
		return err
	}
	if err := rig.Until(ctx, "the shop answers", space.Answers(front, "/api/products")); err != nil {
		return err
	}
	return b.under(ctx, front, space, func(t *rig.Traffic) error {
		for i := range max(b.count/len(strategies), 1) {
			version := versions[(i+1)%len(versions)]
			mark := t.Mark()
			if _, err := space.Kubectl(ctx, "set", "image", "deployments", "--all", "*="+rig.ShopImage(version)); err != nil {
				return err
			}
			if err := space.RolledOut(ctx, "web", "api", "worker"); err != nil {
				return err
			}
			if err := rig.Until(ctx, "no other version is left", func(ctx context.Context) error { return onlyVersion(ctx, space, version) }); err != nil {
				return err
			}
			if err := t.Settle(ctx, int64(b.rate)); err != nil {
				return err
			}
			b.line(name, version, t.Snapshot().Since(mark), "")
		}
		return nil
	})
}

// onlyVersion returns an error while a pod of another version exists.
func onlyVersion(ctx context.Context, space rig.Space, version string) error {
	images, err := space.Kubectl(ctx, "get", "pods", "--output=jsonpath={.items[*].spec.containers[*].image}")
	if err != nil {
		return err
	}
	for _, image := range strings.Fields(images) {
		if image != rig.ShopImage(version) {
			return fmt.Errorf("%s still runs", image)
		}
	}
	return nil
}
