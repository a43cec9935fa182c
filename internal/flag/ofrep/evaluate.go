package ofrep

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/davit-dev/davit/internal/flag"
	"github.com/davit-dev/davit/internal/flag/book"
)

// single evaluates one flag.
func (h *Handler) single(w http.ResponseWriter, r *http.Request, key string) {
	grant := h.grant(w, r)
	if grant == nil {
		return
	}
	b := newBuffer()
	defer b.release()
	result := h.evaluate(w, r, b, grant, key)
	if result == nil {
		return
	}
	h.metrics.count(result.Reason)
	send(w, status(result.Error), b.out)
}

// evaluate reads the context and writes the answer into the buffer. It returns nil
// when the request was answered.
func (h *Handler) evaluate(w http.ResponseWriter, r *http.Request, b *buffer, grant *book.Grant, key string) *flag.Result {
	if err := b.read(w, r); err != nil {
		unread(w, err)
		return nil
	}
	var result flag.Result
	view := h.book.View(grant.Application, grant.Environment)
	now := h.book.Now()
	c, text, err := parse(b.in, now)
	switch {
	case err != nil:
		result = failure(key, err)
	case !view.Has(key, clientSide(grant)):
		result = flag.Result{Key: key, Reason: flag.Failed, Error: flag.FlagNotFound, Message: "there is no flag of this key"}
	default:
		result = view.Evaluate(key, c)
		h.used(grant, key, now)
		h.seen(grant, c, text, now)
	}
	b.out = appendResult(b.out, &result, stale(view, now, view.Metadata[key]))
	return &result
}

// stale returns the metadata of a flag, with how old the view is when it may no
// longer be what the flags say.
func stale(view *book.View, now time.Time, metadata []byte) []byte {
	age, stale := view.Stale(now)
	if !stale {
		return metadata
	}
	out := appendAge([]byte{'{'}, age)
	if len(metadata) > len("{}") {
		return append(append(out, ','), metadata[1:]...)
	}
	return append(out, '}')
}

// appendAge appends the members of metadata that tell that a view is stale.
func appendAge(b []byte, age time.Duration) []byte {
	return strconv.AppendInt(append(b, `"stale":true,"age":`...), int64(age/time.Second), 10)
}

// unread answers a request whose body could not be read.
func unread(w http.ResponseWriter, err error) {
	w.Header().Set("Connection", "close") // the rest of it was not read
	if errors.Is(err, errTooLarge) {
		fail(w, http.StatusRequestEntityTooLarge, "a body has "+strconv.Itoa(MaxBodyBytes)+" bytes at most")
		return
	}
	fail(w, http.StatusBadRequest, "the body was cut short, or came too slowly")
}

// bulk evaluates all flags that the key allows to see.
func (h *Handler) bulk(w http.ResponseWriter, r *http.Request) {
	grant := h.grant(w, r)
	if grant == nil {
		return
	}
	b := newBuffer()
	defer b.release()
	if err := b.read(w, r); err != nil {
		unread(w, err)
		return
	}
	now := h.book.Now()
	c, text, err := parse(b.in, now)
	if err != nil {
		result := failure("", err)
		b.out = quoted(append(b.out, `{"errorCode":`...), string(result.Error))
		b.out = quoted(append(b.out, `,"errorDetails":`...), result.Message)
		send(w, http.StatusBadRequest, append(b.out, '}'))
		return
	}
	if clientSide(grant) {
		h.used(grant, ClientFlags, now)
	} else {
		h.used(grant, AllFlags, now)
	}
	h.seen(grant, c, text, now)
	view := h.book.View(grant.Application, grant.Environment)
	tag := etag(view, grant, text, now)
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "no-cache")
	if matches(r.Header.Values("If-None-Match"), tag) {
		h.metrics.unchanged.Inc()
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.metrics.bulk.Inc()
	b.out = append(b.out, `{"flags":[`...)
	for i, key := range view.Keys(clientSide(grant)) {
		if i > 0 {
			b.out = append(b.out, ',')
		}
		result := view.Evaluate(key, c)
		b.out = appendResult(b.out, &result, view.Metadata[key])
	}
	b.out = append(b.out, `],"eventStreams":[{"type":"sse","endpoint":{"requestUri":`...)
	b.out = quoted(b.out, changes(view, grant, r))
	b.out = append(b.out, `},"inactivityDelaySec":120}],"metadata":{"revision":`...)
	b.out = strconv.AppendInt(b.out, view.Sequence, 10)
	if age, stale := view.Stale(now); stale {
		b.out = append(b.out, ',')
		b.out = appendAge(b.out, age)
	}
	b.out = append(b.out, `}}`...)
	send(w, http.StatusOK, b.out)
}

// changes returns where changes after a view are told. Pages cannot send a header
// there, so the address holds their key, which is no secret.
func changes(view *book.View, grant *book.Grant, r *http.Request) string {
	uri := EventsPath + "?after=" + strconv.FormatInt(view.Sequence, 10)
	if clientSide(grant) {
		uri += "&key=" + url.QueryEscape(shown(r))
	}
	return uri
}

// etag returns the tag of the answer that a context gets: it covers all that the
// answer depends on.
func etag(view *book.View, grant *book.Grant, context []byte, now time.Time) string {
	hash := sha256.New()
	about := grant.Application + "\n" + grant.Environment + "\n" + grant.ID + "\n" + strconv.FormatInt(view.Sequence, 10) + "\n" +
		strconv.FormatInt(view.ChangedAt.UnixNano(), 10) + "\n" // a store that is restored gives numbers again
	if _, stale := view.Stale(now); stale {
		about += "stale\n"
	}
	if view.Timed {
		about += strconv.FormatInt(now.Unix(), 10) + "\n"
	}
	hash.Write([]byte(about))
	hash.Write(context)
	return `"` + base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:18]) + `"`
}

// matches reports whether a tag is among those of If-None-Match.
func matches(values []string, tag string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if strings.TrimPrefix(strings.TrimSpace(part), "W/") == tag {
				return true
			}
		}
	}
	return false
}
