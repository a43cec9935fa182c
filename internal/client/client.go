// Package client speaks to a Davit server.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// maxAnswer bounds an answer that is read whole.
const maxAnswer = 64 << 20

// connectTimeout bounds the time to reach a server.
const connectTimeout = 10 * time.Second

// Client asks one server. It is safe for concurrent use.
type Client struct {
	server string // as given, for errors
	base   string
	token  string
	http   *http.Client
}

// New returns a client of a server at "unix:/path", "https://host:port" or, on
// this machine, "http://127.0.0.1:port". It does not connect yet. The token is
// shown over TCP; it may be empty.
func New(server, token string) (*Client, error) {
	dialer := &net.Dialer{Timeout: connectTimeout}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: connectTimeout, IdleConnTimeout: time.Minute}
	c := &Client{server: server, base: strings.TrimSuffix(server, "/"), token: token, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token stays here
	}}
	if path, ok := strings.CutPrefix(server, "unix:"); ok && path != "" {
		c.base = "http://davit"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		}
		return c, nil
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, &davit.Error{
			Code: davit.CodeInvalid, Message: "the server's address is neither unix:PATH nor a URL without a password",
			Hint: "set DAVIT_SERVER to unix:/path/of/davit.sock or https://host:port",
		}
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, &davit.Error{
			Code: davit.CodeInvalid, Message: "will not speak to " + u.Host + " in clear text: the token could be read on the way",
			Hint: "use https://",
		}
	}
	return c, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// do sends a request and decodes the answer into out, unless it is nil.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.send(ctx, method, path, in, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out); err != nil {
		return c.broken(err)
	}
	return nil
}

// send sends a request and returns the answer when it is none of an error.
func (c *Client) send(ctx context.Context, method, path string, in any, header http.Header) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, c.unreachable(err)
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close() //nolint:errcheck // what matters was read
		return nil, c.problem(resp)
	}
	return resp, nil
}

// problem returns the error that an answer tells.
func (c *Client) problem(resp *http.Response) error {
	p := api.Problem{Status: resp.StatusCode}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || json.Unmarshal(text, &p) != nil || p.Detail == "" {
		p = *api.StatusProblem(resp.StatusCode, fmt.Sprintf("%s answered %s", c.server, resp.Status), "is that a Davit server?")
	}
	return p.Err()
}

func (c *Client) unreachable(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return &davit.Error{
		Code: davit.CodeUnavailable, Message: "no server answers at " + c.server, Err: err,
		Hint: "start one with `davit serve`, or name another with --server or DAVIT_SERVER",
	}
}

func (c *Client) broken(err error) error {
	return &davit.Error{Code: davit.CodeUnavailable, Message: "the answer of " + c.server + " was cut short or is none of Davit's", Err: err}
}
