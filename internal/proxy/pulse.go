package proxy

import (
	"sync"
	"sync/atomic"
)

// pulse tells any number of listeners that something changed. Telling costs one
// atomic load while nobody listens, so it can be done for every request.
type pulse struct {
	armed atomic.Bool
	mu    sync.Mutex
	ch    chan struct{}
}

// next returns a channel that is closed at the next beat.
func (p *pulse) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ch == nil {
		p.ch = make(chan struct{})
		p.armed.Store(true)
	}
	return p.ch
}

// beat wakes all who hold a channel from next.
func (p *pulse) beat() {
	if !p.armed.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ch != nil {
		p.armed.Store(false)
		close(p.ch)
		p.ch = nil
	}
}
