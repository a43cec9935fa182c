package analysis

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/davit-dev/davit"
)

// Comparison compares the candidate of one rollout with stable. It is not safe
// for concurrent use.
type Comparison struct {
	options Options
	limit   float64 // logarithm of the threshold
	harms   []*harm // by metric
	base    Look    // the last one
	based   bool    // there was one
	from    time.Time
	at      time.Time // of the last look
	stable  Counts    // of this stage
	canary  Counts
	path    path
}

// New returns a comparison, or an error that says what is wrong with the options.
func New(o Options) (*Comparison, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	c := &Comparison{options: o, limit: math.Log(o.threshold())}
	for range o.Metrics {
		c.harms = append(c.harms, newHarm())
	}
	c.clear()
	return c, nil
}

func (c *Comparison) clear() {
	c.stable = Counts{Events: make([]int64, len(c.options.Metrics))}
	c.canary = Counts{Events: make([]int64, len(c.options.Metrics))}
	c.path = path{}
}

// Stage begins a stage at a time: what lets it pass is counted from here, and
// what speaks for harm is kept. bake is the stage's, as in Options.
func (c *Comparison) Stage(at time.Time, bake time.Duration) {
	c.Hold(at, bake)
	for _, h := range c.harms {
		h.stage()
	}
}

// Hold begins to count anew what lets the present stage pass.
func (c *Comparison) Hold(at time.Time, bake time.Duration) {
	c.options.Bake = davit.Duration(bake)
	c.from, c.at = at, at
	c.clear()
}

// Observe takes in a look. The first one, and one after which counts are not to
// be subtracted, only says where to count from. Looks must come in the order of
// their times. An error means that the look is not of the comparison's form,
// and was left out.
func (c *Comparison) Observe(l Look) error {
	if err := errors.Join(l.Stable.check(len(c.harms)), l.Candidate.check(len(c.harms))); err != nil {
		return fmt.Errorf("the look at %s: %w", l.At.Format(time.RFC3339Nano), err)
	}
	if l.At.Before(c.at) {
		return fmt.Errorf("the look at %s is before the last", l.At.Format(time.RFC3339Nano))
	}
	if c.from.IsZero() {
		c.from = l.At
	}
	if c.based && l.Epoch == c.base.Epoch && l.Stable.follows(c.base.Stable) && l.Candidate.follows(c.base.Candidate) {
		c.take(&l)
	} else {
		for _, h := range c.harms {
			h.end()
		}
	}
	c.at, c.based = l.At, true
	c.base.Epoch = l.Epoch
	c.base.Stable.set(l.Stable)
	c.base.Candidate.set(l.Candidate)
	return nil
}

// take counts what came since the last look.
func (c *Comparison) take(l *Look) {
	c.at = l.At
	for i, h := range c.harms {
		h.observe(block{candidate: l.Candidate.since(c.base.Candidate, i), stable: l.Stable.since(c.base.Stable, i)}, l.At)
	}
	c.stable.add(c.base.Stable, l.Stable)
	c.canary.add(c.base.Candidate, l.Candidate)
	if c.path.wants() {
		c.path.add(c.point())
	}
}

// Harmful returns the first metric whose e-value has reached its threshold, or
// -1. It is cheap enough to be asked after every request.
func (c *Comparison) Harmful() int {
	for i, h := range c.harms {
		if h.log >= c.limit && !c.options.Metrics[i].DryRun {
			return i
		}
	}
	return -1
}

// Verdict is what a comparison says, with a sentence that says why.
type Verdict struct {
	Outcome davit.Outcome `json:"outcome"`
	Reason  string        `json:"reason"`
	// Early marks a pass that rests on the candidate being shown not to be
	// worse, rather than on the bake time.
	Early bool `json:"early,omitempty"`
}

// Verdict returns what the looks so far say.
func (c *Comparison) Verdict() Verdict {
	if i := c.Harmful(); i >= 0 {
		return Verdict{Outcome: davit.Fail, Reason: fmt.Sprintf("%s: candidate %s, stable %s; e-value %s, and releases that are alike reach %s in at most %s%% of rollouts",
			c.options.Metrics[i].Name, rate(c.canary, i), rate(c.stable, i), short(evalue(c.harms[i].log)), short(c.options.threshold()), short(100*c.options.Alpha))}
	}
	if c.canary.Requests < c.options.MinRequests {
		return Verdict{Outcome: davit.Inconclusive, Reason: fmt.Sprintf("%d of at least %d requests to the candidate seen", c.canary.Requests, c.options.MinRequests)}
	}
	worst, ok := c.notWorse()
	switch {
	case ok:
		return Verdict{Outcome: davit.Pass, Early: true, Reason: "not worse than stable: " + worst}
	case c.at.Sub(c.from) >= c.options.Bake.D():
		return Verdict{Outcome: davit.Pass, Reason: fmt.Sprintf("no harm seen in %s and %d requests to the candidate; %s",
			c.at.Sub(c.from).Round(time.Millisecond), c.canary.Requests, worst)}
	}
	return Verdict{Outcome: davit.Inconclusive, Reason: "no harm seen, more evidence or the whole bake time is needed: " + worst}
}

// notWorse reports whether every metric that has an effect is shown not to be
// worse by its margin; its sentence is about the one that is farthest from it.
func (c *Comparison) notWorse() (said string, ok bool) {
	farthest, ok := math.Inf(-1), c.stable.Requests > 0
	for i, m := range c.options.Metrics {
		if m.DryRun {
			continue
		}
		high := c.difference(i).High
		if high > m.Margin {
			ok = false
		}
		if high-m.Margin > farthest {
			farthest = high - m.Margin
			said = fmt.Sprintf("%s of the candidate are %s, of stable %s, so more by at most %s (%s allowed)",
				m.Name, rate(c.canary, i), rate(c.stable, i), points(high), points(m.Margin))
		}
	}
	if said == "" { // every metric is on a dry run
		return "no metric has an effect", false
	}
	return said, ok
}

// interval returns the confidence sequence of a metric's rate. Each end has half
// of PassAlpha, since a difference has an end of each release's.
func (c *Comparison) interval(counts Counts, metric int) Interval {
	return RateInterval(counts.Requests, counts.Events[metric], c.options.PassAlpha/2)
}

// difference returns the confidence sequence of how much the candidate's rate is
// above stable's.
func (c *Comparison) difference(metric int) Interval {
	candidate, stable := c.interval(c.canary, metric), c.interval(c.stable, metric)
	return Interval{Low: candidate.Low - stable.High, High: candidate.High - stable.Low}
}

func rate(c Counts, metric int) string {
	share := 0.0
	if c.Requests > 0 {
		share = float64(c.Events[metric]) / float64(c.Requests)
	}
	return fmt.Sprintf("%s%% (%d of %d)", short(100*share), c.Events[metric], c.Requests)
}

// points formats a difference of rates.
func points(d float64) string { return short(100*d) + " points" }

func short(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }
