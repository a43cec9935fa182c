package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"sync/atomic"
	"time"
)

// h2c speaks HTTP/2 over cleartext to an instance, as gRPC does.
type h2c struct {
	address   string
	streams   *streams // of the instance
	transport *http.Transport
}

func newH2C(address string, dial dialer, open *streams) *h2c {
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	return &h2c{address: address, streams: open, transport: &http.Transport{
		DialContext:            dial.DialContext,
		Protocols:              protocols,
		DisableCompression:     true,
		IdleConnTimeout:        keepIdle,
		MaxResponseHeaderBytes: answerHeader,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: 15 * time.Second, // finds a connection whose other side is gone
			PingTimeout:     5 * time.Second,
		},
	}}
}

func (u *h2c) prune(time.Time) {} // the transport does it
func (u *h2c) close()          { u.transport.CloseIdleConnections() }

func (u *h2c) roundTrip(q *request) (*answer, error) {
	ctx, cancel := context.WithCancel(q.ctx)
	limit := &timeLimit{cancel: cancel}
	var (
		interim sync.Mutex // the transport may still call when RoundTrip has returned
		final   bool
	)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			interim.Lock()
			defer interim.Unlock()
			if !final && code != http.StatusContinue {
				q.interim(code, http.Header(header))
			}
			return nil
		},
	})
	out := q.in.WithContext(ctx)
	url := *q.in.URL
	url.Scheme, url.Host = "http", u.address
	out.URL, out.RequestURI, out.Header, out.Close = &url, "", h2Header(q), false
	flow := &h2cFlow{q: q, cancel: cancel}
	out.Body = flow.body(limit)
	answered := u.unanswered(flow)
	res, err := u.transport.RoundTrip(out)
	answered()
	limit.stop()
	interim.Lock()
	final = true
	interim.Unlock()
	flow.res = res
	if flow.parted.Load() {
		flow.end(false)
		return nil, &failure{err: errParted, parted: true}
	}
	if err != nil {
		flow.end(false)
		f := &failure{err: err, timeout: limit.struck.Load()}
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
			f.dial = true
		}
		return nil, f
	}
	return &answer{Response: res, flow: flow}, nil
}

// h2cFlow is one stream.
type h2cFlow struct {
	q      *request
	res    *http.Response
	cancel func()
	sent   atomic.Bool // the client's body was read to its end
	given  atomic.Bool // nobody wants the rest of the client's body
	read   sync.Mutex  // held while the client's body is read
	parted atomic.Bool // it was told to end before it was answered
}

func (f *h2cFlow) interrupt() {
	f.cancel()
	f.giveUpBody(true) // the transport looks at nothing else while it waits for it
}

func (f *h2cFlow) more() bool { return false }

func (f *h2cFlow) end(bool) {
	f.giveUpBody(f.res != nil)
	f.cancel()
	// A read that was under way when the request ends would take the deadline
	// off the connection, and the server would then wait for the rest.
	f.read.Lock()
	defer f.read.Unlock()
	if f.res != nil {
		_ = f.res.Body.Close() // it ends the stream if it has not ended
	}
}

// giveUpBody ends the transport's wait for more of the client's body. One that it
// has not begun to read is left to the next attempt, unless there is an answer.
func (f *h2cFlow) giveUpBody(answered bool) {
	f.given.Store(true)
	if f.q.stream && (answered || f.q.touched.Load()) && !f.sent.Load() {
		f.q.stall.cut()
	}
}

// body returns what is sent as the request's body, and starts the time limit
// for the answer when that is sent.
func (f *h2cFlow) body(limit *timeLimit) io.ReadCloser {
	if f.q.stream {
		return &streamBody{flow: f, limit: limit}
	}
	limit.start(f.q.timeout)
	if len(f.q.body) == 0 {
		return http.NoBody
	}
	return io.NopCloser(bytes.NewReader(f.q.body))
}

// streamBody is the client's body as the transport reads it.
type streamBody struct {
	flow  *h2cFlow
	limit *timeLimit
}

func (b *streamBody) Read(p []byte) (int, error) {
	b.flow.read.Lock()
	defer b.flow.read.Unlock()
	q := b.flow.q
	q.touched.Store(true)
	if b.flow.given.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	q.stall.expect()
	n, err := q.in.Body.Read(p)
	switch {
	case err == io.EOF: //nolint:errorlint // io.Reader returns it bare
		q.stall.lift()
		b.limit.start(q.timeout)
		b.flow.sent.Store(true)
	case err != nil && !b.flow.given.Load():
		q.bodyErr.CompareAndSwap(nil, &err)
	}
	return n, err
}

// Close leaves the client's body to the server. The transport calls it when the
// instance has reset the stream, and waits for a Read that goes on all the same.
func (b *streamBody) Close() error {
	b.flow.giveUpBody(false)
	return nil
}

// timeLimit cancels when an answer takes too long.
type timeLimit struct {
	cancel  func()
	struck  atomic.Bool
	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

// start lets the limit strike after d; 0 is never.
func (l *timeLimit) start(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d == 0 || l.stopped || l.timer != nil {
		return
	}
	l.timer = time.AfterFunc(d, func() {
		l.struck.Store(true)
		l.cancel()
	})
}

func (l *timeLimit) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	if l.timer != nil {
		l.timer.Stop()
	}
}
