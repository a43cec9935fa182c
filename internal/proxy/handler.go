package proxy

import (
	"errors"
	"net/http"
	"time"
)

// maxAttempts bounds how often a request is sent.
const maxAttempts = 3

// call is one request on its way through the proxy.
type call struct {
	p       *Proxy
	w       http.ResponseWriter
	r       *http.Request
	start   time.Time
	address string // of the listener
	host    string

	visitor   visitor
	chosen    string // the release asked for, by those who may
	place     position
	placed    bool // place is set
	newcomer  bool // place is new, and the client is to keep it
	witness   bool // a probe, which is left out of the figures
	sampled   bool // to be counted in the sample, or counted already
	requestID string

	site     *site
	release  *release
	service  *service
	backend  *backend
	tried    [maxAttempts]*backend
	attempts int
	status   int
	written  int64
}

// serve answers a request that came in at the listener with the given address.
func (p *Proxy) serve(address string, w http.ResponseWriter, r *http.Request) {
	c := &call{p: p, w: w, r: r, start: time.Now(), address: address, host: hostname(r.Host)}
	if r.Method == http.MethodConnect {
		c.refuse(http.StatusMethodNotAllowed)
		return
	}
	// Of two lengths the server takes the first, when they come by HTTP/2.
	if !validTarget(r.RequestURI) || len(r.Header["Content-Length"]) > 1 {
		c.refuse(http.StatusBadRequest)
		return
	}
	if !c.enter() {
		return
	}
	c.sampled = c.placed && !c.witness && c.service.counters.sample.takes(c.place, c.start)
	defer func() {
		c.leave()
		c.log()
	}()
	c.forward()
}

// enter finds the instance for the request in the table in effect, and counts
// the request as in flight there. It answers those it cannot place.
func (c *call) enter() bool {
	for {
		t := c.p.routing.Load()
		s := t.site(c.address, c.host)
		if s == nil {
			c.refuse(http.StatusNotFound)
			return false
		}
		if c.site == nil || c.site.name != s.name {
			c.visitor = newVisitor(c.r, s.preview.trusted)
			c.witness = isWitness(c.r, &c.visitor)
			c.chosen = chosenRelease(c.r.Header, &s.preview, &c.visitor)
		}
		c.site = s
		if c.release = c.choose(); c.release == nil {
			c.refuse(http.StatusServiceUnavailable)
			return false
		}
		if c.service = c.release.service(c.host, c.r.URL.Path); c.service == nil {
			c.refuse(http.StatusNotFound)
			return false
		}
		c.service.counters.inFlight.begin()
		c.backend = c.pick()
		if c.backend != nil {
			c.backend.inFlight.begin()
		}
		// A table that came into effect meanwhile may have been answered as
		// drained already: the request then goes by the new one. This makes
		// what is in flight exact without a lock.
		if c.p.routing.Load() == t {
			return true
		}
		c.leave()
	}
}

// leave undoes the counting of enter.
func (c *call) leave() {
	if c.backend != nil {
		c.backend.inFlight.end()
	}
	c.service.counters.inFlight.end()
	c.p.changed.beat()
}

// forward sends the request to the instance, or to another one where that is
// safe, and gives the client the answer.
func (c *call) forward() {
	q, ok := c.request()
	if !ok {
		return
	}
	for {
		if c.backend == nil {
			c.fail(http.StatusServiceUnavailable)
			return
		}
		a, err := c.backend.upstream.roundTrip(q)
		if err == nil {
			if q.stream {
				q.stall.lift()
			}
			c.answer(q, a)
			return
		}
		f := err.(*failure) //nolint:errorlint,forcetypeassert,errcheck // roundTrip returns nothing else
		if f.dial && c.r.Context().Err() == nil {
			c.backend.eject()
		}
		c.tried[c.attempts] = c.backend
		c.attempts++
		if !q.again(f) || c.attempts == maxAttempts {
			c.giveUp(q, f)
			return
		}
		q.fresh = true
		if !c.reenter() {
			c.giveUp(q, f)
			return
		}
	}
}

// reenter picks another instance of the same release for the next attempt, by
// the table that is in effect now: the instance may have been drained out of
// the one the request came with.
func (c *call) reenter() bool {
	c.backend.inFlight.end()
	c.backend = nil
	for {
		t := c.p.routing.Load()
		if s := t.site(c.address, c.host); s != nil && s.name == c.site.name {
			if r := s.releases[c.release.id]; r != nil && r.services[c.service.name] != nil {
				if r.services[c.service.name].counters == c.service.counters {
					c.service = r.services[c.service.name]
				}
			}
		}
		b := c.pick()
		if b == nil {
			return false
		}
		b.inFlight.begin()
		if c.p.routing.Load() == t {
			c.backend = b
			return true
		}
		b.inFlight.end()
	}
}

// giveUp answers a request that no instance answered.
func (c *call) giveUp(q *request, f *failure) {
	if f.parted {
		c.callAgain()
		return
	}
	if err := q.bodyErr.Load(); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](*err); tooLarge {
			c.fail(http.StatusRequestEntityTooLarge)
			return
		}
		c.abandon() // the client did not complete its request
		return
	}
	switch {
	case c.r.Context().Err() != nil:
		c.abandon()
	case f.timeout:
		c.fail(http.StatusGatewayTimeout)
	default:
		c.fail(http.StatusBadGateway)
	}
}
