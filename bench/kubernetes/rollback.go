//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/davit-dev/davit/e2e/rig"
)

func measureRollback(ctx context.Context, b *bench) error {
	front, err := rig.FindFront(ctx)
	if err != nil {
		return err
	}
	var gateway []time.Duration
	err = b.on(ctx, true, func(r *rig.Rig) error {
		err := in(ctx, func(space rig.Space) error {
			gateway, err = b.weights(ctx, front, space)
			return err
		})
		if err != nil {
			return err
		}
		return b.rollbacks(ctx, r)
	})
	if err != nil {
		return err
	}
	median, longest := middle(gateway)
	fmt.Fprintf(b.out, "the Gateway, from kubectl patch to the last answer of the version before: median %s, longest %s\n", ms(median), ms(longest))
	return nil
}

// rollbacks deploys releases that answer nothing but errors.
func (b *bench) rollbacks(ctx context.Context, r *rig.Rig) error {
	const bad = "v2"
	if err := r.Fault(bad, `{"api": {"errorRate": 1}}`); err != nil {
		return err
	}
	fivePercent := rig.Strategy{Name: "five-percent", Rules: "{canary: {steps: [5, 100], bake: 1m}}", Gates: []string{rig.ErrorsGate}, Deadline: "5m"}
	var answered, decided, known []time.Duration
	var wrong, lost int64
	err := b.under(ctx, r.Front, r.Space, func(t *rig.Traffic) error {
		for range b.count {
			mark := t.Mark()
			d, err := r.Deploy(ctx, fivePercent, bad)
			if err != nil {
				return err
			}
			if err := t.Settle(ctx, int64(b.rate/4)); err != nil {
				return err
			}
			if _, err := r.Settled(ctx); err != nil {
				return err
			}
			seen := t.Snapshot().Releases[bad]
			if d.Exit != 3 || seen.FirstFailed.IsZero() || d.BackAt().IsZero() {
				return fmt.Errorf("a release that answers nothing but errors exited %d after %d bad answers: %s", d.Exit, seen.Failed, d.Story())
			}
			window := t.Snapshot().Since(mark)
			wrong, lost = wrong+window.Releases[bad].Failed, lost+window.TotalLost()
			answered = append(answered, seen.LastFailed.Sub(seen.FirstFailed))
			decided = append(decided, d.Rollout.HauledAt.Sub(seen.FirstFailed))
			known = append(known, d.BackAt().Sub(seen.FirstFailed))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range []struct {
		what  string
		times []time.Duration
	}{{"to the decision", decided}, {"to the last bad answer", answered}, {"until that was observed, all traffic on stable", known}} {
		median, longest := middle(f.times)
		fmt.Fprintf(b.out, "from the first bad answer %s: median %s, longest %s\n", f.what, ms(median), ms(longest))
	}
	fmt.Fprintf(b.out, "%.1f bad answers a rollout; Prometheus looks once a second\n", float64(wrong)/float64(b.count))
	if lost > wrong {
		return fmt.Errorf("%d requests were lost beside the bad answers", lost-wrong)
	}
	return nil
}

// weights changes the weights of two plain versions, and returns how long after
// each change the version before answered for the last time.
func (b *bench) weights(ctx context.Context, front rig.Front, space rig.Space) ([]time.Duration, error) {
	if err := space.Split(ctx, front, "v1", "v3"); err != nil {
		return nil, err
	}
	if err := rig.Until(ctx, "the route answers", space.Answers(front, "/api/products")); err != nil {
		return nil, err
	}
	var last []time.Duration
	err := b.under(ctx, front, space, func(t *rig.Traffic) error {
		if err := space.Weigh(ctx, map[string]int{"v1": 1, "v3": 0}); err != nil {
			return err
		}
		for turn := range 6 {
			from, to := "v1", "v3"
			if turn%2 == 1 {
				from, to = to, from
			}
			if err := t.Settle(ctx, int64(b.rate)); err != nil {
				return err
			}
			if err := space.Weigh(ctx, map[string]int{from: 0, to: 1}); err != nil {
				return err
			}
			patched := time.Now()
			if err := t.Settle(ctx, int64(b.rate)); err != nil {
				return err
			}
			last = append(last, max(t.Snapshot().Releases[from].Last.Sub(patched), 0))
		}
		return nil
	})
	return last, err
}
