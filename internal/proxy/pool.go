package proxy

import (
	"bufio"
	"context"
	"errors"
	"math"
	"net"
	"sync"
	"time"
)

const (
	dialTimeout  = 3 * time.Second
	maxIdle      = 256              // kept connections per instance
	keepIdle     = 60 * time.Second // how long they are kept
	trustIdle    = time.Second      // how long one is trusted with what cannot be repeated
	answerHeader = 256 << 10        // bytes of an answer's header
)

// pool keeps idle connections to one instance, the last used first.
type pool struct {
	address string
	dial    dialer

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

// conn is a connection to an instance.
type conn struct {
	net.Conn
	br     *bufio.Reader
	wbuf   []byte
	budget int64 // bytes that may still be read
	reused bool
	since  time.Time // idle since
}

var errHeaderSize = errors.New("the answer's header is too large")

// Read reads within the budget.
func (c *conn) Read(p []byte) (int, error) {
	if c.budget <= 0 {
		return 0, errHeaderSize
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.budget)])
	c.budget -= int64(n)
	return n, err
}

func (c *conn) unlimited() { c.budget = math.MaxInt64 }

// get returns a kept connection, if it is still open so far as one can see, or a
// new one. An instance may close a kept connection at any moment, even while a
// request is on its way; what must not be sent twice therefore gets one only if
// it was used a moment ago.
func (p *pool) get(ctx context.Context, repeatable bool) (*conn, error) {
	if c := p.take(repeatable); c != nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	nc, err := p.dial.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc}
	c.unlimited()
	c.br = bufio.NewReader(c)
	return c, nil
}

func (p *pool) take(repeatable bool) *conn {
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return nil
		}
		c := p.idle[n-1]
		if !repeatable && time.Since(c.since) > trustIdle {
			p.mu.Unlock()
			return nil
		}
		p.idle[n-1], p.idle = nil, p.idle[:n-1]
		p.mu.Unlock()
		if isOpen(c.Conn) {
			c.reused = true
			return c
		}
		_ = c.Close() // the other side did, or said what nobody asked for
	}
}

// put keeps a connection on which nothing is under way.
func (p *pool) put(c *conn) {
	c.since = time.Now()
	c.unlimited()
	p.mu.Lock()
	keep := !p.closed && len(p.idle) < maxIdle && c.br.Buffered() == 0
	if keep {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !keep {
		_ = c.Close() // nothing is under way on it
	}
}

// prune closes connections that are idle since before the given time.
func (p *pool) prune(before time.Time) {
	p.mu.Lock()
	n := 0
	for n < len(p.idle) && p.idle[n].since.Before(before) {
		n++
	}
	old := p.idle[:n:n]
	p.idle = append([]*conn(nil), p.idle[n:]...)
	p.mu.Unlock()
	for _, c := range old {
		_ = c.Close() // nothing is under way on it
	}
}

// close closes idle connections, and those in use once they are put back.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.prune(time.Now().Add(time.Hour))
}
