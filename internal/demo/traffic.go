package demo

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/davit-dev/davit/internal/load"
)

// Traffic is live traffic to a rig's front door.
type Traffic struct {
	*load.Generator
	rig  *Rig
	stop context.CancelFunc
	done sync.WaitGroup
}

// Mix is how the kinds of request are mixed: pages of web, which each ask the
// api through the front door once more, product lists and orders.
type Mix struct{ Pages, Lists, Orders int }

// Begin starts traffic at a rate of requests a second: a fifth on new
// connections, half from users who come back with their cookies.
func (r *Rig) Begin(ctx context.Context, rate float64, mix Mix) (*Traffic, error) {
	generator, err := load.New(load.Options{
		Target: "http://" + r.front, Rate: rate, Fresh: 0.2, Users: 200, Known: 0.5,
		ReleaseHeader: "Shop-Version", Prefix: "demo",
		Mix: []load.Request{
			{Method: "GET", Path: "/", Expect: "</html>", Weight: mix.Pages},
			{Method: "GET", Path: "/api/products", Expect: "Brass compass", Weight: mix.Lists},
			{Method: "POST", Path: "/api/orders", Body: `{"key":"{key}","product":"Oilskin"}`, Expect: `"key":"{key}"`, Weight: mix.Orders},
		},
	})
	if err != nil {
		return nil, err
	}
	t := &Traffic{Generator: generator, rig: r}
	ctx, t.stop = context.WithCancel(ctx)
	t.done.Go(func() { generator.Run(ctx) })
	return t, nil
}

// End stops the traffic and waits for the last answer.
func (t *Traffic) End() {
	t.stop()
	t.done.Wait()
}

// Streams are open streams through a rig's front door.
type Streams struct {
	*load.Streams
	stop context.CancelFunc
	done sync.WaitGroup
}

// Open opens as many WebSockets and as many event streams to the api, and waits
// until all are.
func (r *Rig) Open(ctx context.Context, each int) (*Streams, error) {
	s := &Streams{Streams: load.NewStreams(load.StreamOptions{
		Target: "http://" + r.front, WebSockets: each, Events: each, WebSocketPath: "/api/echo", EventsPath: "/api/events",
	})}
	ctx, s.stop = context.WithCancel(ctx)
	s.done.Go(func() { s.Run(ctx) })
	err := r.until(ctx, "all streams are open", func(context.Context) bool { return s.Figures().Open == 2*each })
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the streams.
func (s *Streams) Close() {
	s.stop()
	s.done.Wait()
}

// Settle waits until n more requests were answered or lost.
func (t *Traffic) Settle(ctx context.Context, n int64) error {
	finished := func() int64 { s := t.Snapshot(); return s.Answered + s.TotalLost() }
	from := finished()
	return t.rig.until(ctx, fmt.Sprintf("%d requests are answered", n), func(context.Context) bool { return finished() >= from+n })
}

// Orders compares the orders that were confirmed with the shop's ledger. It is
// called after End.
func (t *Traffic) Orders() (load.Orders, error) {
	file, err := os.Open(t.rig.ledger())
	if err != nil {
		return load.Orders{}, fmt.Errorf("opening the ledger: %w", err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	scanner := bufio.NewScanner(file)
	orders := t.Compare(func(yield func(string) bool) {
		for scanner.Scan() {
			if !yield(scanner.Text()) {
				return
			}
		}
	})
	if err := scanner.Err(); err != nil {
		return load.Orders{}, fmt.Errorf("reading the ledger: %w", err)
	}
	return orders, nil
}
