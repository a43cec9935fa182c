package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

const (
	statusInterval = 100 * time.Millisecond // between two status events, at least
	heartbeat      = 15 * time.Second       // of silence, then a comment
	writeTimeout   = 30 * time.Second       // for a client that does not read
	eventPage      = 500
)

// streamWriter writes parts of a stream and sends each at once.
type streamWriter struct{ w http.ResponseWriter }

func (w *streamWriter) write(part []byte) error {
	control := http.NewResponseController(w.w)
	if err := control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := w.w.Write(part); err != nil {
		return err
	}
	return control.Flush()
}

// close lifts the limit that the last write set, for the connection's next
// request.
func (w *streamWriter) close() {
	_ = http.NewResponseController(w.w).SetWriteDeadline(time.Time{}) // a connection that cannot has none
}

// event writes a server-sent event; id 0 is none.
func (w *streamWriter) event(name string, id int64, data []byte) error {
	var b bytes.Buffer
	if id > 0 {
		fmt.Fprintf(&b, "id: %d\n", id)
	}
	fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", name, data) // JSON has no line break
	return w.write(b.Bytes())
}

// eventStream answers with the events of a rollout, or ("") of all.
func (s *Server) eventStream(rollout string, after int64) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		ctx, cancel := s.streamContext(hc.Context())
		defer cancel()
		hc.SetHeader("Content-Type", "text/event-stream")
		hc.SetHeader("Cache-Control", "no-store")
		out := newStreamWriter(hc)
		defer out.close()
		f := &feed{server: s, out: out, rollout: rollout, after: after, wake: s.Engine.Watch(ctx)}
		if err := f.run(ctx); err != nil && ctx.Err() == nil {
			s.Log.DebugContext(ctx, "an event stream ended early", "rollout", rollout, "error", err)
		}
	}}
}

// feed is one event stream. It reads the store after every change, so that what
// it sends is what was committed, in its order, from where the client stopped.
type feed struct {
	server  *Server
	out     *streamWriter
	rollout string // "" all
	after   int64  // number of the last event sent
	wake    <-chan struct{}

	window window
	sent   []byte      // last status
	sentAt time.Time   // when
	phase  davit.Phase // of the last status
}

func (f *feed) run(ctx context.Context) error {
	if err := f.out.write([]byte(": davit\n\n")); err != nil { // sends the header
		return err
	}
	for {
		wait, ended, err := f.turn(ctx)
		if err != nil || ended {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case _, open := <-f.wake:
			timer.Stop()
			if !open {
				return nil
			}
		case <-timer.C:
			if wait == heartbeat {
				if err := f.out.write([]byte(":\n\n")); err != nil {
					return err
				}
			}
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// turn sends what is new and returns how long to wait for more when nothing
// wakes it. The rollout is read before its events: when it had ended by then,
// all its events are among those sent.
func (f *feed) turn(ctx context.Context) (wait time.Duration, ended bool, err error) {
	var rollout *davit.Rollout
	if f.rollout != "" {
		if rollout, err = f.server.Store.Rollout(ctx, f.rollout); err != nil {
			return 0, false, err
		}
	}
	if err := f.journal(ctx); err != nil {
		return 0, false, err
	}
	switch {
	case rollout == nil:
		return heartbeat, false, nil
	case rollout.Phase.Ended():
		return 0, true, f.status(ctx, api.StreamEnd, rollout)
	}
	// A new phase is news that somebody waits for.
	if since := time.Since(f.sentAt); since < statusInterval && rollout.Phase == f.phase {
		return statusInterval - since, false, nil
	}
	return heartbeat, false, f.status(ctx, api.StreamStatus, rollout)
}

// journal sends all events after the last one sent.
func (f *feed) journal(ctx context.Context) error {
	for {
		events, err := f.server.Store.Events(ctx, f.rollout, f.after, eventPage)
		if err != nil {
			return err
		}
		for _, e := range events {
			data, err := json.Marshal(e)
			if err != nil {
				return err
			}
			if err := f.out.event(api.StreamJournal, e.Seq, data); err != nil {
				return err
			}
			f.after = e.Seq
		}
		if len(events) < eventPage {
			return nil
		}
	}
}

// status sends how the rollout is going, unless the client knows.
func (f *feed) status(ctx context.Context, name string, rollout *davit.Rollout) error {
	data, err := json.Marshal(f.server.live(ctx, rollout, &f.window))
	if err != nil {
		return err
	}
	f.sentAt, f.phase = time.Now(), rollout.Phase
	if name == api.StreamStatus && bytes.Equal(data, f.sent) {
		return nil
	}
	f.sent = data
	return f.out.event(name, 0, data)
}
