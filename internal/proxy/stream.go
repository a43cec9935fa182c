package proxy

import (
	"context"
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

	partLook = 100 * time.Millisecond // until streams that came meanwhile, by preview, are looked for
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
		pause.Reset(pace(time.Until(end), left-1))
	}
}

// pace returns the wait before the next of those that are left is told, when
// there is so much time for all of them. It does not get late: what is left at
// the end is told at once.
func pace(rest time.Duration, left int) time.Duration {
	if left <= 0 {
		return partLook
	}
	return max(rest, 0) / time.Duration(left)
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

// boundary finds the ends of messages in a stream.
type boundary interface {
	// passed takes in what is sent.
	passed(piece []byte)
	// last returns where in the piece that is to be sent next the last end of a
	// message is, up to which it may be sent: 0 is the end of what was sent. It
	// is negative when there is none.
	last(piece []byte) int
}

// stream returns the stream that the answer is; nil for one that ends by itself.
func (c *call) stream(a *answer) *answerStream {
	if a.ContentLength >= 0 {
		return nil
	}
	s := &answerStream{flow: a.flow}
	switch kind := a.Header.Get("Content-Type"); {
	case strings.HasPrefix(kind, "text/event-stream"):
		s.messages = &events{}
	case isGRPC(a.Header) && !strings.HasPrefix(kind, grpcWebText):
		s.messages = &grpcMessages{}
	default:
		return nil
	}
	s.remove = c.backend.streams.add(s.leave)
	return s
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

// next takes in what is to be sent next. When the stream was told to end, it
// returns what is left to send up to the end of a message, and true, if one ends.
func (s *answerStream) next(piece []byte) ([]byte, bool) {
	if s == nil {
		return piece, false
	}
	if s.leaving.Load() {
		if n := s.messages.last(piece); n >= 0 {
			return piece[:n], true
		}
	}
	s.messages.passed(piece)
	return piece, false
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

// events finds the ends of server-sent events: an empty line. They hold the last
// two bytes that were sent; lines may end in CR LF, so CR does not count.
type events struct{ sent [2]byte }

func (e *events) passed(piece []byte) {
	for _, b := range piece[max(0, len(piece)-4):] {
		e.pass(b)
	}
}

func (e *events) last(piece []byte) int {
	at, ahead := -1, *e
	if ahead.between() {
		at = 0
	}
	for i, b := range piece {
		if ahead.pass(b); b == '\n' && ahead.between() {
			at = i + 1
		}
	}
	return at
}

func (e *events) pass(b byte) {
	if b != '\r' {
		e.sent[0], e.sent[1] = e.sent[1], b
	}
}

func (e *events) between() bool { return e.sent == [2]byte{'\n', '\n'} }
