package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/demo"
)

// The strategies that rollouts take in turn. Their stages are short, so that
// most breaks fall on one that is on its way.
var strategies = []demo.Strategy{
	{Name: "at-once", Rules: "blueGreen", Gates: []string{demo.ErrorsGate}, Deadline: "1m", Window: "0s"},
	{Name: "by-share", Rules: "{canary: {steps: [10, 50, 100], bake: 200ms}}", Gates: []string{demo.ErrorsGate}, Deadline: "1m", Window: "0s"},
	{Name: "in-batches", Rules: "{rolling: {batch: 2, maxSurge: 2, bake: 100ms}}", Gates: []string{demo.ErrorsGate}, Deadline: "1m", Window: "0s"},
}

// The versions that are deployed. One answers nothing but errors: a server that
// comes back in the middle of it has to haul it back.
var healthy = []string{"good-1", "good-2"}

const (
	failing    = "failing"
	everyN     = 4  // of that many rollouts one is of the failing version
	sayEvery   = 25 // rollouts
	breakSpan  = 500 * time.Millisecond
	perRollout = 4 // breaks
)

// chaos is a rig under traffic, and what breaks it.
type chaos struct {
	*demo.Rig
	random   *rand.Rand
	progress io.Writer
	traffic  *demo.Traffic
	rollouts int
}

// scene breaks something a number of times.
type scene struct {
	what  string
	times int
	run   func(ctx context.Context, times int, r *row) error
}

func newChaos(ctx context.Context, rig *demo.Rig, o options, progress io.Writer) (*chaos, error) {
	c := &chaos{Rig: rig, random: rand.New(rand.NewPCG(o.seed, 0)), progress: progress} //nolint:gosec // draws moments, guards nothing
	for _, version := range healthy {
		if err := rig.Fault(version, "{}"); err != nil {
			return nil, err
		}
	}
	if err := rig.Fault(failing, `{"api": {"errorRate": 1}}`); err != nil {
		return nil, err
	}
	if err := rig.Build(ctx, append(healthy, "v1", failing)...); err != nil {
		return nil, err
	}
	if err := rig.Start(ctx); err != nil {
		return nil, err
	}
	first, err := rig.Deploy(ctx, demo.BlueGreen, "v1")
	if err != nil {
		return nil, err
	}
	if first.Exit != 0 {
		return nil, fmt.Errorf("the first deployment ended with exit code %d: %s", first.Exit, first.Stderr)
	}
	if c.traffic, err = rig.Begin(ctx, o.rate, demo.Mix{Lists: 7, Orders: 3}); err != nil {
		return nil, err
	}
	return c, c.traffic.Settle(ctx, int64(o.rate))
}

// play runs a scene and says what the users noticed of it.
func (c *chaos) play(ctx context.Context, s scene) (row, error) {
	r := row{What: s.what}
	mark, began := c.traffic.Mark(), time.Now()
	if err := s.run(ctx, s.times, &r); err != nil {
		return r, fmt.Errorf("%s, after %d times: %w", s.what, r.Times, err)
	}
	if err := c.traffic.Settle(ctx, 100); err != nil { // what was in flight
		return r, err
	}
	window := c.traffic.Snapshot().Since(mark)
	bad := window.Releases[failing].Failed
	r.Sent, r.Bad, r.Lost = window.Sent, bad, window.TotalLost()-bad
	r.LongestGap, r.Took = davit.Duration(window.LongestGap), davit.Duration(time.Since(began))
	if r.Lost > 0 {
		r.problem("%d requests were lost: %v %+v", r.Lost, window.Lost, window.Samples)
	}
	if err := c.Verify(ctx); err != nil {
		r.problem("%v", err)
	}
	return r, nil
}

// next begins the next rollout and returns the phase that it is to end in.
func (c *chaos) next(ctx context.Context) (davit.Phase, error) {
	c.rollouts++
	strategy := strategies[c.rollouts%len(strategies)]
	if c.rollouts%everyN == 0 {
		return davit.RolledBack, c.Ask(ctx, strategy, failing)
	}
	return davit.Promoted, c.Ask(ctx, strategy, healthy[c.rollouts%len(healthy)])
}

// balance ends the traffic and compares the orders that were confirmed with the
// shop's books.
func (c *chaos) balance(rows []row) ([]row, error) {
	c.traffic.End()
	orders, err := c.traffic.Orders()
	if err != nil {
		return nil, err
	}
	r := row{What: "orders confirmed by then", Times: int(orders.Confirmed), Lost: orders.Missing}
	if orders.Missing+orders.Doubled > 0 {
		r.problem("of %d confirmed orders %d are missing and %d doubled", orders.Confirmed, orders.Missing, orders.Doubled)
	}
	return append(rows, r), nil
}
