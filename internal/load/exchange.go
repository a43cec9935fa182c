package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds what is read of an answer.
const maxBody = 4 << 20

// prepared is a Request cut into the parts that are the same every time.
type prepared struct {
	method string
	path   string
	weight int
	head   string // request line and headers that never change
	body   string
	expect string
}

func prepare(r Request, host string) prepared {
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Path, host)
	if r.Body != "" {
		head += "Content-Type: application/json\r\n"
	}
	return prepared{method: r.Method, path: r.Path, weight: r.Weight, head: head, body: r.Body, expect: r.Expect}
}

// keyed reports whether the answer has to echo the request's key.
func (p *prepared) keyed() bool { return strings.Contains(p.expect, keyMark) }

const keyMark = "{key}"

// append appends the bytes of one request to buf.
func (p *prepared) append(buf []byte, key, cookie string, last bool) []byte {
	buf = append(buf, p.head...)
	if cookie != "" {
		buf = append(append(append(buf, "Cookie: "...), cookie...), "\r\n"...)
	}
	if last {
		buf = append(buf, "Connection: close\r\n"...)
	}
	if p.body == "" {
		return append(buf, "\r\n"...)
	}
	body := strings.ReplaceAll(p.body, keyMark, key)
	buf = append(append(append(buf, "Idempotency-Key: "...), key...), "\r\nContent-Length: "...)
	buf = append(strconv.AppendInt(buf, int64(len(body)), 10), "\r\n\r\n"...)
	return append(buf, body...)
}

// connection is an open connection to the target.
type connection struct {
	net.Conn
	reader *bufio.Reader
	out    []byte
	since  time.Time // idle since
}

// exchange sends a request and reads its answer until deadline.
func (g *Generator) exchange(ctx context.Context, j job, deadline time.Time) result {
	c, err := g.connect(ctx, j, deadline)
	if err != nil {
		return result{kind: Dial, detail: err}
	}
	r, keep := g.converse(c, j, deadline)
	if keep && !j.fresh {
		g.kept.put(c)
		return r
	}
	_ = c.Close() // the answer was read, or its failure noted
	return r
}

func (g *Generator) connect(ctx context.Context, j job, deadline time.Time) (*connection, error) {
	if !j.fresh {
		if c := g.kept.take(); c != nil {
			return c, nil
		}
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	conn, err := g.options.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: conn, reader: bufio.NewReader(conn)}, nil
}

// converse sends a request on c and judges the answer. keep says whether c can
// take another.
func (g *Generator) converse(c *connection, j job, deadline time.Time) (r result, keep bool) {
	if err := c.SetDeadline(deadline); err != nil {
		return result{kind: Reset, detail: err}, false
	}
	key := g.key(j.number)
	c.out = j.request.append(c.out[:0], key, j.user.cookie(), j.fresh)
	if _, err := c.Write(c.out); err != nil {
		return result{kind: kindOf(err), detail: fmt.Errorf("sending the request: %w", err)}, false
	}
	response, err := readResponse(c.reader, j.request.method)
	if err != nil {
		return result{kind: kindOf(err), detail: fmt.Errorf("waiting for the answer: %w", err)}, false
	}
	defer response.Body.Close() //nolint:errcheck // it was read, or the connection is given up
	r.release = response.Header.Get(g.options.ReleaseHeader)
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		r.kind, r.detail = kindOf(err), fmt.Errorf("reading the answer: %w", err)
		return r, false
	}
	if len(body) > maxBody {
		r.kind, r.detail = Body, fmt.Errorf("the answer is longer than %d bytes", maxBody)
		return r, false
	}
	j.user.remember(response.Header)
	r.kind, r.detail = j.request.judge(response.StatusCode, body, key)
	return r, !response.Close
}

// readResponse reads the head of the final answer.
func readResponse(reader *bufio.Reader, method string) (*http.Response, error) {
	for {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return nil, err
		}
		if response.StatusCode >= http.StatusOK {
			return response, nil
		}
	}
}

// judge says what is wrong with an answer that arrived whole.
func (p *prepared) judge(status int, body []byte, key string) (Kind, error) {
	switch {
	case status >= http.StatusInternalServerError:
		return ServerError, fmt.Errorf("status %d: %.80q", status, body)
	case status < http.StatusOK || status >= http.StatusBadRequest:
		return Status, fmt.Errorf("status %d: %.80q", status, body)
	}
	if want := strings.ReplaceAll(p.expect, keyMark, key); !bytes.Contains(body, []byte(want)) {
		return Body, fmt.Errorf("the body lacks %q: %.80q", want, body)
	}
	return "", nil
}

// kindOf tells a timeout from a connection that ended.
func kindOf(err error) Kind {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return Timeout
	}
	return Reset
}
