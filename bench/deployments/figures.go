package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davit-dev/davit/internal/demo"
)

// The strategies of the figures.
var (
	atOnce      = demo.Strategy{Name: "at-once", Rules: "blueGreen", Deadline: "30s", Window: "0s"}
	fivePercent = demo.Strategy{Name: "five-percent", Rules: "{canary: {steps: [5, 100], bake: 30s}}", Gates: []string{demo.ErrorsGate}, Deadline: "2m", Window: "0s"}
	strategies  = []demo.Strategy{
		{Name: "blueGreen", Rules: "blueGreen", Gates: []string{demo.ErrorsGate}, Deadline: "1m", Window: "1s"},
		{Name: "canary", Rules: "{canary: {steps: [1, 5, 25, 50, 100], bake: 500ms}}", Gates: []string{demo.ErrorsGate}, Deadline: "1m", Window: "1s"},
		{Name: "rolling", Rules: "{rolling: {batch: 1, maxSurge: 1, bake: 200ms}}", Gates: []string{demo.ErrorsGate}, Deadline: "1m", Window: "1s"},
	}
)

func measureSwitch(ctx context.Context, b *bench) error {
	versions, err := b.begin(ctx, "next", "{}")
	if err != nil {
		return err
	}
	defer b.traffic.End()
	before := "v1"
	var times []time.Duration
	for _, version := range versions {
		d, err := b.deploy(ctx, atOnce, version, 0)
		if err != nil {
			return err
		}
		if err := b.traffic.Settle(ctx, int64(b.rate/2)); err != nil {
			return err
		}
		times = append(times, b.traffic.Snapshot().Releases[before].Last.Sub(d.Began))
		before = version
	}
	b.traffic.End()
	median, longest := middle(times)
	fmt.Fprintf(b.out, "from the command to the last answer of the release before: median %s, longest %s\n", ms(median), ms(longest))
	s := b.traffic.Snapshot()
	return b.conclude(s, s.TotalLost())
}

func measureRollback(ctx context.Context, b *bench) error {
	versions, err := b.begin(ctx, "bad", `{"api": {"errorRate": 1}}`)
	if err != nil {
		return err
	}
	defer b.traffic.End()
	var times []time.Duration
	var bad int64
	for _, version := range versions {
		d, err := b.deploy(ctx, fivePercent, version, 3)
		if err != nil {
			return err
		}
		if err := b.traffic.Settle(ctx, int64(b.rate/2)); err != nil {
			return err
		}
		seen := b.traffic.Snapshot().Releases[version]
		if seen.Failed == 0 || d.BackAt().IsZero() {
			return fmt.Errorf("%s was hauled back without a bad answer", version)
		}
		bad += seen.Failed
		back := d.BackAt()
		if seen.Last.After(back) {
			back = seen.Last
		}
		times = append(times, back.Sub(seen.FirstFailed))
	}
	b.traffic.End()
	median, longest := middle(times)
	fmt.Fprintf(b.out, "from the first bad answer to all traffic on stable: median %s, longest %s; %d bad answers, %.1f a rollout\n",
		ms(median), ms(longest), bad, float64(bad)/float64(len(versions)))
	s := b.traffic.Snapshot()
	return b.conclude(s, s.TotalLost()-bad)
}

func measureDeployments(ctx context.Context, b *bench) error {
	return b.deployments(ctx, func() (func() error, error) { return func() error { return nil }, nil })
}

// deployments deploys one version after the other, with each strategy in turn.
// open begins what else goes on throughout; what it returns ends that and judges
// it.
func (b *bench) deployments(ctx context.Context, open func() (judge func() error, err error)) error {
	versions, err := b.begin(ctx, "next", "{}")
	if err != nil {
		return err
	}
	defer b.traffic.End()
	judge, err := open()
	if err != nil {
		return err
	}
	for i, version := range versions {
		s := b.strategies[i%len(b.strategies)]
		mark := b.traffic.Mark()
		d, err := b.deploy(ctx, s, version, 0)
		if err != nil {
			return err
		}
		if err := b.traffic.Settle(ctx, int64(b.rate/4)); err != nil {
			return err
		}
		w := b.traffic.Snapshot().Since(mark)
		fmt.Fprintf(b.out, "%-9s  %-8s  sent %6d  lost %d  longest gap %-6s  p99 %-6s  took %s\n",
			s.Name, version, w.Sent, w.TotalLost(), ms(w.LongestGap), ms(w.Latency.Quantile(0.99)), ms(d.Ended.Sub(d.Began)))
	}
	b.traffic.End()
	orders, err := b.traffic.Orders()
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "of %d confirmed orders %d are missing and %d doubled\n", orders.Confirmed, orders.Missing, orders.Doubled)
	s := b.traffic.Snapshot()
	err = errors.Join(judge(), b.conclude(s, s.TotalLost()))
	if orders.Missing+orders.Doubled > 0 {
		err = errors.Join(err, errors.New("the shop's books do not balance"))
	}
	return err
}

// streamsOfEach is how many WebSockets, and how many event streams, are open.
const streamsOfEach = 100

// measureStreams is measureDeployments with streams open. Those that are open to
// a release that loses its traffic are ended at the drain limit of their
// service, in the way of their protocol, and come back; none may be cut.
func measureStreams(ctx context.Context, b *bench) error {
	return b.deployments(ctx, func() (func() error, error) {
		streams, err := b.Open(ctx, streamsOfEach)
		if err != nil {
			return nil, err
		}
		return func() error {
			streams.Close()
			f := streams.Figures()
			fmt.Fprintf(b.out, "streams: opened %d, refused %d, ended %d, at most %d within 100 ms, cut %d; %d messages\n",
				f.Opened, f.Refused, f.Ended, f.Together, f.Cut, f.Messages)
			if f.Cut+f.Refused > 0 {
				return fmt.Errorf("streams were cut or refused: %v", f.Samples)
			}
			return nil
		}, nil
	})
}

func ms(d time.Duration) string { return d.Round(time.Millisecond).String() }
