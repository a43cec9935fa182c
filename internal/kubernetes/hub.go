package kubernetes

import (
	"context"
	"sync"
)

// hub tells those who listen for a scope that something changed there. newHub
// makes one.
type hub struct {
	mu        sync.Mutex
	shut      bool
	listeners map[scope]map[chan struct{}]struct{}
}

func newHub() *hub { return &hub{listeners: map[scope]map[chan struct{}]struct{}{}} }

// send tells the listeners of s. One that has not received the last word yet
// gets no second.
func (h *hub) send(s scope) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for channel := range h.listeners[s] {
		select {
		case channel <- struct{}{}:
		default:
		}
	}
}

// subscribe returns a channel that receives after every send, until ctx ends or
// the hub is closed; then it is closed.
func (h *hub) subscribe(ctx context.Context, s scope) <-chan struct{} {
	channel := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shut {
		close(channel)
		return channel
	}
	if h.listeners[s] == nil {
		h.listeners[s] = map[chan struct{}]struct{}{}
	}
	h.listeners[s][channel] = struct{}{}
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, open := h.listeners[s][channel]; open {
			delete(h.listeners[s], channel)
			close(channel)
		}
	})
	return channel
}

// close ends all subscriptions.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shut = true
	for _, channels := range h.listeners {
		for channel := range channels {
			close(channel)
		}
	}
	clear(h.listeners)
}
