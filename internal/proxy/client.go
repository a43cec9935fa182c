package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
)

// Client speaks to a proxy over its control socket. It is safe for concurrent
// use. Errors that the proxy gives come back as *davit.Error; those that wrap
// ErrStale there do here. An error of CodeUnavailable means that no proxy
// answers.
type Client struct {
	dir  string
	http *http.Client
}

// NewClient returns a client of the proxy that serves from dir.
func NewClient(dir string) *Client { return newClientAt(dir, filepath.Join(dir, socketFile)) }

// newClientAt returns a client of one of the proxies of dir, by its socket.
func newClientAt(dir, path string) *Client {
	return &Client{dir: dir, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", path)
		},
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     time.Minute,
	}}}
}

// Status asks the proxy who it is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.call(ctx, http.MethodGet, "/status", nil, &s)
}

// Table returns the table in effect; its Number is 0 when there is none.
func (c *Client) Table(ctx context.Context) (*Table, error) {
	var t Table
	return &t, c.call(ctx, http.MethodGet, "/table", nil, &t)
}

// Apply puts a table in effect. It returns nil when it is.
func (c *Client) Apply(ctx context.Context, table *Table) error {
	return c.call(ctx, http.MethodPut, "/table", table, nil)
}

// Renew renews the lease of a site's split.
func (c *Client) Renew(ctx context.Context, request RenewRequest) (RenewResult, error) {
	var result RenewResult
	return result, c.call(ctx, http.MethodPost, "/renew", request, &result)
}

// Drain returns when nothing is in flight to what the request names, or at its
// limit, with the number of requests that still are. When the proxy gives its
// place to another meanwhile, that is asked for the rest of the time.
func (c *Client) Drain(ctx context.Context, request DrainRequest) (int64, error) {
	end := time.Now().Add(request.Limit.D())
	for {
		var result DrainResult
		err := c.call(ctx, http.MethodPost, "/drain", request, &result)
		if err == nil || !severed(err) || ctx.Err() != nil {
			return result.Remaining, err
		}
		request.Limit = davit.Duration(max(time.Until(end), 0))
	}
}

// Figures returns the figures of all sites.
func (c *Client) Figures(ctx context.Context) (*Snapshot, error) {
	var s Snapshot
	return &s, c.call(ctx, http.MethodGet, "/figures", nil, &s)
}

// Metrics copies the proxy's metrics, in Prometheus' text form, to w.
func (c *Client) Metrics(ctx context.Context, w io.Writer) error {
	res, err := c.do(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return err
	}
	defer closeBody(res)
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("reading the proxy's metrics: %w", err)
	}
	return nil
}

// Stream calls each with a first snapshot and with one whenever the figures
// changed, at most every 50 ms, until ctx ends or the proxy does. It returns the
// reason, never nil.
func (c *Client) Stream(ctx context.Context, each func(*Snapshot)) error {
	res, err := c.do(ctx, http.MethodGet, "/figures?stream=1", nil)
	if err != nil {
		return err
	}
	defer closeBody(res)
	lines := json.NewDecoder(bufio.NewReader(res.Body))
	for {
		s := &Snapshot{}
		if err := lines.Decode(s); err != nil {
			return fmt.Errorf("reading the proxy's figures: %w", err)
		}
		each(s)
	}
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	res, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer closeBody(res)
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("reading the proxy's answer to %s %s: %w", method, path, err)
	}
	return nil
}

// do asks the proxy. One that has just given its place to another says so, or is
// gone from a connection that was kept: then the other is asked.
func (c *Client) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
	for began := time.Now(); ; {
		res, err := c.try(ctx, method, path, in)
		again := errors.Is(err, errMoved) || severed(err)
		if !again || ctx.Err() != nil || time.Since(began) > movePatience {
			return res, err
		}
		select {
		case <-time.After(movePause):
		case <-ctx.Done():
		}
	}
}

// How long a proxy that has moved is looked for, and how often.
const (
	movePatience = time.Second
	movePause    = 5 * time.Millisecond
)

// severed reports whether a proxy was there, and went before it answered.
func severed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func (c *Client) try(ctx context.Context, method, path string, in any) (*http.Response, error) {
	body := io.Reader(http.NoBody)
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encoding for the proxy: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://proxy"+path, body)
	if err != nil {
		return nil, fmt.Errorf("asking the proxy: %w", err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("asking the proxy for %s %s: %w", method, path, ctx.Err())
		}
		return nil, &davit.Error{Code: davit.CodeUnavailable, Message: "the proxy in " + c.dir + " does not answer",
			Hint: "davit serve starts it again; its log is " + filepath.Join(c.dir, logFile), Err: err}
	}
	if res.StatusCode < http.StatusBadRequest {
		return res, nil
	}
	defer closeBody(res)
	return nil, readProblem(res)
}

func readProblem(res *http.Response) error {
	var p problem
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&p); err != nil {
		return fmt.Errorf("the proxy answers %s: %w", res.Status, err)
	}
	e := &davit.Error{Code: p.Code, Message: p.Message, Hint: p.Hint}
	switch {
	case p.Stale:
		e.Err = ErrStale
	case p.Moved:
		e.Err = errMoved
	}
	return e
}

// closeBody ends an answer that was read as far as it matters.
func closeBody(res *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 4<<10)) // so that its connection is kept
	_ = res.Body.Close()
}
