//go:build e2e && linux

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// streamApp, as first argument, makes the test's own program an application
// with long connections.
const streamApp = "stream-app"

// runStreamApp answers on PORT until it is told to end: /echo is a WebSocket that
// says back what it hears, /events an event stream that counts, and anything
// else takes its time for a body.
func runStreamApp() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		for {
			kind, data, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, data) != nil {
				return
			}
		}
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for n := 1; ; n++ {
			fmt.Fprintf(w, "data: %d\n\n", n)
			_ = http.NewResponseController(w).Flush() // a client that is gone shows below
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: mux}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// streamSettings is the davit.yaml of the application with long connections.
const streamSettings = `application: streams
services:
  web:
    command: PROGRAM ` + streamApp + `
    replicas: 2
    drain: 20s
    probes: {readiness: {http: /, period: 100ms}}
routes:
  - {prefix: /, service: web}
environments:
  live:
    listen: ["FRONT"]
    strategy: blueGreen
    deadline: 2m
    rollbackWindow: 0s
`

// streams are open connections that say whether they were cut.
type streams struct {
	t     *testing.T
	stop  context.CancelFunc
	open  sync.WaitGroup
	heard atomic.Int64
	cut   atomic.Int64
}

// deployStreams deploys the application with long connections and returns its
// front door.
func (m *machine) deployStreams(version string) string {
	m.Helper()
	front := freeAddress(m.T)
	m.write("streams.yaml", strings.NewReplacer("PROGRAM", os.Args[0], "FRONT", front).Replace(streamSettings))
	m.must(0, "deploy", "live", version, "--file", "streams.yaml")
	return front
}

// openStreams opens n WebSockets and n event streams at a front door, and lets
// them speak until they are ended.
func openStreams(t *testing.T, front string, n int) *streams {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &streams{t: t, stop: stop}
	t.Cleanup(s.end)
	for range n {
		s.keep(ctx, func() error { return s.webSocket(ctx, front) })
		s.keep(ctx, func() error { return s.eventStream(ctx, front) })
	}
	deadline := time.Now().Add(time.Minute)
	for s.heard.Load() < int64(4*n) && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	return s
}

func (s *streams) keep(ctx context.Context, run func() error) {
	s.open.Go(func() {
		if err := run(); ctx.Err() == nil {
			s.cut.Add(1)
			s.t.Errorf("a stream was cut: %v", err)
		}
	})
}

func (s *streams) webSocket(ctx context.Context, front string) error {
	c, _, err := websocket.Dial(ctx, "ws://"+front+"/echo", nil)
	if err != nil {
		return err
	}
	defer func() { _ = c.CloseNow() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := 1; ctx.Err() == nil; n++ {
		said := strconv.Itoa(n)
		if err := c.Write(ctx, websocket.MessageText, []byte(said)); err != nil {
			return err
		}
		_, echo, err := c.Read(ctx)
		if err != nil || string(echo) != said {
			return fmt.Errorf("said %s, heard %q: %w", said, echo, err)
		}
		s.heard.Add(1)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return nil
}

func (s *streams) eventStream(ctx context.Context, front string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+front+"/events", nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DialContext: (&net.Dialer{}).DialContext}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for n := 1; lines.Scan(); {
		if lines.Text() == "" {
			continue
		}
		if lines.Text() != "data: "+strconv.Itoa(n) {
			return fmt.Errorf("event %d is %q", n, lines.Text())
		}
		n++
		s.heard.Add(1)
	}
	return fmt.Errorf("it ended: %w", errors.Join(lines.Err(), io.EOF))
}

// end ends the streams from the client's side.
func (s *streams) end() { s.stop(); s.open.Wait() }
