package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// http1 speaks HTTP/1.1 to an instance. A request without a body, or with one
// that was read ahead, is written and its answer read by the caller's
// goroutine; only a body that streams gets a goroutine of its own.
type http1 struct{ pool pool }

func (u *http1) prune(before time.Time) { u.pool.prune(before) }
func (u *http1) close()                 { u.pool.close() }

// maxInterim bounds the 1xx answers before the final one.
const maxInterim = 8

func (u *http1) roundTrip(q *request) (*answer, error) {
	c, err := u.connect(q)
	if err != nil {
		return nil, &failure{err: err, dial: true}
	}
	x := &exchange{pool: &u.pool, conn: c, q: q}
	// The client's leaving ends whatever is under way on the connection.
	x.stop = context.AfterFunc(q.ctx, func() { _ = c.Conn.SetDeadline(aLongTimeAgo) })
	if err := x.send(); err != nil {
		x.end(false)
		return nil, err
	}
	res, err := x.receive()
	if err != nil {
		x.end(false)
		return nil, err
	}
	return &answer{Response: res, flow: x}, nil
}

func (u *http1) connect(q *request) (*conn, error) {
	if q.fresh {
		u.pool.prune(time.Now()) // one kept connection was dead: none of its age is trusted
	}
	return u.pool.get(q.ctx, q.repeatable())
}

// aLongTimeAgo is a deadline that ends reads and writes at once.
var aLongTimeAgo = time.Unix(1, 0)

// exchange is one request and its answer on a connection.
type exchange struct {
	pool   *pool
	conn   *conn
	q      *request
	stop   func() bool // detaches the connection from the client's leaving
	sender *sender     // sends a body that streams; nil when there is none
	res    *http.Response
}

// send writes the request's header, and the body that is at hand.
func (x *exchange) send() error {
	c := x.conn
	c.wbuf = appendRequest(c.wbuf[:0], x.q)
	n, err := c.Write(c.wbuf)
	if err != nil && !x.stillAnswers(n) {
		return &failure{err: err, unsent: n == 0, silent: c.reused}
	}
	if x.q.stream {
		x.sender = startSender(c, x.q)
	}
	return nil
}

// stillAnswers reports whether an answer may be there although the request
// could not be written to its end: an instance may refuse early and close.
func (x *exchange) stillAnswers(written int) bool {
	if written == 0 {
		return false
	}
	_ = x.conn.SetReadDeadline(time.Now().Add(time.Second)) // its failing shows in the read
	_, err := x.conn.br.Peek(1)
	return err == nil
}

// receive reads up to the final answer's header.
func (x *exchange) receive() (*http.Response, error) {
	c := x.conn
	c.budget = answerHeader
	x.expectWithin()
	if _, err := c.br.Peek(1); err != nil {
		return nil, x.failed(err, !isTimeout(err))
	}
	for range maxInterim {
		res, err := http.ReadResponse(c.br, x.q.in)
		if err != nil {
			return nil, x.failed(err, false)
		}
		if res.StatusCode >= 200 || res.StatusCode == http.StatusSwitchingProtocols {
			x.res = res
			c.unlimited()
			if c.br.Buffered() < int(min(max(res.ContentLength, 0), 1<<20)) || res.ContentLength < 0 {
				_ = c.SetReadDeadline(time.Time{}) // the limit was for the header; its failing shows in the read
			}
			return res, nil
		}
		if res.StatusCode == http.StatusContinue {
			x.sender.goOn()
			continue
		}
		x.q.interim(res.StatusCode, res.Header)
	}
	return nil, x.failed(errors.New("too many interim answers"), false)
}

// expectWithin sets the time limit for the answer's header, which starts once
// the request is sent.
func (x *exchange) expectWithin() {
	switch {
	case x.q.timeout == 0:
	case x.sender != nil:
		x.sender.whenSent(func() { _ = x.conn.SetReadDeadline(time.Now().Add(x.q.timeout)) })
	default:
		_ = x.conn.SetReadDeadline(time.Now().Add(x.q.timeout)) // its failing shows in the read
	}
}

func (x *exchange) failed(err error, silent bool) *failure {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &failure{err: err, silent: silent, timeout: isTimeout(err)}
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func (x *exchange) interrupt() { _ = x.conn.SetReadDeadline(aLongTimeAgo) }

func (x *exchange) more() bool { return x.conn.br.Buffered() > 0 }

// end keeps the connection for the next request if this one came to a clean
// end on both sides, and closes it otherwise.
func (x *exchange) end(complete bool) {
	detached := x.stop()
	clean := complete && detached && x.res != nil && !x.res.Close
	if x.sender != nil && !x.sender.finish() {
		clean = false
	}
	if !clean {
		_ = x.conn.Close() // nobody waits for anything on it
		return
	}
	x.pool.put(x.conn)
}
