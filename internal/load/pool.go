package load

import (
	"sync"
	"time"
)

// idleLimit is how long a kept connection may have been idle to be used again.
// It is shorter than any sensible server's, so that a server that closes a
// connection which was in use moments ago is caught and one that tidies up is
// not blamed.
const idleLimit = 4 * time.Second

// pool holds the kept connections that are idle, the latest used last.
type pool struct {
	mu   sync.Mutex
	idle []*connection
}

// take returns the connection that was used last, nil when there is none.
func (p *pool) take() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	last := len(p.idle) - 1
	c := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	if time.Since(c.since) > idleLimit { // and so were all before it
		p.drop(len(p.idle))
		_ = c.Close() // it is not used again
		return nil
	}
	return c
}

// put gives a connection back.
func (p *pool) put(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.since = time.Now()
	old := 0
	for old < len(p.idle) && c.since.Sub(p.idle[old].since) > idleLimit {
		old++
	}
	p.drop(old)
	p.idle = append(p.idle, c)
}

// drop closes the first n connections.
func (p *pool) drop(n int) {
	for _, c := range p.idle[:n] {
		_ = c.Close() // they are not used again
	}
	p.idle = append(p.idle[:0], p.idle[n:]...)
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(len(p.idle))
}
