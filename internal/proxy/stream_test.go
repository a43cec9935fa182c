package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/davit-dev/davit"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

func TestStreamsBothWaysAtOnce(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		backend := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			if r.ProtoMajor == 1 {
				_ = control.EnableFullDuplex()
			}
			w.WriteHeader(http.StatusOK)
			_ = control.Flush()
			lines := bufio.NewScanner(r.Body)
			for lines.Scan() {
				_, _ = fmt.Fprintln(w, strings.ToUpper(lines.Text()))
				_ = control.Flush()
			}
		})
		r := newRig(t)
		r.put(oneRelease(protocol, backend))
		in, out := io.Pipe()
		req, err := http.NewRequestWithContext(testContext(t), http.MethodPost, r.url("/"), in)
		if err != nil {
			t.Fatal(err)
		}
		res, err := newClient(t).Do(req) // the answer's header comes before a byte of the body is sent
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		answers := bufio.NewReader(res.Body)
		for _, word := range []string{"one", "two", "three"} {
			_, _ = fmt.Fprintln(out, word)
			got, err := answers.ReadString('\n')
			if err != nil || got != strings.ToUpper(word)+"\n" {
				t.Fatalf("sent %q, got %q (%v)", word, got, err)
			}
		}
		_ = out.Close()
		if rest, err := io.ReadAll(answers); err != nil || len(rest) > 0 {
			t.Errorf("the stream ended with %q, %v", rest, err)
		}
	})
}

func TestServerSentEventsArriveAtOnce(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		next := make(chan struct{})
		backend := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for {
				_, _ = io.WriteString(w, "data: tick\n\n")
				_ = http.NewResponseController(w).Flush()
				select {
				case <-next:
				case <-r.Context().Done():
					return
				}
			}
		})
		r := newRig(t)
		r.put(oneRelease(protocol, backend))
		req, err := http.NewRequestWithContext(testContext(t), http.MethodGet, r.url("/events"), nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := newClient(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		events := bufio.NewReader(res.Body)
		for range 3 {
			if line, err := events.ReadString('\n'); err != nil || line != "data: tick\n" {
				t.Fatalf("got %q, %v", line, err)
			}
			_, _ = events.ReadString('\n')
			next <- struct{}{}
		}
		if n := r.inFlight(); n != 1 {
			t.Errorf("%d in flight while a stream is open, want 1", n)
		}
		_ = res.Body.Close() // the client goes: the instance must see it, and the count end
		eventually(t, "nothing is in flight", func() bool { return r.inFlight() == 0 })
	})
}

func (r *rig) inFlight() int64 {
	var n int64
	for _, site := range r.Figures().Sites {
		for _, services := range site {
			for _, traffic := range services {
				n += traffic.InFlight
			}
		}
	}
	return n
}

func TestWebSocket(t *testing.T) {
	backend := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		for {
			kind, data, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if err := c.Write(r.Context(), kind, bytes.ToUpper(data)); err != nil {
				return
			}
		}
	})
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolHTTP1, backend))
	ctx := testContext(t)
	c, res, err := websocket.Dial(ctx, r.url("/ws"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.Header.Get("X-Request-Id") == "" {
		t.Error("the upgrade's answer has no request ID")
	}
	for _, word := range []string{"one", "two"} {
		if err := c.Write(ctx, websocket.MessageText, []byte(word)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(ctx); err != nil || string(got) != strings.ToUpper(word) {
			t.Fatalf("sent %q, got %q (%v)", word, got, err)
		}
	}
	if n := r.inFlight(); n != 1 {
		t.Errorf("%d in flight while a WebSocket is open, want 1", n)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nothing is in flight", func() bool { return r.inFlight() == 0 })
}

func TestUpgradePassesHalfClose(t *testing.T) {
	backend := rawServer(t, func(c *net.TCPConn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ")
		all, _ := io.ReadAll(in) // ends when the client closes its side
		_, _ = c.Write(bytes.ToUpper(all))
	})
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolHTTP1, backend))
	c := dialRaw(t, r.Addresses()[anyPort])
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly ")
	in := bufio.NewReader(c)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Upgrade") != "echo" {
		t.Fatalf("got %v, %v", res, err)
	}
	_, _ = io.WriteString(c, "and late")
	_ = c.CloseWrite()
	if got, err := io.ReadAll(in); err != nil || string(got) != "hello EARLY AND LATE" {
		t.Errorf("got %q, %v", got, err)
	}
}

// rawServer serves one connection after another with a function.
func rawServer(t *testing.T, serve func(*net.TCPConn, *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c.(*net.TCPConn), bufio.NewReader(c))
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func dialRaw(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

func TestGRPC(t *testing.T) {
	server := grpc.NewServer()
	checks := health.NewServer()
	healthpb.RegisterHealthServer(server, checks)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() { server.Stop(); <-served })
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolH2C, l.Addr().String()))
	conn, err := grpc.NewClient(r.Addresses()[anyPort], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client, ctx := healthpb.NewHealthClient(conn), testContext(t)
	if res, err := client.Check(ctx, &healthpb.HealthCheckRequest{}); err != nil || res.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("check: %v, %v", res, err)
	}
	// An error travels in the trailers.
	if _, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: "none"}); err == nil || !strings.Contains(err.Error(), "unknown service") {
		t.Errorf("check of an unknown service: %v", err)
	}
	stream, err := client.Watch(ctx, &healthpb.HealthCheckRequest{Service: "web"})
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []healthpb.HealthCheckResponse_ServingStatus{healthpb.HealthCheckResponse_SERVICE_UNKNOWN, healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING} {
		if status != healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
			checks.SetServingStatus("web", status)
		}
		if res, err := stream.Recv(); err != nil || res.GetStatus() != status {
			t.Fatalf("watch: %v, %v, want %v", res, err, status)
		}
	}
}
