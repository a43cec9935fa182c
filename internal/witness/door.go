package witness

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// The kinds of failure.
const (
	Dial        = "dial"         // no connection
	Reset       = "reset"        // the connection ended before the whole answer
	Timeout     = "timeout"      // no whole answer in time
	ServerError = "server error" // a status of 500 or above
)

// maxBody bounds what is read of an answer.
const maxBody = 1 << 20

// idleLimit is how long a kept connection may have been idle to be used again.
// It is shorter than any sensible server's limit: one that tidies up is not
// blamed.
const idleLimit = 4 * time.Second

// request is what a probe asks.
type request struct{ method, url, body, contentType string }

// requestsOf returns the requests that are sent in turn.
func requestsOf(o Options) ([]request, error) {
	scheme := "http://"
	if o.TLS {
		scheme = "https://"
	}
	list := []request{{method: http.MethodGet, url: scheme + o.Host + o.Path}}
	if o.Post != nil {
		list = append(list, request{http.MethodPost, scheme + o.Host + o.Post.Path, o.Post.Body, o.Post.ContentType})
	}
	for _, r := range list {
		if _, err := r.make(context.Background()); err != nil {
			return nil, fmt.Errorf("the witness's request: %w", err)
		}
	}
	return list, nil
}

func (r request) make(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "davit-witness")
	req.Header.Set(davit.WitnessHeader, "1")
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	return req, nil
}

// door opens connections and keeps one idle. Unlike http.Transport it never
// sends a request twice: a connection that is reset is a failure, as it would be
// for a client that does not try again.
type door struct {
	address string
	tls     *tls.Config // nil: clear text

	mu   sync.Mutex
	idle *connection // nil: none
}

// connection is one to the front door.
type connection struct {
	net.Conn
	reader *bufio.Reader
	since  time.Time // idle since
}

func newDoor(o Options) *door {
	d := &door{address: o.Address}
	if o.TLS {
		host, _, err := net.SplitHostPort(o.Host)
		if err != nil {
			host = o.Host
		}
		// Whether the certificate is right is for a validation to say. The
		// witness says whether there is an answer.
		d.tls = &tls.Config{ServerName: host, InsecureSkipVerify: true} //nolint:gosec // see above
	}
	return d
}

// ask sends a request on a new or a kept connection, and returns the kind of
// failure or "".
func (d *door) ask(ctx context.Context, r request, fresh bool) string {
	c, err := d.connect(ctx, fresh)
	if err != nil {
		return Dial
	}
	kind, keep := c.converse(ctx, r, fresh)
	if keep && !fresh {
		d.keep(c)
		return kind
	}
	_ = c.Close() // the answer was read, or its failure noted
	return kind
}

func (d *door) connect(ctx context.Context, fresh bool) (*connection, error) {
	if !fresh {
		if c := d.take(); c != nil {
			return c, nil
		}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.address)
	if err != nil {
		return nil, err
	}
	if d.tls != nil {
		secure := tls.Client(conn, d.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = secure
	}
	return &connection{Conn: conn, reader: bufio.NewReader(conn)}, nil
}

// converse sends a request and reads its answer. keep says whether the
// connection can take another.
func (c *connection) converse(ctx context.Context, r request, last bool) (kind string, keep bool) {
	req, err := r.make(ctx)
	if err != nil { // it could be made before
		return Reset, false
	}
	req.Close = last
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(deadline); err != nil {
			return Reset, false
		}
	}
	if err := req.Write(c); err != nil {
		return kindOf(err), false
	}
	answer, err := finalAnswer(c.reader, req)
	if err != nil {
		return kindOf(err), false
	}
	defer answer.Body.Close() //nolint:errcheck // it was read, or the connection is given up
	n, err := io.Copy(io.Discard, io.LimitReader(answer.Body, maxBody))
	switch {
	case err != nil:
		return kindOf(err), false
	case answer.StatusCode >= http.StatusInternalServerError:
		return ServerError, !answer.Close
	}
	return "", !answer.Close && n < maxBody
}

// finalAnswer reads the head of the answer that is not an interim one.
func finalAnswer(reader *bufio.Reader, req *http.Request) (*http.Response, error) {
	for {
		answer, err := http.ReadResponse(reader, req)
		if err != nil || answer.StatusCode >= http.StatusOK {
			return answer, err
		}
	}
}

// kindOf tells a time-out from a connection that ended.
func kindOf(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return Timeout
	}
	return Reset
}

// take returns the kept connection, nil when there is none.
func (d *door) take() *connection {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.idle
	d.idle = nil
	if c != nil && time.Since(c.since) > idleLimit {
		_ = c.Close() // it is not used again
		return nil
	}
	return c
}

// keep keeps a connection in place of the one that is idle beside it.
func (d *door) keep(c *connection) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop()
	c.since = time.Now()
	d.idle = c
}

func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop()
}

func (d *door) drop() {
	if d.idle != nil {
		_ = d.idle.Close() // nothing is in flight on it
		d.idle = nil
	}
}
