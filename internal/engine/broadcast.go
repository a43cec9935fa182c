package engine

import (
	"context"
	"sync"
)

// broadcast wakes all who listen. A listener that is busy is woken once for
// everything that it missed. The zero value is ready.
type broadcast struct {
	mu        sync.Mutex
	listeners map[chan struct{}]struct{}
}

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.listeners {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (b *broadcast) subscribe(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	if b.listeners == nil {
		b.listeners = map[chan struct{}]struct{}{}
	}
	b.listeners[c] = struct{}{}
	b.mu.Unlock()
	context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners, c)
		close(c)
	})
	return c
}
