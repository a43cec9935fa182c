package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/demo"
)

// breaks returns the scene that ends the server with a signal in the middle of
// rollouts, as many as it takes.
func (c *chaos) breaks(signal syscall.Signal) func(context.Context, int, *row) error {
	return func(ctx context.Context, times int, r *row) error {
		for r.Times < times {
			want, err := c.next(ctx)
			if err != nil {
				return err
			}
			if err := c.breakRollout(ctx, signal, times, r); err != nil {
				return err
			}
			if err := c.conclude(ctx, want, r); err != nil {
				return err
			}
			if r.Rollouts%sayEvery == 0 {
				fmt.Fprintf(c.progress, "%s: %d of %d, in %d rollouts\n", r.What, r.Times, times, r.Rollouts)
			}
		}
		return nil
	}
}

// breakRollout breaks the server at random moments until the rollout that is on
// its way has ended, but a few times at most: a server that never lives for as
// long as a stage is held promotes nothing. A moment at which the rollout had
// ended already does not count.
func (c *chaos) breakRollout(ctx context.Context, signal syscall.Signal, times int, r *row) error {
	for broken := 0; broken < perRollout && r.Times < times; broken++ {
		if err := demo.Pause(ctx, time.Duration(c.random.Int64N(int64(breakSpan)))); err != nil {
			return err
		}
		at := time.Now()
		if err := c.Break(signal); err != nil {
			return err
		}
		if err := c.Start(ctx); err != nil {
			return err
		}
		status, err := c.Status(ctx)
		if err != nil {
			return err
		}
		if ended := status.Rollout.EndedAt; !ended.IsZero() && ended.Before(at) {
			return nil
		}
		r.Times++
		if status.Rollout.Phase.Ended() {
			return nil
		}
	}
	return nil
}

// conclude waits for the rollout's end and says what is not as it should be.
func (c *chaos) conclude(ctx context.Context, want davit.Phase, r *row) error {
	rollout, err := c.Ended(ctx)
	if err != nil {
		return err
	}
	r.Rollouts++
	switch rollout.Phase {
	case davit.Promoted:
		r.Promoted++
	case davit.RolledBack:
		r.RolledBack++
	}
	if rollout.Phase != want {
		r.problem("rollout %s of %s ended %s, not %s: %s", rollout.ID, rollout.Plan.Target, rollout.Phase, want, rollout.Cause)
	}
	return c.Settled(ctx)
}
