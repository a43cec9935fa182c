package davit

import (
	"math/bits"
	"time"
)

// Figures are a router's own counts, cumulative since the router started.
type Figures struct {
	// Boot tells one life of the router from another: counts of different
	// boots must not be subtracted.
	Boot string    `json:"boot"`
	At   time.Time `json:"at"`
	// Traffic by release and service.
	Traffic map[ReleaseID]map[string]Traffic `json:"traffic"`
}

// Release returns the traffic of all services of a release together.
func (f Figures) Release(id ReleaseID) Traffic {
	var sum Traffic
	for _, t := range f.Traffic[id] {
		sum = sum.Add(t)
	}
	return sum
}

// Traffic counts requests to one release or service. The zero value is none.
type Traffic struct {
	Requests int64     `json:"requests"` // answered, or given up
	Status   [6]int64  `json:"status"`   // by class: Status[5] is 5xx; Status[0] has no status (connection failed or client gone)
	Failures int64     `json:"failures"` // what a user would call an error: 5xx, or no answer though the client waited
	InFlight int64     `json:"inFlight"`
	Latency  Histogram `json:"latency"` // from the request's header read to the answer's header written
	Sample   Sample    `json:"sample,omitzero"`
}

// Sample counts a part of the traffic that releases can be compared by: of the
// requests that the split dealt to a release, and nobody chose it for, at most
// one of a user in a second, and for a while none of a user whose request failed.
// So neither a burst of one user nor one who tries again and again counts many
// times over, and requests count in the same units as failures. Which one counts
// is settled before it is answered. Those that were given up are left out.
type Sample struct {
	Requests int64     `json:"requests"`
	Failures int64     `json:"failures"`
	Latency  Histogram `json:"latency"`
}

// Add returns the sum of both.
func (s Sample) Add(o Sample) Sample {
	s.Requests += o.Requests
	s.Failures += o.Failures
	for i := range s.Latency {
		s.Latency[i] += o.Latency[i]
	}
	return s
}

// Since returns what came after the earlier counts o.
func (s Sample) Since(o Sample) Sample {
	s.Requests -= o.Requests
	s.Failures -= o.Failures
	for i := range s.Latency {
		s.Latency[i] -= o.Latency[i]
	}
	return s
}

// Add returns the sum of both.
func (t Traffic) Add(o Traffic) Traffic {
	t.Requests += o.Requests
	for i := range t.Status {
		t.Status[i] += o.Status[i]
	}
	t.Failures += o.Failures
	t.InFlight += o.InFlight
	for i := range t.Latency {
		t.Latency[i] += o.Latency[i]
	}
	t.Sample = t.Sample.Add(o.Sample)
	return t
}

// Since returns what came after the earlier counts o. InFlight stays as in t.
func (t Traffic) Since(o Traffic) Traffic {
	t.Requests -= o.Requests
	for i := range t.Status {
		t.Status[i] -= o.Status[i]
	}
	t.Failures -= o.Failures
	for i := range t.Latency {
		t.Latency[i] -= o.Latency[i]
	}
	t.Sample = t.Sample.Since(o.Sample)
	return t
}

// Histogram counts durations in buckets of bounded relative width: each power
// of two of microseconds is cut into 4, so that a quantile is off by at most
// 25 % (one bucket). Its memory is fixed. The last bucket holds all from about
// 67 s on.
type Histogram [histogramBuckets]int64

const (
	histogramCut     = 4   // buckets a power of two
	histogramBuckets = 104 // up to 2^26 microseconds
)

// Observe counts d.
func (h *Histogram) Observe(d time.Duration) { h[Bucket(d)]++ }

// Bucket returns the index of the bucket that counts d.
func Bucket(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < histogramCut {
		return int(us)
	}
	power := bits.Len64(us) - 1                                           // us in [2^power, 2^(power+1))
	index := (power-1)*histogramCut + int(us>>(power-2))&(histogramCut-1) //nolint:gosec // two bits
	return min(index, histogramBuckets-1)
}

// BucketLimit returns the upper limit of the bucket: it counts durations below.
func BucketLimit(index int) time.Duration {
	if index < histogramCut {
		return time.Duration(index+1) * time.Microsecond
	}
	power := index/histogramCut + 1
	cut := index % histogramCut
	return time.Duration(histogramCut+cut+1) << (power - 2) * time.Microsecond
}

// Count returns the number of observations.
func (h *Histogram) Count() int64 {
	var n int64
	for _, c := range h {
		n += c
	}
	return n
}

// Quantile returns an upper bound, off by at most one bucket, of the q-quantile
// (0 < q <= 1); 0 when nothing was observed.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := h.Count()
	if total == 0 {
		return 0
	}
	rank := int64(q * float64(total))
	if float64(rank) < q*float64(total) {
		rank++
	}
	var seen int64
	for i, c := range h {
		if seen += c; seen >= max(rank, 1) {
			return BucketLimit(i)
		}
	}
	return BucketLimit(histogramBuckets - 1)
}
