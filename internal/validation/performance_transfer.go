package validation

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
)

// worthwhile is the least size of a text that is smaller when compressed: it
// fits into one packet anyway below.
const worthwhile = 1400

func compressed(ctx context.Context, x *exam, p pathParams) error {
	plain, err := x.get(ctx, x.front(), p.Path)
	if err != nil {
		return err
	}
	kind := plain.Header.Get("Content-Type")
	isText := strings.HasPrefix(kind, "text/") || slices.ContainsFunc([]string{"json", "javascript", "xml", "wasm"}, func(s string) bool { return strings.Contains(kind, s) })
	if len(plain.body) < worthwhile || !isText || !plain.ok() {
		return skip("%s is %d bytes of %q, which compressing does not help; name another with: {path: …}", p.Path, len(plain.body), kind)
	}
	a, err := x.ask(ctx, x.front(), request{path: p.Path, header: http.Header{"Accept-Encoding": {"gzip, br, zstd"}}})
	if err != nil {
		return err
	}
	encoding := a.Header.Get("Content-Encoding")
	x.expectf(encoding != "" && encoding != "identity" && len(a.body) < len(plain.body), a.asked+" with Accept-Encoding", "Content-Encoding, and fewer bytes",
		"%s, %d bytes in place of %d", headerText("Content-Encoding", a.Header.Values("Content-Encoding")), len(a.body), len(plain.body))
	return nil
}

type payloadParams struct {
	Path  string `json:"path"`
	Bytes int    `json:"bytes"`
}

func (p *payloadParams) check() error {
	if p.Bytes < 1 || p.Bytes >= bodyLimit {
		return fmt.Errorf("bytes is from 1 to %d", bodyLimit-1)
	}
	return checkPath(p.Path)
}

func payload(ctx context.Context, x *exam, p payloadParams) error {
	a, err := x.get(ctx, x.front(), p.Path)
	if err != nil {
		return err
	}
	x.expectf(len(a.body) <= p.Bytes, a.asked, fmt.Sprintf("at most %d bytes", p.Bytes), "%d bytes", len(a.body))
	return nil
}

func keptAlive(ctx context.Context, x *exam, p pathParams) error {
	own := newTransports(x.serverName())
	defer own.close()
	alone := &exam{Target: x.Target, base: x.base, transports: own}
	for range 2 {
		reused := false
		traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
		a, err := alone.get(traced, x.front(), p.Path)
		if err != nil {
			return err
		}
		if reused {
			x.expect(true, "a second GET "+p.Path, "over the same connection, "+a.Proto, "the same connection")
			return nil
		}
	}
	x.expect(false, "a second GET "+p.Path, "over a new connection", "the same connection")
	return nil
}
