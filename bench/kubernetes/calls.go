//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/cluster"
	"github.com/davit-dev/davit/e2e/rig"
)

// agent is what Davit calls itself to the API server.
const agent = "davit"

func measureCalls(ctx context.Context, b *bench) error {
	if !b.kube.Own() {
		return cluster.ErrForeign
	}
	five := rig.Strategy{Name: "five-steps", Rules: "{canary: {steps: [5, 10, 25, 50, 100], bake: 1s}}"}
	slow := rig.Strategy{Name: "slow", Rules: "{canary: {steps: [50, 100], bake: 1h}}", Deadline: "3h"}
	return b.on(ctx, false, func(r *rig.Rig) error {
		before, err := b.kube.Requests(agent)
		if err != nil {
			return err
		}
		d, err := r.Promote(ctx, five, "v2")
		if err != nil {
			return err
		}
		if _, err := r.Settled(ctx); err != nil {
			return err
		}
		all, err := b.kube.Requests(agent)
		if err != nil {
			return err
		}
		during := slices.Collect(func(yield func(cluster.Request) bool) {
			for _, q := range all {
				if q.At.After(d.Began) && !yield(q) {
					return
				}
			}
		})
		fmt.Fprintf(b.out, "a canary of %d pods and a worker, 5 steps, %s: %d requests (%d before it, to connect and for the first release)\n",
			r.Replicas, ms(d.Ended.Sub(d.Began)), len(during), len(before))
		if err := b.table(during); err != nil {
			return err
		}
		return b.quiet(ctx, r, slow)
	})
}

// table tells requests by what they are for.
func (b *bench) table(requests []cluster.Request) error {
	type kind struct{ verb, object string }
	counts := map[kind]int{}
	for _, q := range requests {
		counts[kind{q.Verb, q.Object}]++
	}
	table := tabwriter.NewWriter(b.out, 0, 0, 3, ' ', 0)
	order := func(x, y kind) int { return cmp.Or(cmp.Compare(x.object, y.object), cmp.Compare(x.verb, y.verb)) }
	for _, k := range slices.SortedFunc(maps.Keys(counts), order) {
		fmt.Fprintf(table, "  %s\t%s\t%d\n", k.object, k.verb, counts[k])
	}
	return table.Flush()
}

// quiet holds a canary at a step, and wants nothing to be asked for.
func (b *bench) quiet(ctx context.Context, r *rig.Rig, slow rig.Strategy) error {
	if err := r.Ask(ctx, slow, "v3"); err != nil {
		return err
	}
	_, err := r.When(ctx, "the step is held", func(s *rig.Status) bool { return s.Rollout.Step == davit.StepHold && len(s.Split) == 2 })
	if err != nil {
		return err
	}
	const long = 20 * time.Second
	from := time.Now()
	select {
	case <-time.After(long):
	case <-ctx.Done():
		return ctx.Err()
	}
	all, err := b.kube.Requests(agent)
	if err != nil {
		return err
	}
	asked := 0
	for _, q := range all {
		if q.At.After(from) && q.Verb != "watch" {
			asked++
		}
	}
	fmt.Fprintf(b.out, "while a step was held for %s: %d requests\n", long, asked)
	if asked > 0 {
		return errors.New("the API server is polled")
	}
	return nil
}
