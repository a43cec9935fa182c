package live

import (
	"context"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
)

// router counts by the figures of the environment's router: its thinned sample
// of requests, where they are dealt to two releases. Where the candidate serves
// alone there is no sample, and nothing to compare: all requests count there.
type router struct {
	metrics           Metrics
	service           string
	candidate, stable davit.ReleaseID
	alone             bool
	limits            []limit
}

// limit is a metric's objective as a bucket of the histogram: what is in a later
// one took longer.
type limit struct {
	bucket   int
	quantile float64 // of stable, while the bucket is to be found; 0 when it is known
}

// resolves is how many requests beyond a quantile it takes to say where it is.
const resolves = 10

// limitsOf returns the objectives of the latency metrics.
func limitsOf(p davit.AnalysisParams) []limit {
	var limits []limit
	for _, l := range p.Latency {
		if l.Objective > 0 {
			// A request is slow when its whole bucket is: resolution fails nobody.
			limits = append(limits, limit{bucket: davit.Bucket(l.Objective.D())})
		} else {
			limits = append(limits, limit{quantile: l.Quantile})
		}
	}
	return limits
}

// newRouter returns the source of a stage. What it finds out about limits is
// kept in them.
func newRouter(p davit.AnalysisParams, s Subject, limits []limit) *router {
	return &router{metrics: s.Metrics, service: p.Service, candidate: s.Release.ID, stable: s.stable(), alone: !s.splits(), limits: limits}
}

func (r *router) Lacks() string {
	for _, l := range r.limits {
		if l.quantile > 0 && !r.alone {
			return fmt.Sprintf("stable's p%.4g, which takes %.0f requests to it", 100*l.quantile, resolves/(1-l.quantile))
		}
	}
	return ""
}

func (r *router) Every() time.Duration { return sayEvery }

func (r *router) String() string { return "the router's figures" }

func (r *router) Read(ctx context.Context) (analysis.Look, error) {
	figures, err := r.metrics.Figures(ctx)
	if err != nil {
		return analysis.Look{}, err
	}
	stable, candidate := r.traffic(figures, r.stable), r.traffic(figures, r.candidate)
	look := analysis.Look{Epoch: fmt.Sprintf("%s alone=%t%s", figures.Boot, r.alone, r.settle(stable))}
	if r.alone {
		look.Stable = r.counts(davit.Sample{})
		look.Candidate = r.counts(davit.Sample{Requests: candidate.Requests, Failures: candidate.Failures, Latency: candidate.Latency})
	} else {
		look.Stable, look.Candidate = r.counts(stable.Sample), r.counts(candidate.Sample)
	}
	return look, nil
}

func (r *router) traffic(f davit.Figures, id davit.ReleaseID) davit.Traffic {
	if r.service == "" {
		return f.Release(id)
	}
	return f.Traffic[id][r.service]
}

// settle finds the quantiles of stable's latency that are not known yet, from
// what was counted so far: before it is compared, so that the comparison cannot
// choose them. It returns what the counts depend on.
func (r *router) settle(stable davit.Traffic) string {
	known := ""
	for i := range r.limits {
		l := &r.limits[i]
		if l.quantile > 0 && float64(stable.Latency.Count())*(1-l.quantile) >= resolves {
			l.bucket, l.quantile = davit.Bucket(stable.Latency.Quantile(l.quantile)-time.Nanosecond), 0
		}
		known += fmt.Sprintf("/%d:%t", l.bucket, l.quantile == 0)
	}
	return known
}

func (r *router) counts(s davit.Sample) analysis.Counts { return countsOf(s, r.limits) }

// countsOf counts the failures of a sample, and what of it was beyond limits.
func countsOf(s davit.Sample, limits []limit) analysis.Counts {
	counts := analysis.Counts{Requests: s.Requests, Events: []int64{s.Failures}}
	for _, l := range limits {
		slow := int64(0)
		if l.quantile == 0 {
			for _, n := range s.Latency[l.bucket+1:] {
				slow += n
			}
		}
		counts.Events = append(counts.Events, slow)
	}
	return counts
}
