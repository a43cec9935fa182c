//go:build linux

package rig

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/davit-dev/davit/internal/load"
)

// Traffic is load on the front door.
type Traffic struct {
	*load.Generator
	stop context.CancelFunc
	done sync.WaitGroup
}

// Dial returns what connects to the front door, whatever host is asked for.
func (f Front) Dial() func(context.Context) (net.Conn, error) {
	dialer := &net.Dialer{}
	return func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", f.Address) }
}

// Begin starts traffic to the shop of a host at a rate of requests a second: half
// of it product lists and half orders, a fifth on new connections; all of them where
// the front door is a Service, whose connections are to pods, and cut when these end.
// Prefix begins the keys of the orders.
func (f Front) Begin(ctx context.Context, host string, rate float64, prefix string) (*Traffic, error) {
	fresh := 0.2
	if f.Name == "" {
		fresh = 1
	}
	generator, err := load.New(load.Options{
		Target: "http://" + host + ":80", Dial: f.Dial(), Rate: rate, Fresh: fresh, ReleaseHeader: "Shop-Version", Prefix: prefix,
		Mix: []load.Request{
			{Method: "GET", Path: "/api/products", Expect: "Brass compass", Weight: 1},
			{Method: "POST", Path: "/api/orders", Body: `{"key":"{key}","product":"Oilskin"}`, Expect: `"key":"{key}"`, Weight: 1},
		},
	})
	if err != nil {
		return nil, err
	}
	t := &Traffic{Generator: generator}
	ctx, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	t.done.Go(func() { generator.Run(ctx) })
	return t, nil
}

// Begin starts traffic to the rig's shop.
func (r *Rig) Begin(ctx context.Context, rate float64) (*Traffic, error) {
	return r.Front.Begin(ctx, r.Space.Host(), rate, r.Space.Name)
}

// End stops the traffic and waits for the last answer. It may be called again.
func (t *Traffic) End() {
	t.stop()
	t.done.Wait()
}

// Settle waits until n more requests were answered or lost.
func (t *Traffic) Settle(ctx context.Context, n int64) error {
	finished := func() int64 { s := t.Snapshot(); return s.Answered + s.TotalLost() }
	from := finished()
	return Until(ctx, fmt.Sprintf("%d requests are answered", n), func(context.Context) error {
		if now := finished(); now < from+n {
			return fmt.Errorf("%d are", now-from)
		}
		return nil
	})
}

// Streams are open streams through the front door.
type Streams struct {
	*load.Streams
	stop context.CancelFunc
	done sync.WaitGroup
}

// Open opens as many WebSockets to the api, and waits until all are.
func (r *Rig) Open(ctx context.Context, webSockets int) (*Streams, error) {
	s := &Streams{Streams: load.NewStreams(load.StreamOptions{
		Target: "http://" + r.Space.Host() + ":80", Dial: r.Front.Dial(), WebSockets: webSockets, WebSocketPath: "/api/echo",
	})}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.done.Go(func() { s.Run(running) })
	err := Until(ctx, "all WebSockets are open", func(context.Context) error {
		if f := s.Figures(); f.Open < webSockets {
			return fmt.Errorf("%d are: %v", f.Open, f.Samples)
		}
		return nil
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the streams. It may be called again.
func (s *Streams) Close() {
	s.stop()
	s.done.Wait()
}
