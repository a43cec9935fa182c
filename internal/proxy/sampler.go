package proxy

import (
	"sync/atomic"
	"time"

	"github.com/davit-dev/davit"
)

// muted is for how long users at a position are not sampled after a failure.
// Whoever asks again and again until it works, or never does, is one
// disappointed user and not many.
const muted = time.Minute

// sampler counts the requests that davit.Sample describes: of those that the
// split placed, at most one of a position in a second, chosen before anybody
// knows how it ends. A position is what is dealt to a release, so it is what
// counts as one. The zero value has sampled nothing; its memory is taken when the
// first request is placed.
type sampler struct {
	free     atomic.Pointer[[circle]atomic.Uint32] // Unix second from which a position is sampled again
	requests atomic.Int64
	failures atomic.Int64
	latency  [len(davit.Histogram{})]atomic.Int64
}

// takes reports whether a request by a user at p is one to count.
func (s *sampler) takes(p position, at time.Time) bool {
	free := s.free.Load()
	if free == nil {
		s.free.CompareAndSwap(nil, new([circle]atomic.Uint32))
		free = s.free.Load()
	}
	second := unixSecond(at)
	until := free[p].Load()
	return second >= until && free[p].CompareAndSwap(until, second+1)
}

// answered counts a request that takes chose, after d, unless the position was
// muted meanwhile. It reports whether it did.
func (s *sampler) answered(p position, at time.Time, status int, d time.Duration) bool {
	free := s.free.Load()
	// Beyond the next second only a failure reserves a position.
	if free[p].Load() > unixSecond(at)+1 {
		return false
	}
	s.latency[davit.Bucket(d)].Add(1)
	s.requests.Add(1)
	if status >= 500 {
		s.failed(p, at)
	}
	return true
}

// failed counts a request that was counted as answered for a failure.
func (s *sampler) failed(p position, at time.Time) {
	s.free.Load()[p].Store(unixSecond(at.Add(muted)))
	s.failures.Add(1)
}

func (s *sampler) snapshot() davit.Sample {
	// Failures first, so that there are never more than requests.
	sample := davit.Sample{Failures: s.failures.Load()}
	sample.Requests = s.requests.Load()
	for i := range s.latency {
		sample.Latency[i] = s.latency[i].Load()
	}
	return sample
}

func unixSecond(t time.Time) uint32 { return uint32(t.Unix()) } //nolint:gosec // until 2106
