package load

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// order is the request of most tests.
var order = Request{Method: http.MethodPost, Path: "/orders", Body: `{"key":"{key}"}`, Expect: `"{key}"`, Weight: 1}

// echo answers with the request's body, as release v1.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Release", "v1")
	_, _ = w.Write(body)
}

func newGenerator(t *testing.T, url string, change func(*Options)) *Generator {
	t.Helper()
	o := Options{Target: url, Rate: 400, Mix: []Request{order}, Fresh: 0.25, ReleaseHeader: "Release", Prefix: "t", Timeout: 20 * time.Second}
	if change != nil {
		change(&o)
	}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// runUntil runs the generator until done says so of a snapshot.
func runUntil(t *testing.T, g *Generator, done func(Snapshot) bool) Snapshot {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.Run(ctx)
	}()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !done(g.Snapshot()) {
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatalf("the load did not come to what was waited for: %+v", g.Snapshot())
		}
	}
	stop()
	<-ended
	return g.Snapshot()
}

func sentAtLeast(n int64) func(Snapshot) bool { return func(s Snapshot) bool { return s.Sent >= n } }

func TestEveryRequestIsCountedOnce(t *testing.T) {
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		echo(w, r)
	}))
	defer server.Close()
	g := newGenerator(t, server.URL, nil)
	s := runUntil(t, g, sentAtLeast(200))
	if s.TotalLost() != 0 || s.Answered != s.Sent || s.Confirmed != s.Sent || served.Load() != s.Sent {
		t.Errorf("sent %d, answered %d, confirmed %d, lost %v, served %d", s.Sent, s.Answered, s.Confirmed, s.Lost, served.Load())
	}
	if r := s.Releases["v1"]; r.Answered != s.Sent || r.First.IsZero() || r.Last.Before(r.First) {
		t.Errorf("v1 is %+v, want all %d", r, s.Sent)
	}
	if n := s.Latency.Count(); n != s.Answered {
		t.Errorf("%d latencies of %d answers", n, s.Answered)
	}
}

func TestLossesByKind(t *testing.T) {
	hijack := func(w http.ResponseWriter, send string, reset bool) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, send)
		if tcp, ok := conn.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	for name, c := range map[string]struct {
		kind    Kind
		handler http.HandlerFunc
	}{
		"closed without an answer": {Reset, func(w http.ResponseWriter, _ *http.Request) { hijack(w, "", false) }},
		"reset":                    {Reset, func(w http.ResponseWriter, _ *http.Request) { hijack(w, "", true) }},
		"cut in the body": {Reset, func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\"t-", false)
		}},
		"no HTTP":            {Reset, func(w http.ResponseWriter, _ *http.Request) { hijack(w, "ahoy\r\n\r\n", false) }},
		"bad gateway":        {ServerError, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }},
		"not found":          {Status, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }},
		"the key of another": {Body, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"key":"t-0x"}`) }},
		"empty body":         {Body, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }},
		"too long":           {Body, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxBody+1)) }},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			g := newGenerator(t, server.URL, func(o *Options) { o.Rate = 100 })
			s := runUntil(t, g, sentAtLeast(20))
			if s.Answered != 0 || s.Lost[c.kind] != s.Sent || s.TotalLost() != s.Sent {
				t.Errorf("sent %d, answered %d, lost %v; want all lost by %s: %v", s.Sent, s.Answered, s.Lost, c.kind, s.Samples)
			}
			if len(s.Samples) != maxSamples {
				t.Errorf("%d samples, want %d", len(s.Samples), maxSamples)
			}
		})
	}
}

func TestNobodyListensAndNobodyAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that a client goes
		<-r.Context().Done()
	}))
	silent := runUntil(t, newGenerator(t, server.URL, func(o *Options) { o.Timeout = 10 * time.Millisecond }), sentAtLeast(20))
	if silent.Answered != 0 || silent.Lost[Timeout]+silent.Lost[Dial] != silent.Sent || silent.Lost[Timeout] == 0 {
		t.Errorf("a silent server: %+v", silent)
	}
	server.Close()
	closed := runUntil(t, newGenerator(t, server.URL, nil), sentAtLeast(20))
	if closed.Lost[Dial] != closed.Sent {
		t.Errorf("nobody listens: sent %d, lost %v; want all by dial", closed.Sent, closed.Lost)
	}
}

func TestKeptAndFreshConnections(t *testing.T) {
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	kept := runUntil(t, newGenerator(t, server.URL, func(o *Options) { o.Fresh = 0; o.Rate = 50 }), sentAtLeast(50))
	if n := opened.Swap(0); n >= kept.Sent {
		t.Errorf("%d connections for %d requests, want them to be kept", n, kept.Sent)
	}
	fresh := runUntil(t, newGenerator(t, server.URL, func(o *Options) { o.Fresh = 1; o.Rate = 50 }), sentAtLeast(50))
	if n := opened.Load(); n != fresh.Sent {
		t.Errorf("%d connections for %d requests, want one each", n, fresh.Sent)
	}
}

func TestKnownUsersComeBackWithTheirCookies(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	next := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if c, err := r.Cookie("place"); err == nil {
			seen[c.Value]++
		} else {
			next++
			http.SetCookie(w, &http.Cookie{Name: "place", Value: fmt.Sprint(next)})
		}
		echo(w, r)
	}))
	defer server.Close()
	s := runUntil(t, newGenerator(t, server.URL, func(o *Options) { o.Users, o.Known = 3, 0.5 }), sentAtLeast(100))
	mu.Lock()
	defer mu.Unlock()
	back := 0
	for _, n := range seen {
		back += n
	}
	// Two requests of one new user may be in flight at the same time.
	if back == 0 || int64(back+next) != s.Sent || back < next/4 {
		t.Errorf("of %d requests %d came with a cookie and %d without", s.Sent, back, next)
	}
}

func TestOrdersMissingAndDoubled(t *testing.T) {
	var mu sync.Mutex
	var ledger []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		key := strings.Trim(strings.TrimPrefix(string(body), `{"key":`), `"}`)
		mu.Lock()
		defer mu.Unlock()
		switch key {
		case "t-3": // a lie: confirmed and not kept
		case "t-5":
			ledger = append(ledger, key, key)
		default:
			ledger = append(ledger, key)
		}
		_, _ = w.Write(body)
	}))
	defer server.Close()
	g := newGenerator(t, server.URL, nil)
	s := runUntil(t, g, sentAtLeast(20))
	got := g.Compare(func(yield func(string) bool) {
		for _, key := range append(ledger, "t-99999999999", "t--1", "other-7", "other-7", "nonsense") {
			if !yield(key) {
				return
			}
		}
	})
	if want := (Orders{Confirmed: s.Sent, Missing: 1, Doubled: 1}); got != want {
		t.Errorf("orders %+v, want %+v", got, want)
	}
}

func TestWrongOptions(t *testing.T) {
	good := Options{Target: "http://127.0.0.1:1", Rate: 1, Mix: []Request{order}}
	for want, change := range map[string]func(*Options){
		"target":          func(o *Options) { o.Target = "127.0.0.1:1" },
		"http://":         func(o *Options) { o.Target = "https://127.0.0.1:1" },
		"rate":            func(o *Options) { o.Rate = 0 },
		"shares":          func(o *Options) { o.Fresh = 1.1 },
		"users":           func(o *Options) { o.Known = 0.5 },
		"no kind":         func(o *Options) { o.Mix = nil },
		"the weight of P": func(o *Options) { o.Mix = []Request{{Method: "P", Weight: -1}} },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}
