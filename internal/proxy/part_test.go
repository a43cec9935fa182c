package proxy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/davit-dev/davit"
)

// partLimit is the drain limit of the tests here. The figures that they want are
// bounds that a slow machine does not break: nothing ends too early, and all
// does not end at once.
const partLimit = 3 * time.Second

// ends collects when streams ended.
type ends struct {
	mu    sync.Mutex
	wg    sync.WaitGroup
	times []time.Time
}

func (e *ends) note() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.times = append(e.times, time.Now())
}

// check wants n ends, none before the last part of the limit, and spread.
func (e *ends) check(t *testing.T, n int, began time.Time) {
	t.Helper()
	e.wg.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.times) != n {
		t.Fatalf("%d streams ended well, want %d", len(e.times), n)
	}
	slices.SortFunc(e.times, time.Time.Compare)
	if first := e.times[0].Sub(began); first < partLimit*7/10 {
		t.Errorf("a stream ended after %v of %v", first, partLimit)
	}
	if spread := e.times[n-1].Sub(e.times[0]); spread < partLimit/10 {
		t.Errorf("all %d streams ended within %v", n, spread)
	}
}

// drainAway takes v1 out of the traffic and drains it.
func (r *rig) drainAway(protocol davit.Protocol, old, other string) (began time.Time) {
	r.t.Helper()
	site := oneRelease(protocol, old)
	site.Releases["v2"] = releaseAt(protocol, "v2", other)
	site.Split, site.Stable = davit.All("v2"), "v2"
	r.put(site)
	began = time.Now()
	r.Drain(r.t.Context(), drainOf("v1", "", partLimit)) // what remains at the limit has been told to end
	return began
}

const streamCount = 12

func TestWebSocketsAreClosedSpreadOverAWindow(t *testing.T) {
	backend := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		big := bytes.Repeat([]byte("x"), 20_000) // longer than the buffers on the way
		for {
			kind, _, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if err := c.Write(r.Context(), kind, big); err != nil {
				return
			}
		}
	})
	r := newRig(t)
	r.put(oneRelease("", backend))
	var ended ends
	opened := make(chan bool, streamCount)
	ctx := testContext(t)
	for range streamCount {
		ended.wg.Go(func() {
			c, _, err := websocket.Dial(ctx, r.url("/ws"), nil)
			if err != nil {
				t.Error(err)
				opened <- false
				return
			}
			defer func() { _ = c.CloseNow() }()
			// It is busy all the time: frames come whole up to the close frame.
			for n := 0; ; n++ {
				if err = c.Write(ctx, websocket.MessageText, []byte("ping")); err == nil {
					var data []byte
					if _, data, err = c.Read(ctx); err == nil && len(data) != 20_000 {
						t.Errorf("a message of %d bytes", len(data))
					}
				}
				if err != nil {
					break
				}
				if n == 0 {
					opened <- true
				}
			}
			if _, _, readErr := c.Read(ctx); websocket.CloseStatus(err) == websocket.StatusGoingAway || websocket.CloseStatus(readErr) == websocket.StatusGoingAway {
				ended.note()
			} else {
				t.Errorf("a WebSocket ended with %v, %v", err, readErr)
			}
		})
	}
	for range streamCount {
		<-opened
	}
	began := r.drainAway("", backend, backend)
	ended.check(t, streamCount, began)
	eventually(t, "nothing is in flight", func() bool { return r.inFlight() == 0 })
}

func TestIdleWebSocketIsClosedByAFrame(t *testing.T) {
	backend := rawServer(t, func(c *net.TCPConn, in *bufio.Reader) {
		_, _ = http.ReadRequest(in)
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi\x81")
		_, _ = io.Copy(io.Discard, in) // half a frame was sent; the client must not see it
	})
	r := newRig(t)
	r.put(oneRelease("", backend))
	c := dialRaw(t, r.Addresses()[anyPort])
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
	in := bufio.NewReader(c)
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v, %v", res, err)
	}
	r.Drain(t.Context(), drainOf("v1", "", 100*time.Millisecond))
	frames := make([]byte, 8)
	if _, err := io.ReadFull(in, frames); err != nil || string(frames) != "\x81\x02hi\x88\x02\x03\xe9" {
		t.Errorf("got %q, %v", frames, err)
	}
	_ = c.Close()
	eventually(t, "nothing is in flight", func() bool { return r.inFlight() == 0 })
}

func TestEventStreamsEndBetweenTwoEvents(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		backend := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			control := http.NewResponseController(w)
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for n := 0; r.Context().Err() == nil; n++ {
				// An event comes in two pieces.
				_, _ = fmt.Fprintf(w, "id: %d\n", n)
				_ = control.Flush()
				<-tick.C
				_, _ = io.WriteString(w, "data: tick\r\n\r\n")
				_ = control.Flush()
			}
		})
		r := newRig(t)
		r.put(oneRelease(protocol, backend))
		var ended ends
		opened := make(chan bool, streamCount)
		for range streamCount {
			ended.wg.Go(func() {
				res, err := newClient(t).Get(r.url("/"))
				opened <- err == nil
				if err != nil {
					t.Error(err)
					return
				}
				defer func() { _ = res.Body.Close() }()
				all, err := io.ReadAll(res.Body)
				if err != nil || !strings.HasSuffix(string(all), "\r\n\r\n") {
					t.Errorf("it ended with %q, %v", all[max(0, len(all)-20):], err)
					return
				}
				ended.note()
			})
		}
		for range streamCount {
			<-opened
		}
		began := r.drainAway(protocol, backend, backend)
		ended.check(t, streamCount, began)
	})
}

func TestEachServiceDrainsByItsOwnLimit(t *testing.T) {
	backend := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	r := newRig(t)
	site := oneRelease("", backend)
	release := site.Releases["v1"]
	release.Routes = append(release.Routes, davit.Route{Prefix: "/api", Service: "api"})
	release.Services["api"] = Service{Backends: []Backend{{Instance: "v1-api-a", Address: backend}}}
	site.Releases["v1"] = release
	r.put(site)
	open := func(path string) *http.Response {
		res, err := newClient(t).Get(r.url(path))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	web, api := open("/"), open("/api")
	drain := func(service string, limit time.Duration) int64 {
		return r.Drain(testContext(t), DrainRequest{Site: "shop/test", Release: "v1", Service: service, Limit: davit.Duration(limit)})
	}
	const short = 20 * time.Millisecond
	if n := drain("worker", patience); n != 0 {
		t.Errorf("%d requests remain to a service that gets none", n)
	}
	if n := drain("api", short); n != 1 { // told to end; it is silent, and so has a second left
		t.Errorf("%d requests remain to api, want its stream", n)
	}
	if _, err := io.ReadAll(api.Body); err != nil {
		t.Errorf("the stream of api ended with %v", err)
	}
	if n := drain("api", patience); n != 0 {
		t.Errorf("%d requests remain to api", n)
	}
	if n := drain("web", 0); n != 1 {
		t.Errorf("%d requests remain to web, want its stream to have been left alone", n)
	}
	if n := drain("", 0); n != 1 {
		t.Errorf("%d requests remain to the release, want 1", n)
	}
	_ = web.Body.Close() // a client that leaves
	if n := drain("web", patience); n != 0 {
		t.Errorf("%d requests remain to web after its client left", n)
	}
}

// TestLongRequestIsNotCut lets a request that is no stream go beyond the limit.
func TestLongRequestIsNotCut(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	backend := backendServer(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half ")
		_ = http.NewResponseController(w).Flush()
		close(arrived)
		<-release
		_, _ = io.WriteString(w, "whole")
	})
	r := newRig(t)
	r.put(oneRelease("", backend))
	answer := make(chan string, 1)
	go func() {
		res, err := newClient(t).Get(r.url("/"))
		if err != nil {
			answer <- err.Error()
			return
		}
		defer func() { _ = res.Body.Close() }()
		all, err := io.ReadAll(res.Body)
		answer <- fmt.Sprintf("%s, %v", all, err)
	}()
	<-arrived
	if n := r.Drain(context.Background(), drainOf("v1", "", 100*time.Millisecond)); n != 1 {
		t.Errorf("%d requests at the limit, want 1", n)
	}
	close(release)
	if got := <-answer; got != "half whole, <nil>" {
		t.Errorf("got %q", got)
	}
}

func TestBoundaries(t *testing.T) {
	for _, c := range []struct {
		name   string
		make   func() boundary
		pieces []string
		want   []int // where the last end of a message is in each piece
	}{
		{
			"events", func() boundary { return &events{} },
			[]string{"data: 1\n", "\n", "data: 2\n\n: ping", "\n\n", "x\r\n\r", "\n", "x\n\nx\n\nx"}, []int{-1, 1, 9, 2, 0, 1, 6},
		},
		{
			"gRPC", func() boundary { return &grpcMessages{} },
			[]string{"\x00\x00\x00\x00", "\x02a", "b", "\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x01a\x01", "\x00", "\x00\x00\x00"}, []int{0, -1, 1, 5, 6, -1, 3},
		},
	} {
		b := c.make()
		for i, piece := range c.pieces {
			if got := b.last([]byte(piece)); got != c.want[i] {
				t.Errorf("%s: the last end in piece %d (%q) is at %d, want %d", c.name, i, piece, got, c.want[i])
			}
			b.passed([]byte(piece))
		}
	}
}
