package ofrep

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/book"
)

const (
	heartbeat    = 15 * time.Second // of silence, then a comment
	writeTimeout = 30 * time.Second // for a client that does not read
)

// events tells a client that its flags have changed, until it goes or its key
// expires. A client says where it was by Last-Event-ID or the parameter after; one
// that says nothing is told of what changes from now on.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) {
	grant, key := h.listener(w, r)
	if grant == nil {
		return
	}
	replaced := h.book.Replaced()
	after := h.book.View(grant.Application, grant.Environment).Sequence
	for _, text := range []string{r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after")} {
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			fail(w, http.StatusBadRequest, "Last-Event-ID, and the parameter after, are numbers of changes")
			return
		}
		after = n
		break
	}
	s := h.listen(w)
	if s == nil {
		return
	}
	defer s.end()
	if s.write("retry: 2000\n\n") != nil {
		return
	}
	silence := time.NewTimer(heartbeat)
	defer silence.Stop()
	for h.book.Grant(key) != nil {
		view := h.book.View(grant.Application, grant.Environment)
		if view.Sequence != after {
			after = view.Sequence
			if s.changed(view) != nil {
				return
			}
		}
		silence.Reset(heartbeat)
		select {
		case <-r.Context().Done():
			return
		case <-replaced:
		case <-silence.C:
			if s.write(":\n\n") != nil {
				return
			}
		}
		replaced = h.book.Replaced()
	}
}

// shown returns the key that a request shows.
func shown(r *http.Request) string {
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return key
	}
	const scheme = "Bearer "
	if text := r.Header.Get("Authorization"); len(text) > len(scheme) && text[:len(scheme)] == scheme {
		return text[len(scheme):]
	}
	return ""
}

// listener returns the grant and the key of who asks for events. A client key may
// stand in the address, for pages cannot send headers there; others are secrets,
// and addresses are logged.
func (h *Handler) listener(w http.ResponseWriter, r *http.Request) (*book.Grant, string) {
	if key := r.URL.Query().Get("key"); key != "" {
		if g := h.book.Grant(key); g != nil && g.Kind == davit.AccessClient {
			return g, key
		}
	}
	return h.grant(w, r), shown(r)
}

// listener is one stream.
type listener struct {
	w       http.ResponseWriter
	control *http.ResponseController
	open    *atomic.Int64
}

const eventStream = "text/event-stream"

// listen begins a stream, or answers that there are too many.
func (h *Handler) listen(w http.ResponseWriter) *listener {
	if h.open.Add(1) > cmp.Or(h.MaxStreams, DefaultStreams) {
		h.open.Add(-1)
		w.Header().Set("Retry-After", "10")
		fail(w, http.StatusServiceUnavailable, "too many streams are open: ask again later, or ask for the flags now and then")
		return nil
	}
	w.Header().Set("Content-Type", eventStream)
	w.Header().Set("Cache-Control", "no-store")
	return &listener{w: w, control: http.NewResponseController(w), open: &h.open}
}

// end leaves the connection to its next request.
func (l *listener) end() {
	l.open.Add(-1)
	_ = l.control.SetWriteDeadline(time.Time{}) // one that cannot has none
}

// changed tells of a change.
func (l *listener) changed(view *book.View) error {
	return l.write(fmt.Sprintf("id: %d\nevent: message\ndata: {\"type\":\"refetchEvaluation\",\"etag\":\"%d\",\"lastModified\":%d}\n\n",
		view.Sequence, view.Sequence, view.ChangedAt.Unix()))
}

// write sends a part of the stream at once.
func (l *listener) write(part string) error {
	if err := l.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := l.w.Write([]byte(part)); err != nil { //nolint:gosec // events, and said to be: no browser reads them as a page
		return err
	}
	return l.control.Flush()
}
