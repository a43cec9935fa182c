package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// restWait is how long the rest of a refused request is waited for.
const restWait = time.Second

// refuse answers a request that belongs to no service.
func (c *call) refuse(status int) {
	c.status = status
	c.closeAfter(c.w.Header())
	if c.r.ContentLength != 0 {
		// The server reads on, so that the client sees the answer; not for ever.
		_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(restWait)) // net/http's own writers support it
	}
	http.Error(c.w, fmt.Sprintf("%d %s", status, http.StatusText(status)), status)
}

// closeAfter ends a connection with the answer where it must not be used again.
//
// All connections of a parting proxy are: their clients come back to the one that
// has its place. Over HTTP/2 this sends GOAWAY, and what was sent is answered.
//
// One of HTTP/1 is after a request in chunks. Such a request may have had a length
// too, which the server has dropped: who forwarded it by that length takes for the
// next request what is still the body of this one (RFC 9112, section 6.1).
func (c *call) closeAfter(out http.Header) {
	if c.r.ProtoMajor == 1 && len(c.r.TransferEncoding) > 0 || c.p.parting.Load() {
		out["Connection"] = []string{"close"}
	}
}

// fail answers in the instance's place, and counts the answer as the release's.
func (c *call) fail(status int) {
	c.answered(status)
	c.w.Header()["X-Request-Id"] = []string{c.requestID}
	c.refuse(status)
}

// abandon ends a request whose client is gone.
func (c *call) abandon() {
	if !c.witness {
		c.service.counters.abandoned()
	}
	c.status = 0
	// There is nobody to answer. Without this the server would send an empty 200.
	panic(http.ErrAbortHandler)
}

func (c *call) answered(status int) {
	c.status = status
	if c.witness {
		return
	}
	now := time.Now()
	took := now.Sub(c.start)
	c.service.counters.answered(status, took)
	c.sampled = c.sampled && c.service.counters.sample.answered(c.place, now, status, took)
}

// interim forwards a 1xx answer.
func (c *call) interim(status int, header http.Header) {
	if status == http.StatusSwitchingProtocols {
		return
	}
	out := c.w.Header()
	for name, values := range header {
		out[name] = values
	}
	c.w.WriteHeader(status)
	for name := range header {
		delete(out, name)
	}
}

// answer gives the instance's answer to the client.
func (c *call) answer(q *request, a *answer) {
	if a.StatusCode == http.StatusSwitchingProtocols {
		c.upgrade(q, a)
		return
	}
	complete := false
	defer func() { a.flow.end(complete) }()
	trailers := c.header(a)
	c.answered(a.StatusCode)
	c.w.WriteHeader(a.StatusCode)
	err := c.body(a)
	complete = err == nil
	switch {
	case errors.Is(err, errParted):
		c.part(a)
		return
	case err != nil:
		c.broken(err)
	}
	c.trailers(a, trailers)
}

// broken ends an answer that cannot be completed. The client must see that it
// is not whole, so its connection or stream is cut.
func (c *call) broken(err error) {
	if _, fromInstance := err.(instanceError); fromInstance && c.r.Context().Err() == nil { //nolint:errorlint // made below, never wrapped
		if c.status < 500 && !c.witness {
			c.service.counters.broke()
			if c.sampled {
				c.service.counters.sample.failed(c.place, time.Now())
			}
		}
	}
	panic(http.ErrAbortHandler)
}

// header sets the answer's header and returns how many trailers it announces.
func (c *call) header(a *answer) int {
	out := c.w.Header()
	drop := named(a.Header["Connection"])
	for name, values := range a.Header {
		if !isHop(name) && !drop[name] {
			out[name] = values
		}
	}
	if out["Content-Type"] == nil {
		out["Content-Type"] = nil // the server would guess one
	}
	c.own(out)
	if len(a.Trailer) > 0 {
		delete(out, "Content-Length") // HTTP/1.1 has trailers only without one
	}
	for name := range a.Trailer {
		out["Trailer"] = append(out["Trailer"], name)
	}
	return len(a.Trailer)
}

// own sets the fields of the answer that are the proxy's.
func (c *call) own(out http.Header) {
	out["X-Request-Id"] = []string{c.requestID}
	c.closeAfter(out)
	if c.chosen != "" {
		out[releaseHeader] = []string{string(c.release.id)} // for those who choose, to see that they did
	}
	if c.newcomer {
		out["Set-Cookie"] = append(out["Set-Cookie"][:len(out["Set-Cookie"]):len(out["Set-Cookie"])], c.site.signer.setCookie(c.place, c.visitor.proto == "https"))
	}
}

// instanceError is an error in reading an instance's answer.
type instanceError struct{ error }

// errParted is why a stream ends that was told to.
var errParted = errors.New("the stream was told to end")

// body copies the answer's body. What has no known length is passed on as it
// comes, unless more is at hand already.
func (c *call) body(a *answer) error {
	if a.ContentLength == 0 || a.Body == http.NoBody || c.r.Method == http.MethodHead {
		return nil
	}
	flush := a.ContentLength < 0 || strings.HasPrefix(a.Header.Get("Content-Type"), "text/event-stream")
	buf := getBuffer(a.ContentLength)
	defer func() { putBuffer(buf) }()
	stream := c.stream(a)
	defer stream.end()
	guard := c.guardWrites(a.ContentLength)
	defer guard(time.Time{})
	if flush && !a.flow.more() {
		c.flush() // the header may be all there is for a long time
	}
	for {
		n, err := a.Body.Read(*buf)
		piece, over := (*buf)[:n], false
		if err == nil {
			piece, over = stream.next(piece)
		}
		if len(piece) > 0 {
			c.written += int64(len(piece))
			guard(time.Now().Add(c.site.limits.idle))
			if _, err := c.w.Write(piece); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF: //nolint:errorlint // io.Reader returns it bare
			return nil
		case over, err != nil && stream.parted():
			return errParted
		case err != nil:
			return instanceError{err}
		}
		if flush && !a.flow.more() {
			c.flush()
		}
		if n == len(*buf) {
			buf = grow(buf)
		}
	}
}

// guardWrites returns what sets the time until which the client must take what
// is written to it, so that one that has stopped reading holds nothing for ever.
// A short answer fits the connection's buffers and needs no guard.
func (c *call) guardWrites(length int64) func(time.Time) {
	if length >= 0 && length <= bufferSize {
		return func(time.Time) {}
	}
	control := http.NewResponseController(c.w)
	return func(limit time.Time) { _ = control.SetWriteDeadline(limit) } // net/http's own writers support it
}

func (c *call) flush() {
	if f, ok := c.w.(http.Flusher); ok {
		f.Flush()
	}
}

// trailers sets the answer's trailers, of which announced were in its header.
func (c *call) trailers(a *answer, announced int) {
	out := c.w.Header()
	for name, values := range a.Trailer {
		if len(a.Trailer) != announced {
			name = http.TrailerPrefix + name
		}
		out[name] = values
	}
}
