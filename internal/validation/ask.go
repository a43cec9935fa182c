package validation

import (
	"context"
	"crypto/tls"
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
)

// bodyLimit bounds how much of an answer is looked at, in bytes.
const bodyLimit = 4 << 20

// userAgent names Davit to the application, whose logs shall not wonder.
const userAgent = "davit-validate"

// transports are the connections of one validation. Certificates are not
// verified: the checks on TLS do that, and one that has expired shall fail them
// and not everything.
type transports struct{ http, h2c *http.Transport }

func newTransports(serverName string) *transports {
	plain := func() *http.Transport {
		return &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
			TLSClientConfig:     &tls.Config{InsecureSkipVerify: true, ServerName: serverName}, //nolint:gosec // see transports
			MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second,
			DisableCompression: true, // the body as it comes
			ForceAttemptHTTP2:  true,
		}
	}
	t := &transports{http: plain(), h2c: plain()}
	t.h2c.Protocols = &http.Protocols{}
	t.h2c.Protocols.SetUnencryptedHTTP2(true)
	return t
}

func (t *transports) close() {
	t.http.CloseIdleConnections()
	t.h2c.CloseIdleConnections()
}

// request is what a check asks.
type request struct {
	method string // "" is GET
	path   string // with a query if need be
	header http.Header
	body   string
	fresh  bool // over a connection of its own
}

// answer is what came.
type answer struct {
	*http.Response
	asked string
	body  []byte // its first bodyLimit bytes
}

// String describes the answer in a line.
func (a *answer) String() string {
	text := a.Status
	if len(a.body) > 0 {
		const start = 120
		text += ": " + strings.TrimSpace(string(a.body[:min(len(a.body), start)]))
	}
	return text
}

// ok reports whether the answer is a success.
func (a *answer) ok() bool { return a.StatusCode >= 200 && a.StatusCode < 300 }

// json returns the body as encoding/json reads it.
func (a *answer) json() (any, error) {
	var doc any
	if err := json.Unmarshal(a.body, &doc); err != nil {
		return nil, fmt.Errorf("%s: the body is no JSON: %w", a.asked, err)
	}
	return doc, nil
}

// get asks for a path.
func (x *exam) get(ctx context.Context, at place, path string) (*answer, error) {
	return x.ask(ctx, at, request{path: path})
}

// page returns why a path that is only a guess is no page to ask: there is
// nothing, one has to sign in first, or it is somewhere else.
func (x *exam) page(ctx context.Context, path string) error {
	if x.configured {
		return nil
	}
	a, err := x.get(ctx, x.front(), path)
	if err == nil && a.StatusCode >= 300 && a.StatusCode < 500 {
		return skip("%s is no page (%s); name one with: {path: …}", path, a.Status)
	}
	return err
}

// ask sends a request and reads the answer. An answer that does not come is a
// failure of the application, unless it is Davit's front door that is away.
func (x *exam) ask(ctx context.Context, at place, r request) (*answer, error) {
	if r.method == "" {
		r.method = http.MethodGet
	}
	target, err := at.url(r.path)
	if err != nil {
		return nil, err
	}
	asked := r.method + " " + target.String()
	req, err := http.NewRequestWithContext(ctx, r.method, target.String(), strings.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", asked, err)
	}
	req.Header.Set("User-Agent", userAgent)
	for _, header := range []http.Header{at.header, r.header} {
		for name, values := range header {
			req.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	req.Host, req.Close = at.host, r.fresh
	res, err := x.roundTripper(at).RoundTrip(req)
	if err != nil {
		return nil, unanswered(ctx, at, asked, err)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, bodyLimit))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, unanswered(ctx, at, asked, err)
	}
	return &answer{Response: res, asked: asked, body: body}, nil
}

func (x *exam) roundTripper(at place) http.RoundTripper {
	switch {
	case at.h2c:
		return x.transports.h2c
	case at.carried:
		return x.Carry(*at.instance)
	}
	return x.transports.http
}

// unanswered tells why no answer came.
func unanswered(ctx context.Context, at place, asked string, err error) error {
	if between, ok := errors.AsType[*davit.Error](err); ok {
		return unknowable{between}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", asked, ctx.Err())
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		switch {
		case at.managed:
			return unknowable{fmt.Errorf("davit's own front door does not answer: %w", err)}
		case at.carried:
			return unknowable{fmt.Errorf("%s speaks HTTP/2 without TLS and is asked at its own address, which cannot be reached from here: %w", at.name, err)}
		}
	}
	return failure{asked: asked, came: "no answer: " + reason(err)}
}

// reason returns what went wrong without what was asked around it.
func reason(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return err.Error()
}
