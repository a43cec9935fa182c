package proxy

import (
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// continueWait is how long an instance may take to ask for a body that the
// client announced with "Expect: 100-continue" before it is sent all the same.
const continueWait = time.Second

// sender sends a request's body while the answer is read, so that both can
// stream at once.
type sender struct {
	conn    *conn
	q       *request
	proceed chan struct{} // closed when the instance wants the body
	abandon chan struct{} // closed when nobody wants it any more
	done    chan struct{}
	ok      bool // sent to its end; read after done

	// ending is set before the last write. From there on the client's body is
	// read to its end, and its connection must be left as it is.
	ending atomic.Bool

	mu   sync.Mutex
	sent func() // called once the body is sent
}

func startSender(c *conn, q *request) *sender {
	s := &sender{conn: c, q: q, proceed: make(chan struct{}), abandon: make(chan struct{}), done: make(chan struct{})}
	go s.run()
	return s
}

// goOn passes on the instance's 100 Continue.
func (s *sender) goOn() {
	if s == nil {
		return
	}
	select {
	case <-s.proceed:
	default:
		close(s.proceed)
	}
}

// whenSent calls f once the body is sent, at once if it was already.
func (s *sender) whenSent(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ok {
		f()
		return
	}
	s.sent = f
}

// finish waits until the sender has ended and reports whether the whole body
// was sent. What is still to be sent is given up.
func (s *sender) finish() bool {
	select {
	case <-s.done:
		return s.ok
	default:
	}
	close(s.abandon)
	if s.ending.Load() {
		// The answer only overtook the sender's last write.
		_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second))
	} else {
		s.q.stall.cut()
		_ = s.conn.SetWriteDeadline(aLongTimeAgo) // ends a write to the instance
	}
	<-s.done
	_ = s.conn.SetWriteDeadline(time.Time{}) // for the next request on it
	return s.ok
}

func (s *sender) run() {
	defer close(s.done)
	if s.q.in.Header.Get("Expect") != "" {
		wait := time.NewTimer(continueWait)
		defer wait.Stop()
		select {
		case <-s.proceed:
		case <-wait.C:
		case <-s.abandon:
			return
		}
	}
	s.q.touched.Store(true)
	if err := s.copy(); err != nil {
		// The client did not complete its request, or the instance does not
		// read on. It may have answered already: reading its answer decides.
		if !s.isOver() {
			s.fail(err)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ok = true
	if s.sent != nil {
		s.sent()
	}
}

func (s *sender) isOver() bool {
	select {
	case <-s.abandon:
		return true
	default:
		return false
	}
}

// fail lets the reading side know that the request will not be completed. An
// instance that refused the body is given a moment to say so.
func (s *sender) fail(err error) {
	limit := time.Now().Add(time.Second)
	if s.q.bodyErr.Load() != nil {
		limit = aLongTimeAgo
	}
	_ = s.conn.SetReadDeadline(limit) // its failing shows in the read
}

// copy sends the body, in chunks when its length is not known, with trailers.
func (s *sender) copy() error {
	buf := getBuffer(-1) // the client may be slow
	defer func() { putBuffer(buf) }()
	chunked, left := s.q.in.ContentLength < 0, s.q.in.ContentLength
	// Room for a chunk's size before the data and for its end after it, so
	// that a chunk is one write.
	const before, after = 10, 2
	for {
		room := (*buf)[before : len(*buf)-after]
		s.q.stall.expect()
		n, err := s.q.in.Body.Read(room)
		if n > 0 {
			out := room[:n]
			if left -= int64(n); left == 0 {
				s.ending.Store(true)
			}
			if chunked {
				size := strconv.AppendInt(nil, int64(n), 16)
				start := before - len(size) - 2
				copy((*buf)[start:], size)
				copy((*buf)[before-2:], "\r\n")
				copy((*buf)[before+n:], "\r\n")
				out = (*buf)[start : before+n+2]
			}
			if _, err := s.conn.Conn.Write(out); err != nil {
				return err
			}
		}
		if err == io.EOF { //nolint:errorlint // io.Reader returns it bare
			s.q.stall.lift()
			break
		}
		if err != nil {
			s.q.bodyErr.Store(&err)
			return err
		}
		if n == len(room) {
			buf = grow(buf)
		}
	}
	s.ending.Store(true)
	if !chunked {
		return nil
	}
	_, err := s.conn.Conn.Write(appendTrailer([]byte("0\r\n"), s.q.in.Trailer))
	return err
}
