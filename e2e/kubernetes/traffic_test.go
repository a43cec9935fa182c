//go:build e2e && linux

package kubernetes

import (
	"github.com/davit-dev/davit/e2e/rig"
)

// traffic is load on the front door.
type traffic struct {
	*rig.Traffic
	place *place
}

// begin starts traffic to the place's host at a rate of requests a second.
func (p *place) begin(rate float64) *traffic {
	p.Helper()
	t, err := p.front().Begin(p.Context(), p.Space.Host(), rate, p.Space.Name)
	p.must(err)
	p.Cleanup(t.End)
	return &traffic{t, p}
}

// settle waits until n more requests were answered or lost.
func (t *traffic) settle(n int64) {
	t.place.Helper()
	t.place.must(t.Settle(t.place.Context(), n))
}

// lossless ends the traffic, and wants nothing to have been lost.
func (t *traffic) lossless() {
	t.place.Helper()
	t.End()
	s := t.Snapshot()
	if s.TotalLost() > 0 {
		t.place.Errorf("lost %d of %d requests: %v %+v", s.TotalLost(), s.Sent, s.Lost, s.Samples)
	}
	t.place.Logf("%d requests, %d lost, longest gap %s, p99 %s", s.Sent, s.TotalLost(), ms(s.LongestGap), ms(s.Latency.Quantile(0.99)))
}
