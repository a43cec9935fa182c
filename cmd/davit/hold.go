package main

import (
	"context"
	"sync"
	"time"

	"github.com/davit-dev/davit/internal/proxy"
)

// hold renews the leases of all splits until the function returned is called, or
// the limit is reached: for the moment in which one server has stepped aside and
// the next does not drive yet.
func (p *platforms) hold(lease time.Duration) (letGo func()) {
	if lease <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(context.Background(), holdLimit)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		tick := time.NewTicker(lease / 4)
		defer tick.Stop()
		for {
			p.renew(ctx)
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); renewing.Wait() }
}

// holdLimit is how long nobody may judge a candidate that keeps its traffic.
const holdLimit = 30 * time.Second

// renew renews every lease once. What cannot be renewed runs out by itself.
func (p *platforms) renew(ctx context.Context) {
	table, err := p.client.Table(ctx)
	if err != nil {
		return
	}
	for _, site := range table.Sites {
		if site.Lease != nil {
			_, _ = p.client.Renew(ctx, proxy.RenewRequest{Site: site.Name, Table: table.Number})
		}
	}
}
