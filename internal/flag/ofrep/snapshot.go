package ofrep

import (
	"net/http"
	"strings"
	"time"

	"github.com/davit-dev/davit/internal/flag/book"
)

// SnapshotPath is where programs that evaluate by themselves get all flags of their
// environment, a davit.FlagSnapshot. It is Davit's own, not the protocol's. Asked
// for text/event-stream it is a stream: an event "snapshot" with every new one,
// whose ID is its tag, "current" when the one of Last-Event-ID still is, and "stale"
// when nobody knows.
const SnapshotPath = "/ofrep/davit/v1/snapshot"

// snapshot answers with what all flags say, once or again and again.
func (h *Handler) snapshot(w http.ResponseWriter, r *http.Request) {
	grant := h.grant(w, r)
	if grant == nil {
		return
	}
	if clientSide(grant) {
		fail(w, http.StatusForbidden, "a client key may stand in a web page, and does not go for what flags say about others")
		return
	}
	h.used(grant, "", h.book.Now())
	if strings.Contains(r.Header.Get("Accept"), eventStream) {
		h.stream(w, r, grant)
		return
	}
	doc, tag, err := h.book.View(grant.Application, grant.Environment).Document(grant.Application)
	if err != nil {
		fail(w, http.StatusInternalServerError, "the flags could not be written")
		return
	}
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "no-cache")
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	send(w, http.StatusOK, doc)
}

// stream tells what all flags say, now and after every change, until the client
// goes or its key expires.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, grant *book.Grant) {
	key, has := shown(r), r.Header.Get("Last-Event-ID")
	s := newListener(w)
	defer s.end()
	for first := true; h.book.Grant(key) != nil; first = false {
		replaced := h.book.Replaced()
		view := h.book.View(grant.Application, grant.Environment)
		if s.tell(view, grant.Application, &has, first, h.book.Now()) != nil {
			return
		}
		silence := time.NewTimer(heartbeat)
		select {
		case <-r.Context().Done():
			silence.Stop()
			return
		case <-replaced:
		case <-silence.C:
			h.used(grant, "", h.book.Now())
			if s.write(":\n\n") != nil {
				return
			}
		}
		silence.Stop()
	}
}

// tell sends a view to who has the one of a tag.
func (l *listener) tell(view *book.View, application string, has *string, first bool, now time.Time) error {
	doc, tag, err := view.Document(application)
	if err != nil {
		return err
	}
	switch {
	case tag != *has:
		*has = tag
		if err := l.write("id: " + tag + "\nevent: snapshot\ndata: " + string(doc) + "\n\n"); err != nil {
			return err
		}
	case first:
		if err := l.write("event: current\ndata: " + tag + "\n\n"); err != nil {
			return err
		}
	}
	if _, stale := view.Stale(now); stale {
		return l.write("event: stale\ndata: " + tag + "\n\n")
	}
	return nil
}
