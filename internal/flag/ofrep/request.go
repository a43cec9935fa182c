package ofrep

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/davit-dev/davit/internal/flag"
)

// buffers are reused: a request is read into one and answered from one.
var buffers = sync.Pool{New: func() any { return &buffer{in: make([]byte, 0, 1<<10), out: make([]byte, 0, 1<<10)} }}

// buffer is what a request is read into, and what its answer is written in.
type buffer struct{ in, out []byte }

// keptBytes bounds the buffers that are kept.
const keptBytes = 64 << 10

func newBuffer() *buffer {
	b, _ := buffers.Get().(*buffer)
	return b
}

func (b *buffer) release() {
	if cap(b.in) > keptBytes || cap(b.out) > keptBytes {
		return
	}
	b.in, b.out = b.in[:0], b.out[:0]
	buffers.Put(b)
}

var errTooLarge = errors.New("the body is too large")

// read reads a request's body, MaxBodyBytes at most.
func (b *buffer) read(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength > MaxBodyBytes {
		return errTooLarge
	}
	// net/http lifts the limit before the connection's next request.
	if d, ok := w.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = d.SetReadDeadline(time.Now().Add(bodyTimeout)) // a connection that cannot has none
	}
	for {
		if len(b.in) == cap(b.in) {
			b.in = append(b.in, 0)[:len(b.in)]
		}
		n, err := r.Body.Read(b.in[len(b.in):cap(b.in)])
		b.in = b.in[:len(b.in)+n]
		switch {
		case len(b.in) > MaxBodyBytes:
			return errTooLarge
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// contextStart is what nearly all bodies begin with.
var contextStart = []byte(`{"context":`)

// parse returns the context of a request's body, and its JSON. What is wrong is a
// *flag.ContextError.
func parse(body []byte, now time.Time) (*flag.Context, []byte, error) {
	// When what stands between the beginning and the last brace is a JSON value,
	// the body is an object with that one member.
	if trimmed := bytes.TrimRight(body, " \r\n\t"); bytes.HasPrefix(trimmed, contextStart) && trimmed[len(trimmed)-1] == '}' {
		text := trimmed[len(contextStart) : len(trimmed)-1]
		if c, err := flag.ParseContext(text, now); err == nil {
			return c, text, nil
		}
	}
	var request struct {
		Context json.RawMessage `json:"context"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		code := flag.ParseError
		if json.Valid(body) {
			code = flag.InvalidContext
		}
		return nil, nil, &flag.ContextError{Code: code, Message: "the request's body is no object with a context: " + err.Error()}
	}
	if len(request.Context) == 0 {
		return nil, nil, nil // nothing is known about the user
	}
	c, err := flag.ParseContext(request.Context, now)
	return c, request.Context, err
}
