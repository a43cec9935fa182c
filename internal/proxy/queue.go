package proxy

import (
	"net"
	"sync"
)

// queue is a net.Listener whose connections are handed to it.
type queue struct {
	address net.Addr
	conns   chan net.Conn
	ended   chan struct{}
	once    sync.Once
}

func newQueue(address net.Addr) *queue {
	return &queue{address: address, conns: make(chan net.Conn), ended: make(chan struct{})}
}

// put hands a connection over; false when the queue has ended.
func (q *queue) put(c net.Conn) bool {
	select {
	case q.conns <- c:
		return true
	case <-q.ended:
		return false
	}
}

func (q *queue) end() { q.once.Do(func() { close(q.ended) }) }

// Accept implements net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (q *queue) Close() error { q.end(); return nil }

// Addr implements net.Listener.
func (q *queue) Addr() net.Addr { return q.address }

// slots bounds the connections of a listener. Beyond the bound, new ones wait
// in the kernel's queue.
type slots struct {
	mu    sync.Mutex
	freed sync.Cond
	used  int
	limit int
	ended bool
}

func newSlots() *slots {
	s := &slots{}
	s.freed.L = &s.mu
	return s
}

// take waits for a free slot; false once the slots are closed.
func (s *slots) take() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.used >= s.limit && !s.ended {
		s.freed.Wait()
	}
	s.used++
	return !s.ended
}

func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	s.freed.Signal()
}

func (s *slots) resize(limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
	s.freed.Broadcast()
}

func (s *slots) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.freed.Broadcast()
}

// heldConn gives its slot back when it is closed.
type heldConn struct {
	*net.TCPConn
	slots *slots
	open  *gauge
	once  sync.Once
}

// Close implements net.Conn.
func (c *heldConn) Close() error {
	c.once.Do(func() { c.slots.give(); c.open.end() })
	return c.TCPConn.Close()
}
