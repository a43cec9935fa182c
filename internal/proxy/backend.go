package proxy

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davit-dev/davit"
)

// backend is one instance: its connections, its health, and what is in flight
// to it. It is shared by all tables that name the instance.
type backend struct {
	key      backendKey
	inFlight gauge
	streams  streams
	upstream upstream
	dial     dialer

	ejected atomic.Bool // the last dial failed, and a probe has not got through since
	ctx     context.Context
	cancel  context.CancelFunc
	mu      sync.Mutex // orders eject and retire, so that no probe starts after the end
	probe   sync.WaitGroup
}

// dialer opens connections to instances.
type dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// upstream sends requests to one instance.
type upstream interface {
	// roundTrip returns the final answer's header, or a *failure.
	roundTrip(q *request) (*answer, error)
	// prune closes connections that were idle since before the given time.
	prune(before time.Time)
	close()
}

func newBackend(key backendKey, dial dialer) *backend {
	b := &backend{key: key, dial: dial}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	if key.protocol == davit.ProtocolH2C {
		b.upstream = newH2C(key.Address, dial, &b.streams)
	} else {
		b.upstream = &http1{pool: pool{address: key.Address, dial: dial}}
	}
	return b
}

// Bounds of the wait between two probes of an ejected instance.
const (
	probeFirst = 20 * time.Millisecond
	probeLast  = 2 * time.Second
)

// eject takes the instance out of the choice until a dial to it succeeds again.
func (b *backend) eject() {
	if !b.ejected.CompareAndSwap(false, true) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx.Err() == nil {
		b.probe.Go(b.probeBack)
	}
}

func (b *backend) probeBack() {
	wait := time.NewTimer(probeFirst)
	defer wait.Stop()
	for pause := probeFirst; ; pause = min(2*pause, probeLast) {
		select {
		case <-b.ctx.Done():
			return
		case <-wait.C:
		}
		ctx, cancel := context.WithTimeout(b.ctx, probeLast)
		conn, err := b.dial.DialContext(ctx, "tcp", b.key.Address)
		cancel()
		if err == nil {
			_ = conn.Close() // it was opened only to see that it can be
			b.ejected.Store(false)
			return
		}
		wait.Reset(pause)
	}
}

// retire ends the probe and closes idle connections. Requests in flight go on;
// their connections close when they end.
func (b *backend) retire() {
	b.mu.Lock()
	b.cancel()
	b.mu.Unlock()
	b.probe.Wait()
	b.upstream.close()
}

// request is what an upstream gets: the client's request and what the proxy
// says about it.
type request struct {
	ctx     context.Context
	in      *http.Request
	out     []field // replaces the client's fields of these names
	body    []byte  // the whole body, when it was read ahead
	stream  bool    // the body is read from in.Body while it is sent
	upgrade string  // the protocol to upgrade to, if any
	fresh   bool    // do not use a kept connection
	timeout time.Duration
	touched atomic.Bool                          // in.Body was read from
	bodyErr atomic.Pointer[error]                // why in.Body could not be read on
	stall   stall                                // of in.Body; set when it streams
	interim func(status int, header http.Header) // forwards a 1xx answer
}

// field is one header field.
type field struct{ name, value string }

// failure is an attempt that got no answer.
type failure struct {
	err     error
	dial    bool // no connection
	unsent  bool // not a byte of the request got out
	silent  bool // the connection ended before the first byte of an answer
	timeout bool // the answer's header took too long
	parted  bool // it was told to end
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// answer is an upstream's answer: its header read, its body to be read.
type answer struct {
	*http.Response
	flow flow
}

// flow is the exchange that an answer's body comes through.
type flow interface {
	// more reports whether more of the body is there to read without waiting.
	more() bool
	// interrupt ends the reading of the body, now or when it is next tried.
	interrupt()
	// end releases what the exchange holds. It is called once, with complete
	// set when the body was read to its end.
	end(complete bool)
}

// repeatable reports whether the request may be sent twice: by its method it
// has the same effect (RFC 9110, section 9.2.2), and its body is at hand.
func (q *request) repeatable() bool {
	if q.stream || q.upgrade != "" {
		return false
	}
	switch q.in.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// again reports whether the request may be sent once more after f. A proxy may
// never repeat what an instance could have acted on, unless repeating has the
// same effect.
func (q *request) again(f *failure) bool {
	switch {
	case q.ctx.Err() != nil || f.timeout || f.parted || q.touched.Load():
		return false
	case f.dial || f.unsent:
		return true
	default:
		return f.silent && q.repeatable()
	}
}
