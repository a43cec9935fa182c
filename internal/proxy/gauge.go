package proxy

import (
	"context"
	"sync"
	"sync/atomic"
)

// gauge counts what is in flight and wakes those who wait for it to be none.
type gauge struct {
	n       atomic.Int64
	waiting atomic.Int64
	mu      sync.Mutex
	zero    chan struct{} // closed at the next zero; nil when nobody waits
}

func (g *gauge) begin() { g.n.Add(1) }

func (g *gauge) end() {
	// A waiter registers before it reads n, so either it reads the zero or
	// this sees the waiter.
	if g.n.Add(-1) == 0 && g.waiting.Load() > 0 {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.zero != nil {
			close(g.zero)
			g.zero = nil
		}
	}
}

func (g *gauge) value() int64 { return g.n.Load() }

// wait returns when the gauge was seen at zero, or when ctx ends.
func (g *gauge) wait(ctx context.Context) {
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	for {
		g.mu.Lock()
		if g.zero == nil {
			g.zero = make(chan struct{})
		}
		zero := g.zero
		g.mu.Unlock()
		if g.value() == 0 {
			return
		}
		select {
		case <-zero:
		case <-ctx.Done():
			return
		}
	}
}
