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
// whose ID is its tag, "stale" when nobody knows whether it is the newest, and
// "current" when that is known again, or the one of Last-Event-ID still is.
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
	if r.Header.Get(ReportsHeader) == "" {
		h.used(grant, AllFlags, h.book.Now())
	}
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
	l := h.listen(w)
	if l == nil {
		return
	}
	key := shown(r)
	s := &snapshots{listener: l, application: grant.Application, has: r.Header.Get("Last-Event-ID")}
	defer s.end()
	for h.book.Grant(key) != nil {
		replaced := h.book.Replaced()
		view := h.book.View(grant.Application, grant.Environment)
		if s.tell(view, h.book.Now()) != nil {
			return
		}
		silence := time.NewTimer(heartbeat)
		select {
		case <-r.Context().Done():
			silence.Stop()
			return
		case <-replaced:
		case <-silence.C:
			if r.Header.Get(ReportsHeader) == "" {
				h.used(grant, AllFlags, h.book.Now())
			}
			if s.write(":\n\n") != nil {
				return
			}
		}
		silence.Stop()
	}
}

// snapshots is a stream of them to one client.
type snapshots struct {
	*listener
	application string
	has         string // the tag of what the client has
	said        string // whether that is the newest: eventCurrent, eventStale or nothing yet
}

// What is said of a snapshot that a client has.
const (
	eventCurrent = "current"
	eventStale   = "stale"
)

// tell sends a view to a client that has another, and says whether it is the newest
// when that is news.
func (s *snapshots) tell(view *book.View, now time.Time) error {
	doc, tag, err := view.Document(s.application)
	if err != nil {
		return err
	}
	if tag != s.has {
		s.has, s.said = tag, eventCurrent
		if err := s.write("id: " + tag + "\nevent: snapshot\ndata: " + string(doc) + "\n\n"); err != nil {
			return err
		}
	}
	is := eventCurrent
	if _, stale := view.Stale(now); stale {
		is = eventStale
	}
	if is == s.said {
		return nil
	}
	s.said = is
	return s.write("event: " + is + "\ndata: " + tag + "\n\n")
}
