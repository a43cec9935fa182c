package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/davit-dev/davit"
)

// both runs a test with instances of either protocol.
func both(t *testing.T, test func(t *testing.T, protocol davit.Protocol)) {
	t.Helper()
	for _, protocol := range []davit.Protocol{davit.ProtocolHTTP1, davit.ProtocolH2C} {
		t.Run(string(protocol), func(t *testing.T) { test(t, protocol) })
	}
}

func TestForwardsBodiesBothWays(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		echo := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
			data, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("the instance cannot read the body: %v", err)
			}
			w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
			_, _ = w.Write(data)
		})
		r := newRig(t)
		r.put(oneRelease(protocol, echo))
		client := newClient(t)
		for _, size := range []int{0, 1, 1023, readAhead, readAhead + 1, 1 << 20} {
			body := strings.Repeat("x", size)
			res, got := exchangeWith(t, client, http.MethodPost, r.url("/"), strings.NewReader(body))
			if res.StatusCode != http.StatusOK || got != body {
				t.Errorf("a body of %d bytes came back with %d as %s", size, len(got), res.Status)
			}
			if want := fmt.Sprint(size); res.Header.Get("X-Length") != want {
				t.Errorf("the instance was told a length of %s, want %s", res.Header.Get("X-Length"), want)
			}
			_, got = exchangeWith(t, client, http.MethodPost, r.url("/"), io.MultiReader(strings.NewReader(body))) // of unknown length
			if got != body {
				t.Errorf("a chunked body of %d bytes came back with %d", size, len(got))
			}
		}
	})
}

func TestHeadersOfARequest(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		var seen http.Header
		var host string
		backend := backendServer(t, func(_ http.ResponseWriter, r *http.Request) { seen, host = r.Header.Clone(), r.Host })
		r := newRig(t)
		r.put(oneRelease(protocol, backend))
		res, _ := exchangeWith(t, newClient(t), http.MethodGet, r.url("/"), nil,
			"Host", "shop.example", "Connection", "X-Private", "X-Private", "1", "Keep-Alive", "timeout=5", "Proxy-Authorization", "secret",
			"X-Forwarded-For", "6.6.6.6", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil", "Forwarded", "for=6.6.6.6",
			"Davit-Release", "v9", "X-Custom", "a", "X-Custom", "b")
		for name, want := range map[string][]string{
			"X-Private": nil, "Keep-Alive": nil, "Proxy-Authorization": nil, "Connection": nil, "Forwarded": nil,
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"shop.example"},
			"Davit-Release": {"v1"}, "X-Custom": {"a", "b"},
		} {
			if fmt.Sprint(seen[name]) != fmt.Sprint(want) {
				t.Errorf("the instance got %s: %q, want %q", name, seen[name], want)
			}
		}
		if host != "shop.example" {
			t.Errorf("the instance got the host %q", host)
		}
		if !validTrace(seen.Get("Traceparent")) || seen.Get("X-Request-Id") != seen.Get("Traceparent")[3:35] {
			t.Errorf("trace %q and request ID %q do not belong together", seen.Get("Traceparent"), seen.Get("X-Request-Id"))
		}
		if got := res.Header.Get("X-Request-Id"); got != seen.Get("X-Request-Id") {
			t.Errorf("the client got the request ID %q, the instance %q", got, seen.Get("X-Request-Id"))
		}
	})
}

func TestRequestIDAndTraceAreKept(t *testing.T) {
	var seen http.Header
	backend := backendServer(t, func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() })
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolHTTP1, backend))
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	exchangeWith(t, newClient(t), http.MethodGet, r.url("/"), nil, "Traceparent", trace, "X-Request-Id", "order-17")
	if seen.Get("Traceparent") != trace || seen.Get("X-Request-Id") != "order-17" {
		t.Errorf("the instance got %q and %q", seen.Get("Traceparent"), seen.Get("X-Request-Id"))
	}
	exchangeWith(t, newClient(t), http.MethodGet, r.url("/"), nil, "Traceparent", trace, "X-Request-Id", "a b\"c")
	if seen.Get("X-Request-Id") != trace[3:35] {
		t.Errorf("an insane request ID became %q, want the trace's", seen.Get("X-Request-Id"))
	}
}

func TestTrailersBothWays(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		backend := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Trailer", "X-Announced")
			_, _ = io.WriteString(w, "body")
			w.Header().Set("X-Announced", r.Trailer.Get("X-Sum"))
			w.Header().Set(http.TrailerPrefix+"X-Late", "late")
		})
		r := newRig(t)
		r.put(oneRelease(protocol, backend))
		req, err := http.NewRequestWithContext(testContext(t), http.MethodPost, r.url("/"), io.MultiReader(strings.NewReader("data")))
		if err != nil {
			t.Fatal(err)
		}
		req.Trailer = http.Header{"X-Sum": {"42"}}
		res, err := newClient(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if _, err := io.ReadAll(res.Body); err != nil {
			t.Fatal(err)
		}
		if res.Trailer.Get("X-Announced") != "42" || res.Trailer.Get("X-Late") != "late" {
			t.Errorf("got the trailers %v", res.Trailer)
		}
	})
}

func TestInterimAnswers(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		backend := backendServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
			_, _ = io.WriteString(w, "done")
		})
		r := newRig(t)
		r.put(oneRelease(protocol, backend))
		var early string
		ctx := httptrace.WithClientTrace(testContext(t), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				early = fmt.Sprint(code, " ", h.Get("Link"))
				return nil
			},
		})
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url("/"), nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := newClient(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if early != "103 </style.css>; rel=preload" || res.StatusCode != http.StatusOK || res.Header.Get("Link") != "" {
			t.Errorf("got %q, then %s with Link %q", early, res.Status, res.Header.Get("Link"))
		}
	})
}

func TestExpectContinue(t *testing.T) {
	for _, accept := range []bool{true, false} {
		t.Run(fmt.Sprint("accept=", accept), func(t *testing.T) {
			backend := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
				if !accept {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				_, _ = io.Copy(w, r.Body)
			})
			r := newRig(t)
			r.put(oneRelease(davit.ProtocolHTTP1, backend))
			c := dialRaw(t, r.Addresses()[anyPort])
			_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
			in := bufio.NewReader(c)
			line, err := in.ReadString('\n')
			if !accept {
				if err != nil || !strings.Contains(line, "401") {
					t.Errorf("got %q, %v", line, err)
				}
				return
			}
			if err != nil || !strings.Contains(line, "100 Continue") {
				t.Fatalf("got %q, %v", line, err)
			}
			_, _ = in.ReadString('\n')
			_, _ = io.WriteString(c, "body")
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(res.Body); err != nil || string(got) != "body" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestAnswersWithoutBody(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		backend := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/204":
				w.WriteHeader(http.StatusNoContent)
			case "/304":
				w.Header().Set("Etag", `"1"`)
				w.WriteHeader(http.StatusNotModified)
			default:
				w.Header().Set("Content-Length", "1234")
			}
		})
		r := newRig(t)
		r.put(oneRelease(protocol, backend))
		client := newClient(t)
		for _, try := range []struct {
			method, path string
			status       int
			length       int64
		}{{"GET", "/204", 204, 0}, {"GET", "/304", 304, 0}, {"HEAD", "/", 200, 1234}} {
			res, body := exchangeWith(t, client, try.method, r.url(try.path), nil)
			if res.StatusCode != try.status || body != "" || res.ContentLength != try.length {
				t.Errorf("%s %s: got %s, length %d, body %q", try.method, try.path, res.Status, res.ContentLength, body)
			}
		}
	})
}

func TestBrokenAnswerIsSeenAndCounted(t *testing.T) {
	backend := rawServer(t, func(c *net.TCPConn, in *bufio.Reader) {
		_, _ = http.ReadRequest(in)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
	})
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolHTTP1, backend))
	res, err := newClient(t).Get(r.url("/"))
	if err == nil {
		defer func() { _ = res.Body.Close() }()
		_, err = io.ReadAll(res.Body)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		t.Errorf("the client got %v, want to see that the answer is not whole", err)
	}
	eventually(t, "it is counted", func() bool { return r.traffic("v1").Failures == 1 })
	if got := r.traffic("v1"); got.Requests != 1 || got.Status[2] != 1 {
		t.Errorf("counted %d requests, %v", got.Requests, got.Status)
	}
}

// traffic returns the figures of a release's service.
func (r *rig) traffic(id davit.ReleaseID) davit.Traffic {
	return r.Figures().Sites["shop/test"][id]["web"]
}

func TestClientGoneCancelsTheInstanceAndIsNoFailure(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		started, ended := make(chan struct{}), make(chan struct{})
		backend := backendServer(t, func(_ http.ResponseWriter, r *http.Request) {
			close(started)
			<-r.Context().Done()
			close(ended)
		})
		r := newRig(t)
		r.put(oneRelease(protocol, backend))
		ctx, cancel := context.WithCancel(testContext(t))
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url("/"), nil)
		if err != nil {
			t.Fatal(err)
		}
		failed := make(chan error, 1)
		client := newClient(t)
		go func() {
			_, err := client.Do(req) //nolint:bodyclose // there is no answer
			failed <- err
		}()
		<-started
		cancel()
		<-failed
		<-ended
		eventually(t, "it is counted", func() bool { return r.traffic("v1").Requests == 1 && r.inFlight() == 0 })
		if got := r.traffic("v1"); got.Status[0] != 1 || got.Failures != 0 {
			t.Errorf("counted %v and %d failures, want one without status and no failure", got.Status, got.Failures)
		}
	})
}

// A body of a request that asks for an upgrade must not be taken for the next
// request on the connection.
func TestUpgradeWithABodySmugglesNothing(t *testing.T) {
	var (
		mu    sync.Mutex
		paths []string
	)
	backend := rawServer(t, func(c *net.TCPConn, in *bufio.Reader) {
		for {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			mu.Lock()
			paths = append(paths, req.URL.Path)
			mu.Unlock()
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolHTTP1, backend))
	const inner = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, framing := range []string{fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(inner), inner), fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(inner), inner)} {
		for _, protocol := range []string{"websocket", "h2c"} {
			c := dialRaw(t, r.Addresses()[anyPort])
			_, _ = io.WriteString(c, "POST /outer HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "+protocol+"\r\n"+framing)
			if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("got %v, %v", res, err)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, path := range paths {
		if path != "/outer" {
			t.Errorf("the instance got a request for %s", path)
		}
	}
}

func TestAppendTrailerDropsWhatIsNoTrailer(t *testing.T) {
	got := string(appendTrailer(nil, http.Header{"X-Sum": {"1", "a\rX: b"}, "Content-Length": {"7"}, "Transfer-Encoding": {"chunked"}, "Davit-Release": {"v2"}, "X Y": {"1"}}))
	if got != "X-Sum: 1\r\n\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestInvalidTargets(t *testing.T) {
	for target, want := range map[string]bool{"/a?b=c": true, "*": true, "/a b": false, "/a\r\nX: y": false, "/\x7f": false} {
		if got := validTarget(target); got != want {
			t.Errorf("%q: got %v", target, got)
		}
	}
}

func TestUnsolicitedAnswerIsNobodys(t *testing.T) {
	said := make(chan struct{}, 8)
	backend := rawServer(t, func(c *net.TCPConn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_, _ = io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		said <- struct{}{}
	})
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolHTTP1, backend))
	client := newClient(t)
	for range 5 {
		if res, got := exchangeWith(t, client, http.MethodGet, r.url("/"), nil); got != "ok" {
			t.Fatalf("got %s %q", res.Status, got)
		}
		<-said
	}
}
