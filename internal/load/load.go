// Package load sends requests to a front door at a fixed rate and counts what
// becomes of each: the traffic and the witness of demos and benchmarks.
//
// Arrival is open-loop: a request is due at its time whether or not the ones
// before it were answered, and its latency counts from then, so that a server
// that stalls cannot hide it by slowing its clients down. When the generator
// itself falls behind, it says so.
package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what is sent.
type Options struct {
	// Target is the front door: "http://host:port".
	Target string
	// Rate is in requests a second.
	Rate float64
	// Mix is the kinds of request, at least one.
	Mix []Request
	// Fresh is the share of requests, 0 to 1, that are sent on a new
	// connection which is closed afterwards; the others reuse kept ones.
	Fresh float64
	// Users is how many users with cookies of their own there are, and Known
	// the share of requests, 0 to 1, that one of them sends; the others carry
	// no cookie.
	Users int
	Known float64
	// Timeout bounds a request from its sending to the last byte of its
	// answer; 5 s when it is 0.
	Timeout time.Duration
	// InFlight bounds the requests at the same time; 4096 when it is 0. What
	// would exceed it is not sent and counts as Unsent.
	InFlight int
	// ReleaseHeader is the response header that names the release.
	ReleaseHeader string
	// Prefix starts the key of every request; letters, digits and -.
	Prefix string
	// Seed makes the order of the requests reproducible.
	Seed uint64
	// Dial opens a connection to the target; nil dials TCP.
	Dial func(ctx context.Context) (net.Conn, error)
}

// Request is a kind of request. {key} stands for a key that no other request
// of the generator has.
type Request struct {
	Method string
	Path   string
	Body   string // with {key}; "" sends none
	Expect string // with {key}; what the answer's body has somewhere, "" anything
	Weight int    // how often, relative to the others
}

const (
	defaultTimeout  = 5 * time.Second
	defaultInFlight = 4096
	// tick is how often the generator looks for requests that are due.
	tick = time.Millisecond
)

// Generator sends requests. Its methods are safe for concurrent use.
type Generator struct {
	options  Options
	requests []prepared
	weights  int
	users    []user
	kept     pool
	recorder *recorder
	inFlight atomic.Int64
}

// New returns a generator, or an error that says what is wrong with the
// options.
func New(o Options) (*Generator, error) {
	target, err := url.Parse(o.Target)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the target of the load: %w", err)
	case target.Scheme != "http" || target.Port() == "":
		return nil, fmt.Errorf("the target of the load is %q, want http://host:port", o.Target)
	case o.Rate <= 0 || o.Rate > 1e6:
		return nil, fmt.Errorf("the rate of the load is %v requests a second, want more than 0 and at most a million", o.Rate)
	case o.Fresh < 0 || o.Fresh > 1 || o.Known < 0 || o.Known > 1:
		return nil, errors.New("the shares of fresh connections and known users are 0 to 1")
	case o.Known > 0 && o.Users < 1:
		return nil, errors.New("requests of known users need users")
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.InFlight <= 0 {
		o.InFlight = defaultInFlight
	}
	if o.Dial == nil {
		dialer := &net.Dialer{}
		o.Dial = func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", target.Host) }
	}
	g := &Generator{options: o, users: make([]user, o.Users), recorder: newRecorder()}
	for _, r := range o.Mix {
		if r.Weight < 0 {
			return nil, fmt.Errorf("the weight of %s %s is %d", r.Method, r.Path, r.Weight)
		}
		g.requests = append(g.requests, prepare(r, target.Host))
		g.weights += r.Weight
	}
	if g.weights == 0 {
		return nil, errors.New("the load has no kind of request with a weight")
	}
	return g, nil
}

// Run sends requests until ctx ends, and returns when all of them have been
// answered or given up. It is called once.
func (g *Generator) Run(ctx context.Context) {
	var requests sync.WaitGroup
	random := rand.New(rand.NewPCG(g.options.Seed, 0)) //nolint:gosec // mixes requests, guards nothing
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	start := time.Now()
	g.recorder.begin(start)
	// Requests outlive ctx, so that none is counted as lost because the
	// generator was told to stop.
	working := context.WithoutCancel(ctx)
	for next := int64(0); ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
		for due := int64(time.Since(start).Seconds() * g.options.Rate); next <= due; next++ {
			j := g.job(random, next)
			j.due = start.Add(time.Duration(float64(next) / g.options.Rate * float64(time.Second)))
			if g.inFlight.Load() >= int64(g.options.InFlight) {
				g.recorder.unsent()
				continue
			}
			g.inFlight.Add(1)
			requests.Go(func() {
				defer g.inFlight.Add(-1)
				g.do(working, j)
			})
		}
	}
	requests.Wait()
	g.recorder.end(time.Now())
	g.kept.close()
}

// job is one request to be sent.
type job struct {
	number  int64
	request *prepared
	fresh   bool
	user    *user // nil: no cookie
	due     time.Time
}

func (g *Generator) job(random *rand.Rand, number int64) job {
	j := job{number: number, fresh: random.Float64() < g.options.Fresh}
	pick := random.IntN(g.weights)
	for i := range g.requests {
		if pick -= g.requests[i].weight; pick < 0 {
			j.request = &g.requests[i]
			break
		}
	}
	if random.Float64() < g.options.Known {
		j.user = &g.users[random.IntN(len(g.users))]
	}
	return j
}

// do sends one request and records what became of it.
func (g *Generator) do(ctx context.Context, j job) {
	sent := time.Now()
	g.recorder.sent(sent, sent.Sub(j.due))
	result := g.exchange(ctx, j, sent.Add(g.options.Timeout))
	result.at = time.Now()
	result.latency = result.at.Sub(j.due)
	g.recorder.record(j, result)
}

// Snapshot returns the counts up to now.
func (g *Generator) Snapshot() Snapshot { return g.recorder.snapshot(false) }

// Mark returns the counts up to now, and begins a new window: the First and
// FirstFailed of releases are those after it.
func (g *Generator) Mark() Snapshot { return g.recorder.snapshot(true) }
