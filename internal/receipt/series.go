package receipt

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
)

// maxSamples bounds a series: at more, its points are put together in pairs. One
// of two releases takes about 30 kB of JSON then.
const maxSamples = 600

// Series is what was sampled while a rollout went on, in columns: the i-th of
// each is of one point.
type Series struct {
	Start time.Time `json:"start"` // for people
	// Interval is the length of a point. At is each point's end, in
	// milliseconds after Start by the monotonic clock: a server that was away
	// leaves a gap.
	Interval davit.Duration                   `json:"interval"`
	At       []int64                          `json:"at"`
	Releases map[davit.ReleaseID]*Measurement `json:"releases"`
}

// Measurement is the part of a release.
type Measurement struct {
	Share    []int   `json:"share"`    // of the traffic, in thousandths
	Requests []int64 `json:"requests"` // in the point's time
	Failures []int64 `json:"failures"`
	P50      []int64 `json:"p50"` // in microseconds; 0 without requests
	P99      []int64 `json:"p99"`
	Ready    []int   `json:"ready"` // instances
	Running  []int   `json:"running"`
}

// Sample is one point of a release.
type Sample struct {
	Share          int
	Traffic        davit.Traffic // in the point's time
	Ready, Running int
}

// NewSeries returns an empty series.
func NewSeries(start time.Time, interval time.Duration) *Series {
	return &Series{Start: start.UTC(), Interval: davit.Duration(interval), At: []int64{}, Releases: map[davit.ReleaseID]*Measurement{}}
}

// ParseSeries reads a stored series.
func ParseSeries(doc []byte) (*Series, error) {
	s := NewSeries(time.Time{}, 0)
	if err := json.Unmarshal(doc, s); err != nil {
		return nil, fmt.Errorf("reading the samples: %w", err)
	}
	for id, m := range s.Releases {
		n := len(s.At)
		if m == nil || len(m.Share) != n || len(m.Requests) != n || len(m.Failures) != n || len(m.P50) != n || len(m.P99) != n ||
			len(m.Ready) != n || len(m.Running) != n {
			return nil, fmt.Errorf("reading the samples: those of %s are not %d", id, n)
		}
	}
	return s, nil
}

// Add adds what was sampled until a time after Start: a point of its own, or a
// part of the last one while that is shorter than the series' interval.
func (s *Series) Add(at time.Duration, samples map[davit.ReleaseID]Sample) {
	if len(s.At) >= maxSamples {
		s.halve()
	}
	for id := range samples {
		if s.Releases[id] == nil {
			s.Releases[id] = newMeasurement(len(s.At))
		}
	}
	together := s.belongs(at)
	s.At = append(s.At, at.Milliseconds())
	for id, m := range s.Releases {
		m.add(samples[id])
	}
	if together {
		s.fold(len(s.At) - 2)
	}
}

// belongs reports whether what ends at a time is a part of the last point.
func (s *Series) belongs(at time.Duration) bool {
	n := len(s.At)
	if n == 0 {
		return false
	}
	began := int64(0)
	if n > 1 {
		began = s.At[n-2]
	}
	return at.Milliseconds()-began <= s.Interval.D().Milliseconds()*5/4 // timers are late
}

func newMeasurement(n int) *Measurement {
	return &Measurement{
		Share: make([]int, n), Requests: make([]int64, n), Failures: make([]int64, n), P50: make([]int64, n), P99: make([]int64, n),
		Ready: make([]int, n), Running: make([]int, n),
	}
}

func (m *Measurement) add(p Sample) {
	m.Share = append(m.Share, p.Share)
	m.Requests = append(m.Requests, p.Traffic.Requests)
	m.Failures = append(m.Failures, p.Traffic.Failures)
	m.P50 = append(m.P50, p.Traffic.Latency.Quantile(0.5).Microseconds())
	m.P99 = append(m.P99, p.Traffic.Latency.Quantile(0.99).Microseconds())
	m.Ready = append(m.Ready, p.Ready)
	m.Running = append(m.Running, p.Running)
}

// halve puts all points together in pairs.
func (s *Series) halve() {
	s.Interval *= 2
	s.fold(0)
}

// fold puts the points from an index on together in pairs; an odd one stays.
// Counts are summed, what is a state is the later one's, and of quantiles the
// worse one stays.
func (s *Series) fold(from int) {
	sum := func(a, b int64) int64 { return a + b }
	worse := func(a, b int64) int64 { return max(a, b) }
	s.At = pairs(s.At, from, later)
	for _, m := range s.Releases {
		m.Share, m.Ready, m.Running = pairs(m.Share, from, later), pairs(m.Ready, from, later), pairs(m.Running, from, later)
		m.Requests, m.Failures = pairs(m.Requests, from, sum), pairs(m.Failures, from, sum)
		m.P50, m.P99 = pairs(m.P50, from, worse), pairs(m.P99, from, worse)
	}
}

func later[T any](_, b T) T { return b }

// pairs puts the elements of a list from an index on together in pairs.
func pairs[T any](list []T, from int, together func(a, b T) T) []T {
	half := list[:from]
	for i := from; i < len(list); i += 2 {
		if i+1 < len(list) {
			half = append(half, together(list[i], list[i+1]))
		} else {
			half = append(half, list[i])
		}
	}
	return half
}

// Holds reports whether a verdict of the statement rests on this evidence, given
// as the journal has it.
func (s Statement) Holds(evidence json.RawMessage) bool {
	of := digest(evidence)
	for _, at := range s.Predicate.Stages {
		for _, v := range at.Verdicts {
			if v.Evidence != nil && *v.Evidence == *of {
				return true
			}
		}
	}
	return false
}

// SeriesOf reads the samples of a statement's rollout. They must be those that
// the statement holds the digest of.
func (s Statement) SeriesOf(doc []byte) (*Series, error) {
	if s.Predicate.Samples == nil || *digest(doc) != *s.Predicate.Samples {
		return nil, fmt.Errorf("the samples are not those of the receipt of rollout %s", s.Predicate.Rollout.ID)
	}
	return ParseSeries(doc)
}
