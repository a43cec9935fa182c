package load

import (
	"maps"
	"slices"
	"time"

	"github.com/davit-dev/davit"
)

// Snapshot is what was counted between Start and At.
type Snapshot struct {
	Start time.Time `json:"start"`
	At    time.Time `json:"at"`

	Sent      int64          `json:"sent"`
	Answered  int64          `json:"answered"`  // as expected
	Confirmed int64          `json:"confirmed"` // of these, with the key echoed
	Lost      map[Kind]int64 `json:"lost,omitempty"`

	// LongestGap is the longest time without an answer as expected. One that
	// reaches into the window from before counts whole.
	LongestGap time.Duration `json:"longestGap"`
	// Latency of the answers as expected, from the time the request was due.
	Latency davit.Histogram `json:"latency"`
	// Releases by name; "" is what no release answered.
	Releases map[string]Release `json:"releases"`
	Samples  []Sample           `json:"samples,omitempty"` // the first failures of each kind

	// What the generator itself did not manage.
	Late   int64         `json:"late"`   // sent more than 50 ms after they were due
	Unsent int64         `json:"unsent"` // not sent: too many in flight
	MaxLag time.Duration `json:"maxLag"` // the longest time between due and sent

	gaps, lags peaks
	open       time.Duration // since the last answer as expected
}

// Release is what one release answered.
type Release struct {
	Answered int64 `json:"answered"` // as expected
	Failed   int64 `json:"failed"`
	// The first answer and the first failure after the last mark, and the last
	// ones ever. Zero when there was none.
	First       time.Time `json:"first,omitzero"`
	Last        time.Time `json:"last,omitzero"`
	FirstFailed time.Time `json:"firstFailed,omitzero"`
	LastFailed  time.Time `json:"lastFailed,omitzero"`
}

// Sample is one failure, for people.
type Sample struct {
	At      time.Time `json:"at"`
	Kind    Kind      `json:"kind"`
	Request string    `json:"request"`
	Release string    `json:"release,omitempty"`
	Detail  string    `json:"detail"`
}

// TotalLost returns the number of requests lost, of all kinds.
func (s Snapshot) TotalLost() int64 {
	var n int64
	for _, count := range s.Lost {
		n += count
	}
	return n
}

// Behind reports whether the generator did not keep its rate, so that the
// figures say as much about it as about the target.
func (s Snapshot) Behind() bool { return s.Unsent > 0 || s.Late*100 > s.Sent }

// Since returns what was counted after the earlier snapshot of the same
// generator. A request is counted when it is sent and, when its answer comes,
// as answered or lost; so one that was in flight may fall into two windows.
func (s Snapshot) Since(earlier Snapshot) Snapshot {
	s.Start = earlier.At
	s.Sent -= earlier.Sent
	s.Answered -= earlier.Answered
	s.Confirmed -= earlier.Confirmed
	s.Late -= earlier.Late
	s.Unsent -= earlier.Unsent
	for i := range s.Latency {
		s.Latency[i] -= earlier.Latency[i]
	}
	s.Lost = maps.Clone(s.Lost)
	for kind, before := range earlier.Lost {
		if s.Lost[kind] -= before; s.Lost[kind] == 0 {
			delete(s.Lost, kind)
		}
	}
	s.Releases = maps.Clone(s.Releases)
	for name, before := range earlier.Releases {
		release := s.Releases[name]
		release.Answered -= before.Answered
		release.Failed -= before.Failed
		s.Releases[name] = release
	}
	s.Samples = slices.DeleteFunc(slices.Clone(s.Samples), func(e Sample) bool { return !e.At.After(earlier.At) })
	s.measure(earlier.At)
	return s
}

// measure computes what is no difference of counts, for the time after from.
func (s *Snapshot) measure(from time.Time) {
	s.LongestGap = max(s.gaps.after(from), s.open)
	s.MaxLag = s.lags.after(from)
}

func (r *Release) count(done result) {
	if r.First.IsZero() {
		r.First = done.at
	}
	r.Last = done.at
	if done.kind == "" {
		r.Answered++
		return
	}
	r.Failed++
	if r.FirstFailed.IsZero() {
		r.FirstFailed = done.at
	}
	r.LastFailed = done.at
}
