package proxy

import (
	"sync/atomic"
	"time"

	"github.com/davit-dev/davit"
)

// counters count the requests to one service of one release. They live as long
// as the release is in a table, through any number of tables.
type counters struct {
	inFlight gauge
	status   [6]atomic.Int64
	failures atomic.Int64 // beside 5xx
	latency  [len(davit.Histogram{})]atomic.Int64
	spent    atomic.Int64 // sum of the latencies, in nanoseconds
	sample   sampler

	gone bool // left the table; guarded by registry.mu
}

// answered counts an answer with the given status, whose header was written
// after d.
func (c *counters) answered(status int, d time.Duration) {
	c.status[min(max(status/100, 0), 5)].Add(1)
	c.latency[davit.Bucket(d)].Add(1)
	c.spent.Add(int64(d))
}

// abandoned counts a request whose client went before it was answered.
func (c *counters) abandoned() { c.status[0].Add(1) }

// broke counts an answer that began well and was not completed by the instance.
func (c *counters) broke() { c.failures.Add(1) }

// snapshot returns the counts. A request is counted once its answer's header
// was written.
func (c *counters) snapshot() davit.Traffic {
	var t davit.Traffic
	for i := range c.latency {
		t.Latency[i] = c.latency[i].Load()
	}
	for i := range c.status {
		t.Status[i] = c.status[i].Load()
		t.Requests += t.Status[i]
	}
	t.Failures = t.Status[5] + c.failures.Load()
	t.InFlight = c.inFlight.value()
	t.Sample = c.sample.snapshot()
	return t
}
