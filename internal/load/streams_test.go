package load

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// openStreams keeps streams to a handler open until done says so of the figures.
func openStreams(t *testing.T, o StreamOptions, handler http.HandlerFunc, done func(StreamFigures) bool) StreamFigures {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	o.Target, o.Every = server.URL, 5*time.Millisecond
	s := NewStreams(o)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !done(s.Figures()) {
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatalf("the streams did not come to what was waited for: %+v", s.Figures())
		}
	}
	stop()
	<-ended
	return s.Figures()
}

// upgrade runs one WebSocket on the server's side.
func upgrade(t *testing.T, run func(context.Context, *websocket.Conn)) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow() //nolint:errcheck // it was closed before, or is cut on purpose
		run(r.Context(), conn)
	}
}

func sayBack(ctx context.Context, conn *websocket.Conn, times int) {
	for range times {
		kind, message, err := conn.Read(ctx)
		if err != nil || conn.Write(ctx, kind, message) != nil {
			return
		}
	}
}

func TestWebSocketsThatEnd(t *testing.T) {
	for name, c := range map[string]struct {
		run  func(context.Context, *websocket.Conn)
		ends func(StreamFigures) int64
		says string
	}{
		"going away": {func(ctx context.Context, conn *websocket.Conn) {
			sayBack(ctx, conn, 2)
			_ = conn.Close(websocket.StatusGoingAway, "")
		}, func(f StreamFigures) int64 { return f.Ended }, ""},
		"cut": {func(ctx context.Context, conn *websocket.Conn) { sayBack(ctx, conn, 2) },
			func(f StreamFigures) int64 { return f.Cut }, "EOF"},
		"failing": {func(ctx context.Context, conn *websocket.Conn) {
			sayBack(ctx, conn, 2)
			_ = conn.Close(websocket.StatusInternalError, "")
		}, func(f StreamFigures) int64 { return f.Cut }, "StatusInternalError"},
		"another message": {func(ctx context.Context, conn *websocket.Conn) {
			_, _, _ = conn.Read(ctx)
			_ = conn.Write(ctx, websocket.MessageText, []byte("no"))
			<-ctx.Done()
		}, func(f StreamFigures) int64 { return f.Cut }, `"no" came back`},
	} {
		t.Run(name, func(t *testing.T) {
			f := openStreams(t, StreamOptions{WebSockets: 3}, upgrade(t, c.run), func(f StreamFigures) bool { return c.ends(f) >= 6 })
			if f.Ended > 0 && f.Cut > 0 || f.Open != 0 || f.Refused != 0 || f.Opened < 6 {
				t.Errorf("figures are %+v", f)
			}
			if said := strings.Join(f.Samples, "\n"); !strings.Contains(said, c.says) || c.says == "" && said != "" {
				t.Errorf("the samples are %s, want %q", said, c.says)
			}
		})
	}
}

func TestEventStreamsThatEnd(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		cut  bool
		says string
	}{
		"between events":        {"id: 1\ndata: a\n\nid: 2\ndata: b\n\n", false, ""},
		"with CR LF":            {"id: 1\r\ndata: a\r\n\r\n", false, ""},
		"in the middle of one":  {"id: 1\ndata: a\n\nid: 2\n", true, "in the middle"},
		"in the middle of line": {"id: 1\ndata: a\n\nid: 2\ndat", true, `after "dat"`},
		"one is missing":        {"id: 1\n\nid: 3\n\n", true, "event 3 came after 1"},
		"no number":             {"id: x\n\n", true, "id of an event"},
	} {
		t.Run(name, func(t *testing.T) {
			f := openStreams(t, StreamOptions{Events: 2}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, c.text)
			}, func(f StreamFigures) bool { return f.Ended+f.Cut >= 4 })
			if f.Cut > 0 != c.cut || f.Ended > 0 == c.cut || !strings.Contains(strings.Join(f.Samples, "\n"), c.says) {
				t.Errorf("figures are %+v", f)
			}
		})
	}
}

func TestStreamsThatCannotBeOpenedOrFallSilent(t *testing.T) {
	refused := openStreams(t, StreamOptions{Events: 1, WebSockets: 1}, http.NotFound, func(f StreamFigures) bool { return f.Refused >= 4 })
	if refused.Opened != 0 || refused.Cut != 0 {
		t.Errorf("figures are %+v", refused)
	}
	silent := openStreams(t, StreamOptions{Events: 1, WebSockets: 1, Silence: 20 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			upgrade(t, func(ctx context.Context, conn *websocket.Conn) { _, _, _ = conn.Read(ctx); <-ctx.Done() })(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "id: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, func(f StreamFigures) bool { return f.Cut >= 4 })
	if silent.Ended != 0 {
		t.Errorf("figures are %+v", silent)
	}
}

func TestStreamsThatStayOpenAreNobodysLoss(t *testing.T) {
	f := openStreams(t, StreamOptions{WebSockets: 4}, upgrade(t, func(ctx context.Context, conn *websocket.Conn) { sayBack(ctx, conn, 1<<30) }),
		func(f StreamFigures) bool { return f.Messages > 40 && f.Open == 4 })
	if f.Opened != 4 || f.Ended+f.Cut+f.Refused != 0 {
		t.Errorf("figures are %+v", f)
	}
}
