package analysis

import (
	"math"
	"slices"
	"time"
)

// Evidence is what a verdict rests on, as it is recorded.
type Evidence struct {
	Options   Options   `json:"options"`
	Since     time.Time `json:"since"` // the stage's begin
	At        time.Time `json:"at"`    // the last look
	Threshold float64   `json:"threshold"`
	Metrics   []Measure `json:"metrics"` // as in Options
	// Path is how the evidence came about, thinned to a bounded number of
	// points; the first is where the stage began to count.
	Path []Point `json:"path"`
}

// Measure is what a comparison says of one metric.
type Measure struct {
	Name string `json:"name"`
	// E is the e-value for harm: how many times the money of one who bet
	// fairly, from the start of the rollout, that the candidate is worse.
	E         float64 `json:"e"`
	Candidate Rate    `json:"candidate"`
	Stable    Rate    `json:"stable"`
	// Difference is a confidence sequence for the candidate's rate less
	// stable's, each end of level 1 - PassAlpha.
	Difference Interval `json:"difference"`
}

// Rate is a rate of events and its confidence sequence.
type Rate struct {
	Requests int64   `json:"requests"`
	Events   int64   `json:"events"`
	Rate     float64 `json:"rate"`
	Interval
}

// Point is a place on the path of the evidence. Its counts are the stage's.
type Point struct {
	At        time.Time `json:"at"`
	Candidate Counts    `json:"candidate"`
	Stable    Counts    `json:"stable"`
	E         []float64 `json:"e"` // by metric
}

// Evidence returns what the looks so far amount to.
func (c *Comparison) Evidence() Evidence {
	e := Evidence{Options: c.options, Since: c.from, At: c.at, Threshold: c.options.threshold(), Path: c.path.upTo(c.point())}
	for i, m := range c.options.Metrics {
		e.Metrics = append(e.Metrics, Measure{
			Name: m.Name, E: evalue(c.harms[i].log),
			Candidate: c.rate(c.canary, i), Stable: c.rate(c.stable, i), Difference: c.difference(i),
		})
	}
	return e
}

func (c *Comparison) rate(counts Counts, metric int) Rate {
	r := Rate{Requests: counts.Requests, Events: counts.Events[metric], Interval: c.interval(counts, metric)}
	if r.Requests > 0 {
		r.Rate = float64(r.Events) / float64(r.Requests)
	}
	return r
}

func (c *Comparison) point() Point {
	p := Point{At: c.at, Candidate: c.canary.clone(), Stable: c.stable.clone()}
	for _, h := range c.harms {
		p.E = append(p.E, evalue(h.log))
	}
	return p
}

// evalue returns an e-value as a number that JSON can hold.
func evalue(log float64) float64 { return math.Exp(min(log, 690)) }

// mostPoints bounds a path.
const mostPoints = 100

// path keeps points that are spread over any number of looks: when there are too
// many, every second one goes, and from then on half as many come.
type path struct {
	points []Point
	every  int // of how many looks one is kept
	skip   int // looks until the next one that is
}

// wants reports whether this look's point is to be added.
func (p *path) wants() bool {
	if p.skip > 0 {
		p.skip--
		return false
	}
	return true
}

func (p *path) add(q Point) {
	p.every = max(p.every, 1)
	if p.points = append(p.points, q); len(p.points) == mostPoints {
		kept := p.points[:0]
		for i := 0; i < len(p.points); i += 2 {
			kept = append(kept, p.points[i])
		}
		p.points, p.every = kept, 2*p.every
	}
	p.skip = p.every - 1
}

// upTo returns the points and the last look's.
func (p *path) upTo(last Point) []Point {
	points := slices.Clone(p.points)
	if n := len(points); n == 0 || points[n-1].At.Before(last.At) {
		points = append(points, last)
	}
	return points
}
