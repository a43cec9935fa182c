package kubernetes

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// askLimit bounds one request of an observer.
const askLimit = 5 * time.Second

// door is the front door as an observer reaches it: every request on a connection
// of its own, so that it may meet another copy of the Gateway.
type door struct {
	base *url.URL
	// ask asks once; release, unless it is empty, names who is to answer.
	ask func(ctx context.Context, t target, release davit.ReleaseID) answer
}

// newDoor returns the door at a URL; nil when there is none.
func newDoor(address string) *door {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" {
		return nil
	}
	d := &door{base: base}
	d.ask = d.get
	return d
}

// address is a target's URL, for people.
func (d *door) address(t target) string {
	u := *d.base
	u.Path = t.path
	if t.host != "" {
		u.Host = t.host
	}
	return u.String()
}

// answer is what came of a request: the marks of the release that answered and of
// the routing that it was dealt by, "" for one that it does not have.
type answer struct {
	release, routing string
	status           int
	cookie           string // by which its user is to stay
	err              error
}

// get asks by a GET, or by a call where gRPC is spoken.
func (d *door) get(ctx context.Context, t target, release davit.ReleaseID) answer {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	u := *d.base
	u.Path = t.path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if t.kind == grpcRoute {
		request, err = callTo(ctx, u.String())
	}
	if err != nil {
		return answer{err: err}
	}
	transport := &http.Transport{DisableKeepAlives: true}
	if t.kind == grpcRoute {
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetHTTP2(true)
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	if t.host != "" {
		request.Host = t.host
		transport.TLSClientConfig = &tls.Config{ServerName: t.host, MinVersion: tls.VersionTLS12}
	}
	request.Header.Set(davit.WitnessHeader, "observe")
	if release != "" {
		request.Header.Set(releaseHeader, string(release))
	}
	if t.cookie != "" {
		request.Header.Set("Cookie", t.cookie)
	}
	res, err := transport.RoundTrip(request)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()                                                              //nolint:errcheck // nothing is written
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)); err != nil { // so that the application is not cut off
		return answer{err: err}
	}
	a := answer{release: res.Header.Get(releaseHeader), routing: res.Header.Get(routingHeader), status: res.StatusCode, cookie: cookieOf(res)}
	if cmp.Or(res.Header.Get("Grpc-Status"), res.Trailer.Get("Grpc-Status")) == unavailable {
		a.status = http.StatusServiceUnavailable
	}
	return a
}

// unavailable is the status of a gRPC call that reached nobody.
const unavailable = "14"

// callTo is a gRPC call with an empty message.
func callTo(ctx context.Context, url string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(make([]byte, 5))) // not compressed, of length 0
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	return request, nil
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// ask sends answers until ctx ends: soon after each other at first, seldom when it
// takes long, and soon again from the one time that it is hastened.
func (o *observer) ask(ctx context.Context, t target, answers chan<- answer, hasten <-chan struct{}) {
	pace := make(chan struct{})
	var tasks sync.WaitGroup
	defer tasks.Wait()
	for range askers {
		tasks.Go(func() {
			for range pace {
				select {
				case answers <- o.door.ask(ctx, t, ""):
				case <-ctx.Done():
				}
			}
		})
	}
	defer close(pace)
	tick, seldom := time.NewTicker(askEvery), time.NewTimer(young)
	defer tick.Stop()
	defer seldom.Stop()
	for {
		select {
		case <-tick.C:
			select {
			case pace <- struct{}{}:
			case <-ctx.Done():
				return
			}
		case <-seldom.C:
			tick.Reset(askSeldom)
		case <-hasten:
			hasten = nil
			tick.Reset(askEvery)
			seldom.Reset(young)
		case <-ctx.Done():
			return
		}
	}
}
