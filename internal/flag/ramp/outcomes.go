package ramp

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// Outcomes counts what applications report of the variants that they served.
// NewOutcomes makes one. It is safe for concurrent use.
type Outcomes struct {
	boot string

	mu      sync.Mutex
	counts  map[counted]davit.Traffic
	changed chan struct{} // closed after the next report
}

// counted is what a count is of. Reports name flags and variants that exist, which
// bounds how many there are.
type counted struct{ application, environment, key, variant string }

// NewOutcomes returns counts that begin at nothing.
func NewOutcomes() *Outcomes {
	return &Outcomes{boot: rand.Text(), counts: map[counted]davit.Traffic{}, changed: make(chan struct{})}
}

// mostAtOnce bounds what one report can tell of a variant.
const mostAtOnce = 10_000_000

// Report takes in what an application tells of the variants of a flag.
func (o *Outcomes) Report(application, environment string, f *davit.Flag, tallies []davit.FlagTally) error {
	for _, t := range tallies {
		if f.Variant(t.Variant) == nil {
			return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("flag %s has no variant %q", f.Key, t.Variant)}
		}
		if t.Failures < 0 || t.Failures > t.Requests || t.Requests > mostAtOnce {
			return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("%d failures of %d requests cannot be, or are too many for one report", t.Failures, t.Requests)}
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range tallies {
		key := counted{application, environment, f.Key, t.Variant}
		o.counts[key] = o.counts[key].Add(davit.Traffic{
			Requests: t.Requests, Failures: t.Failures, Status: [6]int64{2: t.Requests - t.Failures, 5: t.Failures},
			Sample: davit.Sample{Requests: t.Requests, Failures: t.Failures},
		})
	}
	close(o.changed)
	o.changed = make(chan struct{})
	return nil
}

// of returns the count of a variant.
func (o *Outcomes) of(key counted) davit.Traffic {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts[key]
}

// next returns a channel that is closed after the next report.
func (o *Outcomes) next() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

// figures returns what was reported of some variants, by the releases that they are.
func (o *Outcomes) figures(now time.Time, of map[davit.ReleaseID]counted) davit.Figures {
	f := davit.Figures{Boot: o.boot, At: now.UTC(), Traffic: map[davit.ReleaseID]map[string]davit.Traffic{}}
	for id, key := range of {
		f.Traffic[id] = map[string]davit.Traffic{service: o.of(key)}
	}
	return f
}
