package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/davit-dev/davit/internal/demo"
)

// two is a service of two instances.
var two = demo.Strategy{Name: "two", Rules: "blueGreen", Gates: []string{demo.ErrorsGate}, Deadline: "1m", Window: "0s", Replicas: 2}

// mortal are the versions that take turns: an instance that died again and again
// would be started later and later.
var mortal = []string{"mortal-1", "mortal-2"}

// measureDeath kills one of two instances, again and again: first under requests
// that may be repeated, then under orders, which may not.
func measureDeath(ctx context.Context, b *bench) error {
	for _, version := range mortal {
		if err := b.Fault(version, "{}"); err != nil {
			return err
		}
	}
	if err := b.Build(ctx, mortal...); err != nil {
		return err
	}
	if err := b.Start(ctx); err != nil {
		return err
	}
	if _, err := b.deploy(ctx, two, mortal[0], 0); err != nil {
		return err
	}
	return errors.Join(
		b.deaths(ctx, "GET, which may be repeated", demo.Mix{Lists: 1}, 0),
		b.deaths(ctx, "POST, which may not", demo.Mix{Orders: 1}, 1),
	)
}

// deaths kills instances under one kind of request, of which each death may cost
// as many as allowed.
func (b *bench) deaths(ctx context.Context, kind string, mix demo.Mix, allowed int64) error {
	traffic, err := b.Begin(ctx, b.rate, mix)
	if err != nil {
		return err
	}
	defer traffic.End()
	var lost, most int64
	for i := range b.count {
		if _, err := b.deploy(ctx, two, mortal[(i+1)%len(mortal)], 0); err != nil {
			return err
		}
		if err := b.Settled(ctx); err != nil {
			return err
		}
		mark := traffic.Mark()
		if err := b.KillInstance(ctx, "api"); err != nil {
			return err
		}
		if err := b.Settled(ctx); err != nil { // the runtime has started another
			return err
		}
		if err := traffic.Settle(ctx, int64(b.rate/4)); err != nil {
			return err
		}
		n := traffic.Snapshot().Since(mark).TotalLost()
		lost, most = lost+n, max(most, n)
	}
	traffic.End()
	s := traffic.Snapshot()
	fmt.Fprintf(b.out, "%s: %d deaths cost %d of %d requests, %d at most; longest gap %s\n", kind, b.count, lost, s.Sent, most, ms(s.LongestGap))
	if most > allowed {
		return fmt.Errorf("a death cost %d requests of %s, and %d are allowed: %+v", most, kind, allowed, s.Samples)
	}
	return nil
}
