package proxy

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Streams (WebSockets, event streams, gRPC streams) end at their own end, if the
// drain limit of their service lets them. Else they are ended one after the
// other in the last part of it, each in the way its protocol has for that, so
// that their clients do not all come back at the same moment.
const (
	partFrom = 0.7         // of the limit: the first is told to end
	partTo   = 0.9         // of the limit: the last is
	partWait = time.Second // for the end of what is half sent
)

// streams are the open ones of one instance.
type streams struct {
	mu   sync.Mutex
	open map[*stream]struct{}
}

// stream is one that can be told to end.
type stream struct {
	leave func()
	told  bool // guarded by streams.mu
}

// add enters a stream until remove is called. leave makes it end soon; it does
// not wait, and is called once at most.
func (s *streams) add(leave func()) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*stream]struct{}{}
	}
	one := &stream{leave: leave}
	s.open[one] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, one)
	}
}

// untold returns how many were not told to end.
func (s *streams) untold() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for one := range s.open {
		if !one.told {
			n++
		}
	}
	return n
}

// tellOne tells one of them to end; false when all were told.
func (s *streams) tellOne() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.open {
		if !one.told {
			one.told = true
			one.leave()
			return true
		}
	}
	return false
}

// part ends the streams of instances before the limit, which counts from now,
// spread over the time there is for it. It returns when ctx ends.
func part(ctx context.Context, limit time.Duration, instances []*backend) {
	end := time.Now().Add(time.Duration(float64(limit) * partTo))
	pause := time.NewTimer(time.Duration(float64(limit) * partFrom))
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		left := 0
		for _, b := range instances {
			left += b.streams.untold()
		}
		for _, b := range instances {
			if b.streams.tellOne() {
				break
			}
		}
		// One that came meanwhile, by preview, is looked for too.
		pause.Reset(min(max(time.Until(end), 0)/time.Duration(max(left, 1))+time.Millisecond, time.Second))
	}
}

// leaving returns the instances that are asked for: those of a release of a site
// or of one service of it, or the instance, of whichever site if none is named.
func (g *registry) leaving(asked DrainRequest) []*backend {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []*backend
	for key, b := range g.backends {
		wanted := key.Instance == asked.Instance
		if asked.Instance == "" {
			wanted = key.release == asked.Release && (asked.Service == "" || asked.Service == key.service)
		}
		if wanted && (asked.Site == "" || asked.Site == key.site) {
			all = append(all, b)
		}
	}
	return all
}

// all returns all instances.
func (g *registry) all() []*backend {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []*backend
	for _, b := range g.backends {
		all = append(all, b)
	}
	return all
}

// answerStream is an answer that streams, and can be ended between two of its
// messages.
type answerStream struct {
	flow     flow
	messages boundary
	leaving  atomic.Bool
	remove   func()

	mu    sync.Mutex
	timer *time.Timer // interrupts one that sends nothing, or does not come to a boundary
	ended bool
}

// boundary finds the ends of messages in a stream: passed takes what was sent and
// reports whether it ends with the end of a message.
type boundary interface{ passed(sent []byte) bool }

// stream returns the stream that the answer is; nil for one that ends by itself.
func (c *call) stream(a *answer) *answerStream {
	if a.ContentLength >= 0 {
		return nil
	}
	s := &answerStream{flow: a.flow}
	switch kind := a.Header.Get("Content-Type"); {
	case strings.HasPrefix(kind, "text/event-stream"):
		s.messages = &events{}
	case isGRPC(a.Header):
		s.messages = &grpcMessages{}
	default:
		return nil
	}
	s.remove = c.backend.streams.add(s.leave)
	return s
}

func isGRPC(header http.Header) bool {
	return strings.HasPrefix(header.Get("Content-Type"), "application/grpc")
}

// leave ends the stream at the end of the next message. One that is silent ends
// soon.
func (s *answerStream) leave() {
	s.leaving.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.timer = time.AfterFunc(partWait, s.flow.interrupt)
	}
}

// over takes in what was sent and reports whether the stream is to end here.
func (s *answerStream) over(sent []byte) bool {
	if s == nil {
		return false
	}
	return s.messages.passed(sent) && s.leaving.Load()
}

// parted reports whether the stream was told to end.
func (s *answerStream) parted() bool { return s != nil && s.leaving.Load() }

func (s *answerStream) end() {
	if s == nil {
		return
	}
	s.remove()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

// events finds the ends of server-sent events: an empty line.
type events struct{ last [2]byte }

func (e *events) passed(sent []byte) bool {
	for _, b := range sent[max(0, len(sent)-4):] {
		if b == '\r' {
			continue // lines may end in CR LF
		}
		e.last[0], e.last[1] = e.last[1], b
	}
	return e.last == [2]byte{'\n', '\n'}
}

// grpcMessages finds the ends of gRPC's messages: each has a flag and its length
// in four bytes before it.
type grpcMessages struct {
	prefix [5]byte
	have   int // bytes of the prefix
	left   int // bytes of the message
}

func (m *grpcMessages) passed(sent []byte) bool {
	for len(sent) > 0 {
		if m.left > 0 {
			n := min(m.left, len(sent))
			m.left, sent = m.left-n, sent[n:]
			continue
		}
		n := copy(m.prefix[m.have:], sent)
		m.have, sent = m.have+n, sent[n:]
		if m.have == len(m.prefix) {
			m.have = 0
			m.left = int(m.prefix[1])<<24 | int(m.prefix[2])<<16 | int(m.prefix[3])<<8 | int(m.prefix[4])
		}
	}
	return m.have == 0 && m.left == 0
}
