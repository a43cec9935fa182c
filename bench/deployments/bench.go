package main

import (
	"context"
	"fmt"
	"io"

	"github.com/davit-dev/davit/internal/demo"
	"github.com/davit-dev/davit/internal/load"
)

// bench is a rig with the first release deployed and traffic on it.
type bench struct {
	*demo.Rig
	out        io.Writer
	rate       float64
	count      int
	strategies []demo.Strategy
	traffic    *demo.Traffic
}

// begin builds versions named after what, deploys the first release, and starts
// the traffic. Every deployment gets a version of its own, so that none finds
// its instances running already. Requests do not cause further ones, so the
// rate is that of the proxy too.
func (b *bench) begin(ctx context.Context, what, faults string) (versions []string, err error) {
	for i := range b.count {
		versions = append(versions, fmt.Sprintf("%s-%d", what, i+1))
		if err := b.Fault(versions[i], faults); err != nil {
			return nil, err
		}
	}
	if err := b.Build(ctx, append(versions, "v1")...); err != nil {
		return nil, err
	}
	if err := b.Start(ctx); err != nil {
		return nil, err
	}
	if _, err := b.deploy(ctx, demo.BlueGreen, "v1", 0); err != nil {
		return nil, err
	}
	b.traffic, err = b.Begin(ctx, b.rate, demo.Mix{Lists: 7, Orders: 3})
	if err != nil {
		return nil, err
	}
	return versions, b.traffic.Settle(ctx, int64(b.rate))
}

// deploy deploys a version, and wants the command to end with an exit code.
func (b *bench) deploy(ctx context.Context, s demo.Strategy, version string, exit int) (*demo.Deployment, error) {
	d, err := b.Deploy(ctx, s, version)
	if err != nil {
		return nil, err
	}
	if d.Exit != exit {
		return nil, fmt.Errorf("%s ended with exit code %d, not %d: %s%s", version, d.Exit, exit, d.Rollout.Cause, d.Stderr)
	}
	return d, nil
}

// conclude says what was lost, and fails if something was.
func (b *bench) conclude(s load.Snapshot, lost int64) error {
	fmt.Fprintf(b.out, "sent %d, lost %d, longest gap %s, p50 %s, p99 %s\n", s.Sent, lost, s.LongestGap, s.Latency.Quantile(0.5), s.Latency.Quantile(0.99))
	if s.Behind() {
		fmt.Fprintf(b.out, "the load generator did not keep its rate: %d sent late, by %s at most, %d not sent\n", s.Late, s.MaxLag, s.Unsent)
	}
	if lost > 0 {
		return fmt.Errorf("%d requests were lost: %+v", lost, s.Samples)
	}
	return nil
}
