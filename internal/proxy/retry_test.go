package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

func TestFailedDialIsRetriedElsewhere(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		r := newRig(t)
		r.put(oneRelease(protocol, deadAddress(t), backendServer(t, says("alive"))))
		client := newClient(t)
		for i := range 50 {
			body := strings.Repeat("x", i*4096) // up to what is read ahead, and beyond
			res, got := exchangeWith(t, client, http.MethodPost, r.url("/"), strings.NewReader(body))
			if got != "alive" {
				t.Fatalf("request %d: got %s %q", i, res.Status, got)
			}
		}
		if got := r.traffic("v1"); got.Requests != 50 || got.Failures != 0 {
			t.Errorf("counted %d requests, %d failures; want 50, 0", got.Requests, got.Failures)
		}
	})
}

func TestDeadInstanceIsEjectedAndProbedBackIn(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolHTTP1, address))
	client := newClient(t)
	if res, _ := exchangeWith(t, client, http.MethodGet, r.url("/"), nil); res.StatusCode != http.StatusBadGateway {
		t.Fatalf("a dead instance alone: got %s, want 502", res.Status)
	}
	if got := r.traffic("v1"); got.Status[5] != 1 || got.Failures != 1 {
		t.Errorf("counted %v and %d failures", got.Status, got.Failures)
	}
	b := r.routing.Load().site(anyPort, "").releases["v1"].services["web"].backends[0]
	if !b.ejected.Load() {
		t.Fatal("the instance was not ejected at the first failure")
	}
	if l, err = net.Listen("tcp", address); err != nil {
		t.Skipf("the port was taken by another: %v", err)
	}
	server := &http.Server{Handler: says("back"), ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	defer func() { _ = server.Close(); <-done }()
	eventually(t, "it is probed back in", func() bool { return !b.ejected.Load() })
	if _, got := exchangeWith(t, client, http.MethodGet, r.url("/"), nil); got != "back" {
		t.Errorf("got %q", got)
	}
}

// closer is an instance that closes a connection after reading a request, the
// nth of each connection for n in closeAt.
type closer struct {
	requests atomic.Int64
	closeAt  int
	always   bool // on every connection, not on the first only
	conns    atomic.Int64
}

func (c *closer) serve(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			first := c.conns.Add(1) == 1
			tasks.Go(func() { c.handle(conn, first) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); tasks.Wait() })
	return l.Addr().String()
}

func (c *closer) handle(conn net.Conn, first bool) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(conn)
	for n := 1; ; n++ {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		c.requests.Add(1)
		if n == c.closeAt && (first || c.always) {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}

func TestWhatIsRepeated(t *testing.T) {
	for _, c := range []struct {
		method  string
		body    string
		status  int
		arrived int64 // at the instance, the first request included
	}{
		{http.MethodGet, "", 200, 3},
		{http.MethodPut, "all of it", 200, 3},
		{http.MethodDelete, "", 200, 3},
		{http.MethodPost, "an order", 502, 2}, // may have been acted on
		{http.MethodPatch, "a change", 502, 2},
		{http.MethodPut, strings.Repeat("x", 2*readAhead), 502, 2}, // gone by
	} {
		t.Run(fmt.Sprint(c.method, len(c.body)), func(t *testing.T) {
			instance := &closer{closeAt: 2}
			address := instance.serve(t) // before the rig: it ends when the rig has let go of its connections
			r := newRig(t)
			r.put(oneRelease(davit.ProtocolHTTP1, address))
			client := newClient(t)
			exchangeWith(t, client, http.MethodGet, r.url("/"), nil) // leaves a kept connection
			res, _ := exchangeWith(t, client, c.method, r.url("/"), strings.NewReader(c.body))
			if res.StatusCode != c.status || instance.requests.Load() != c.arrived {
				t.Errorf("got %s, and %d requests arrived; want %d and %d", res.Status, instance.requests.Load(), c.status, c.arrived)
			}
		})
	}
}

func TestRetriesAreBounded(t *testing.T) {
	instance := &closer{closeAt: 1, always: true}
	address := instance.serve(t)
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolHTTP1, address))
	res, _ := exchangeWith(t, newClient(t), http.MethodGet, r.url("/"), nil)
	if res.StatusCode != http.StatusBadGateway || instance.requests.Load() > maxAttempts {
		t.Errorf("got %s after %d requests to the instance", res.Status, instance.requests.Load())
	}
}

func TestPostAvoidsConnectionThatWasClosed(t *testing.T) {
	// An instance that closes idle connections: a POST must never meet one.
	backend := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") // says nothing of closing
		_ = conn.Close()
	})
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolHTTP1, backend))
	client := newClient(t)
	pool := &r.routing.Load().site(anyPort, "").releases["v1"].services["web"].backends[0].upstream.(*http1).pool
	for i := range 20 {
		if res, _ := exchangeWith(t, client, http.MethodPost, r.url("/"), strings.NewReader("order")); res.StatusCode != http.StatusOK {
			t.Fatalf("POST %d: %s", i, res.Status)
		}
		eventually(t, "the end of the kept connection has arrived", func() bool {
			pool.mu.Lock()
			defer pool.mu.Unlock()
			return len(pool.idle) == 0 || !isOpen(pool.idle[len(pool.idle)-1].Conn)
		})
	}
}

func TestResponseTimeout(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		backend := backendServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		r := newRig(t)
		site := oneRelease(protocol, backend)
		site.Front.Limits.ResponseTimeout = davit.Duration(30 * time.Millisecond)
		r.put(site)
		res, _ := exchangeWith(t, newClient(t), http.MethodGet, r.url("/"), nil)
		if res.StatusCode != http.StatusGatewayTimeout {
			t.Errorf("got %s, want 504", res.Status)
		}
		if got := r.traffic("v1"); got.Failures != 1 {
			t.Errorf("counted %d failures", got.Failures)
		}
	})
}

func TestBodyLimit(t *testing.T) {
	r := newRig(t)
	site := oneRelease(davit.ProtocolHTTP1, backendServer(t, says("ok")))
	site.Front.Limits.BodyBytes = 1000
	r.put(site)
	for _, c := range []struct {
		name   string
		body   io.Reader
		status int
	}{
		{"fits", strings.NewReader(strings.Repeat("x", 1000)), 200},
		{"declared", strings.NewReader(strings.Repeat("x", 1001)), 413},
		{"chunked", io.MultiReader(strings.NewReader(strings.Repeat("x", 100_000))), 413},
	} {
		if res, _ := exchangeWith(t, newClient(t), http.MethodPost, r.url("/"), c.body); res.StatusCode != c.status {
			t.Errorf("%s: got %s, want %d", c.name, res.Status, c.status)
		}
	}
}

func TestHeaderLimit(t *testing.T) {
	r := newRig(t)
	site := oneRelease(davit.ProtocolHTTP1, backendServer(t, says("ok")))
	site.Front.Limits.HeaderBytes = 8 << 10
	r.put(site)
	res, _ := exchangeWith(t, newClient(t), http.MethodGet, r.url("/"), nil, "X-Large", strings.Repeat("x", 32<<10))
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s, want 431", res.Status)
	}
}

func TestConnectionLimitMakesNewOnesWait(t *testing.T) {
	r := newRig(t)
	site := oneRelease(davit.ProtocolHTTP1, backendServer(t, says("ok")))
	site.Front.Limits.Connections = 1
	r.put(site)
	first := dialRaw(t, r.Addresses()[anyPort])
	_, _ = io.WriteString(first, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(first), nil); err != nil {
		t.Fatal(err)
	}
	second := dialRaw(t, r.Addresses()[anyPort])
	_, _ = io.WriteString(second, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = second.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := second.Read(make([]byte, 1)); err == nil {
		t.Fatal("the second connection was served beside the first")
	}
	_ = first.Close()
	_ = second.SetReadDeadline(time.Now().Add(patience))
	if _, err := http.ReadResponse(bufio.NewReader(second), nil); err != nil {
		t.Errorf("after the first had gone: %v", err)
	}
}
