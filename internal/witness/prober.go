package witness

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// Options say what is probed.
type Options struct {
	davit.Witness // Host and Path are not ""
	// Address of the front door, host:port.
	Address string
	TLS     bool
	// Serving says that something serves already, so that every failure
	// counts. Otherwise counting begins with the first answer.
	Serving bool
	// Earlier is what an earlier server measured of the same rollout; nil when
	// it has just begun.
	Earlier *davit.Measured
}

// Prober probes one front door. Its methods are safe for concurrent use.
type Prober struct {
	options  Options
	interval time.Duration
	requests []request // sent in turn
	door     *door

	mu      sync.Mutex
	start   time.Time // with the monotonic clock's reading; zero before Run
	tally   tally
	earlier davit.Measured
	ended   time.Duration // when Run returned; 0 before
}

// New returns a prober that sends nothing before Run.
func New(o Options) (*Prober, error) {
	if o.Rate <= 0 || o.Rate > MaxRate || o.Timeout <= 0 {
		return nil, fmt.Errorf("a witness of %v probes a second with a time-out of %s: want a rate up to %d and a time-out", o.Rate, o.Timeout, MaxRate)
	}
	requests, err := requestsOf(o)
	if err != nil {
		return nil, err
	}
	p := &Prober{options: o, requests: requests, interval: time.Duration(float64(time.Second) / o.Rate), door: newDoor(o)}
	p.tally = tally{interval: p.interval, serving: o.Serving}
	if o.Earlier != nil {
		p.earlier = *o.Earlier
		p.tally.serving = o.Serving || o.Earlier.Probes > 0
		p.tally.figures = *o.Earlier
		p.tally.figures.Failures = maps.Clone(o.Earlier.Failures)
	}
	p.tally.figures.Interval = davit.Duration(p.interval)
	return p, nil
}

// MaxRate is the highest rate of a witness, in probes a second.
const MaxRate = 1000

// result is what became of a probe; kind is "" when it was answered.
type result struct {
	due, sent, arrived time.Duration
	kind               string
}

// Run probes until ctx ends, and returns when every probe was answered or has
// failed. It is called once.
func (p *Prober) Run(ctx context.Context) {
	p.begin()
	defer p.door.close()
	working := context.WithoutCancel(ctx) // a probe that was sent is not given up
	results := make(chan result)
	timer := time.NewTimer(0)
	defer timer.Stop()
	pending := 0
	for next := int64(0); ctx.Err() == nil; {
		var r *result
		select {
		case <-ctx.Done():
			continue
		case <-timer.C:
		case got := <-results:
			r = &got
			pending--
		}
		// First what is due: it shows whether the witness was starved, which
		// what a result means depends on.
		now := time.Since(p.start)
		if due := int64(now / p.interval); due >= next {
			p.due(next, due, now)
			pending++
			go func() { results <- p.probe(working, due) }()
			next = due + 1
		}
		if r != nil {
			p.record(*r)
		}
		timer.Reset(time.Duration(next)*p.interval - time.Since(p.start))
	}
	for ; pending > 0; pending-- {
		p.record(<-results)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = time.Since(p.start)
}

// begin starts the clock. The time since an earlier server's last figures was
// nobody's to watch.
func (p *Prober) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start = time.Now()
	f := &p.tally.figures
	if p.options.Earlier == nil {
		f.From = p.start.UTC()
		return
	}
	f.Holes++
	f.Unwatched += davit.Duration(max(p.start.Sub(p.earlier.Until), 0))
}

// due notes that the probes next to last were due, of which the last is sent
// now.
func (p *Prober) due(next, last int64, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first, due := time.Duration(next)*p.interval, time.Duration(last)*p.interval
	if now-first > p.interval/2 {
		p.tally.late(first, now, last-next)
	}
	p.tally.sent(due)
}

// probe sends the probe of that number.
func (p *Prober) probe(ctx context.Context, number int64) result {
	r := result{due: time.Duration(number) * p.interval, sent: time.Since(p.start)}
	// New and kept connections in turn, and for each of them every request.
	fresh := number%2 == 0
	request := p.requests[number/2%int64(len(p.requests))]
	ctx, cancel := context.WithTimeout(ctx, p.options.Timeout.D())
	defer cancel()
	r.kind = p.door.ask(ctx, request, fresh)
	r.arrived = time.Since(p.start)
	return r
}

func (p *Prober) record(r result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.kind != "" {
		p.tally.failure(r.due, r.kind)
		return
	}
	p.tally.answer(r.arrived, r.arrived-r.sent)
}

// Measured returns the figures up to now. They are Complete when Run has
// returned.
func (p *Prober) Measured() davit.Measured {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.start.IsZero() {
		m := p.tally.figures
		return m
	}
	now := p.ended
	if now == 0 {
		now = time.Since(p.start)
	}
	m := p.tally.measured(now)
	m.Failures = maps.Clone(m.Failures)
	m.Until, m.Complete = p.start.Add(now).UTC().Round(0), p.ended > 0
	m.From = m.From.Round(0)
	return m
}
