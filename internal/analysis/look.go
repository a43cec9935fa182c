package analysis

import (
	"fmt"
	"slices"
	"time"
)

// Look is what was counted of both releases until a time.
type Look struct {
	At time.Time `json:"at"`
	// Epoch tells one life of the counters from another, when their source
	// knows: counts of different epochs are not subtracted.
	Epoch     string `json:"epoch,omitempty"`
	Stable    Counts `json:"stable"`
	Candidate Counts `json:"candidate"`
}

// Counts are cumulative counts of one release.
type Counts struct {
	Requests int64 `json:"requests"`
	// Events counts, for each metric in their order, the requests on which it
	// happened.
	Events []int64 `json:"events"`
}

// check returns what is wrong with the counts for a number of metrics.
func (c Counts) check(metrics int) error {
	if len(c.Events) != metrics {
		return fmt.Errorf("%d metrics are counted, want %d", len(c.Events), metrics)
	}
	if c.Requests < 0 {
		return fmt.Errorf("%d requests are counted", c.Requests)
	}
	for _, n := range c.Events {
		if n < 0 {
			return fmt.Errorf("%d events are counted", n)
		}
	}
	return nil
}

// follows reports whether counts only grew since the earlier o. They fall when
// instances that were counted have gone.
func (c Counts) follows(o Counts) bool {
	ok := c.Requests >= o.Requests
	for i := range c.Events {
		ok = ok && c.Events[i] >= o.Events[i]
	}
	return ok
}

// since returns what was added to the earlier o, for one metric. An event may be
// counted a little before its request.
func (c Counts) since(o Counts, metric int) tally {
	n := c.Requests - o.Requests
	return tally{n, min(c.Events[metric]-o.Events[metric], n)}
}

// add adds what came after the earlier from until the later to.
func (c *Counts) add(from, to Counts) {
	c.Requests += to.Requests - from.Requests
	for i := range c.Events {
		c.Events[i] += to.since(from, i).events
	}
}

// set makes c a copy of o.
func (c *Counts) set(o Counts) {
	c.Requests = o.Requests
	c.Events = append(c.Events[:0], o.Events...)
}

func (c Counts) clone() Counts {
	c.Events = slices.Clone(c.Events)
	return c
}
