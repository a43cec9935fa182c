package proxy

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// readAhead is the size up to which a request's body is read before it is sent:
// a slow client then holds no instance, and a dead connection to one costs no
// request.
const readAhead = 64 << 10

// request prepares what the instance gets. It answers requests that go beyond
// the site's limits.
func (c *call) request() (*request, bool) {
	r := c.r
	q := &request{ctx: r.Context(), in: r, timeout: c.site.limits.response, interim: c.interim}
	if isGRPC(r.Header) {
		// A stream's first message may be long in coming, and the call brings
		// its own deadline (grpc-timeout).
		q.timeout = 0
	}
	q.out = c.fields()
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		q.upgrade = upgradeOf(r)
		return q, true
	}
	limit := c.site.limits.body
	if limit > 0 {
		if r.ContentLength > limit {
			c.fail(http.StatusRequestEntityTooLarge)
			return nil, false
		}
		r.Body = http.MaxBytesReader(c.w, r.Body, limit)
	}
	if r.ContentLength > 0 && r.ContentLength <= readAhead && r.Header["Expect"] == nil {
		q.body = make([]byte, r.ContentLength)
		if err := c.readAll(q.body); err != nil {
			c.abandon()
			return nil, false
		}
		return q, true
	}
	q.stream, q.stall.control = true, http.NewResponseController(c.w)
	if !isGRPC(r.Header) { // as with the limit for the answer
		q.stall.limit = c.site.limits.idle
	}
	if r.ProtoMajor == 1 {
		_ = q.stall.control.EnableFullDuplex() // net/http's own writer supports it
	}
	return q, true
}

// readAll reads the request's body into b. A client may not take longer for it
// than a connection may be idle.
func (c *call) readAll(b []byte) error {
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Now().Add(c.site.limits.idle)) // net/http's own writers support it
	if _, err := io.ReadFull(c.r.Body, b); err != nil {
		_ = control.SetReadDeadline(aLongTimeAgo) // or the server would wait for the rest, to drop it
		return err
	}
	_ = control.SetReadDeadline(time.Time{})
	return nil
}

// upgradeOf returns the protocol that the client asks to upgrade to. An upgrade
// to HTTP/2 is not passed on: past it, requests would reach the instance that
// the proxy never saw.
func upgradeOf(r *http.Request) string {
	if r.ProtoMajor != 1 || r.Header["Upgrade"] == nil || !hasToken(r.Header["Connection"], "upgrade") {
		return ""
	}
	if protocol := r.Header["Upgrade"][0]; !strings.EqualFold(protocol, "h2c") {
		return protocol
	}
	return ""
}
