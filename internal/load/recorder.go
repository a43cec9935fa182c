package load

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Kind is the way in which a request was lost.
type Kind string

// The kinds of loss.
const (
	Dial        Kind = "dial"         // no connection
	Reset       Kind = "reset"        // the connection ended before the whole answer
	Timeout     Kind = "timeout"      // no whole answer in time
	ServerError Kind = "server error" // a status of 500 or above
	Status      Kind = "status"       // another status that is no success
	Body        Kind = "body"         // not the body that was expected, or of another request
)

const (
	// maxSamples is how many failures of each kind are kept as samples.
	maxSamples = 10
	// lateAfter is the lag from which on a request was sent late.
	lateAfter = 50 * time.Millisecond
)

// result is what became of a request.
type result struct {
	kind    Kind // "" when it was answered as expected
	detail  error
	release string
	at      time.Time
	latency time.Duration
}

// recorder counts.
type recorder struct {
	mu          sync.Mutex
	counts      Snapshot // the counters; the rest is computed for each snapshot
	gaps, lags  peaks
	lastSuccess time.Time // or the beginning
	ended       time.Time
	numbers     int64  // given to requests so far
	confirmed   bitset // those of the keyed requests that were answered as expected
}

func newRecorder() *recorder {
	return &recorder{counts: Snapshot{Lost: map[Kind]int64{}, Releases: map[string]Release{}}}
}

func (r *recorder) begin(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Start, r.lastSuccess = at, at
}

func (r *recorder) end(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = at
}

func (r *recorder) unsent() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.numbers++
	r.counts.Unsent++
}

func (r *recorder) sent(at time.Time, lag time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.numbers++
	r.counts.Sent++
	r.lags.add(at, lag)
	if lag > lateAfter {
		r.counts.Late++
	}
}

func (r *recorder) record(j job, done result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	release := r.counts.Releases[done.release]
	release.count(done)
	r.counts.Releases[done.release] = release
	if done.kind != "" {
		r.counts.Lost[done.kind]++
		if r.counts.Lost[done.kind] <= maxSamples {
			r.counts.Samples = append(r.counts.Samples, Sample{
				At: done.at, Kind: done.kind, Request: j.request.method + " " + j.request.path,
				Release: done.release, Detail: done.detail.Error(),
			})
		}
		return
	}
	r.counts.Answered++
	r.counts.Latency.Observe(done.latency)
	if done.at.After(r.lastSuccess) { // answers may be recorded out of order
		r.gaps.add(done.at, done.at.Sub(r.lastSuccess))
		r.lastSuccess = done.at
	}
	if j.request.keyed() {
		r.confirmed.set(j.number)
		r.counts.Confirmed++
	}
}

func (r *recorder) snapshot(mark bool) Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.counts
	s.At = time.Now()
	if !r.ended.IsZero() {
		s.At = r.ended
	}
	s.Lost, s.Releases, s.Samples = maps.Clone(s.Lost), maps.Clone(s.Releases), slices.Clone(s.Samples)
	s.gaps, s.lags = slices.Clone(r.gaps), slices.Clone(r.lags)
	if !s.Start.IsZero() {
		s.open = max(s.At.Sub(r.lastSuccess), 0)
	}
	s.measure(s.Start)
	if mark {
		for name, release := range r.counts.Releases {
			release.First, release.FirstFailed = time.Time{}, time.Time{}
			r.counts.Releases[name] = release
		}
	}
	return s
}
