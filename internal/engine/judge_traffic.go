package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/davit-dev/davit"
)

// judgeErrors fails as soon as more than the allowed share of requests failed,
// and as soon as that has become certain: when those that failed so far are too
// many even if all others of the least number were to succeed.
func judgeErrors(ctx context.Context, g davit.Gate, s Subject, report func(davit.Outcome, string, any)) {
	p, ok := params[davit.ErrorsParams](g, report)
	if !ok {
		return
	}
	judgeTraffic(ctx, s, p.Service, report, func(t davit.Traffic) (davit.Outcome, string) {
		counted := max(t.Requests, p.MinRequests)
		said := fmt.Sprintf("%d of %d requests failed (%s, at most %s allowed)", t.Failures, t.Requests, percent(t.Failures, t.Requests), percentOf(p.MaxRate))
		switch {
		case float64(t.Failures) > p.MaxRate*float64(counted):
			return davit.Fail, said
		case t.Requests < p.MinRequests:
			return davit.Inconclusive, fmt.Sprintf("%d of at least %d requests seen", t.Requests, p.MinRequests)
		}
		return davit.Pass, said
	})
}

// judgeLatency fails when the share of requests that took longer than allowed
// is above what the quantile leaves. A request counts as too slow when its
// whole bucket is: the histogram's resolution never fails a candidate.
func judgeLatency(ctx context.Context, g davit.Gate, s Subject, report func(davit.Outcome, string, any)) {
	p, ok := params[davit.LatencyParams](g, report)
	if !ok {
		return
	}
	judgeTraffic(ctx, s, p.Service, report, func(t davit.Traffic) (davit.Outcome, string) {
		total, slow := t.Latency.Count(), int64(0)
		for i := davit.Bucket(p.Max.D()) + 1; i < len(t.Latency); i++ {
			slow += t.Latency[i]
		}
		if total < p.MinRequests {
			return davit.Inconclusive, fmt.Sprintf("%d of at least %d requests seen", total, p.MinRequests)
		}
		said := fmt.Sprintf("p%s is %s over %d requests (at most %s allowed)",
			strconv.FormatFloat(p.Quantile*100, 'f', -1, 64), t.Latency.Quantile(p.Quantile).Round(10*time.Microsecond), total, p.Max)
		if float64(slow) > (1-p.Quantile)*float64(total) {
			return davit.Fail, said
		}
		return davit.Pass, said
	})
}

// judgeTraffic judges the candidate's traffic from now on, every time there is
// more of it.
func judgeTraffic(ctx context.Context, s Subject, service string, report func(davit.Outcome, string, any), verdict func(davit.Traffic) (davit.Outcome, string)) {
	changes := s.Platform.Metrics.Watch(ctx)
	var (
		base davit.Traffic
		boot string
	)
	for first := true; ctx.Err() == nil; {
		figures, err := s.Platform.Metrics.Figures(ctx)
		if err != nil {
			report(davit.Inconclusive, "reading the figures: "+err.Error(), nil)
		} else {
			t := trafficOf(figures, s.Release.ID, service)
			switch {
			case first:
				base, boot, first = t, figures.Boot, false
			case boot != figures.Boot: // the router restarted and counts from nothing
				base, boot = davit.Traffic{}, figures.Boot
			}
			since := t.Since(base)
			outcome, reason := verdict(since)
			report(outcome, reason, evidenceOf(since))
		}
		select {
		case <-changes:
		case <-ctx.Done():
		}
	}
}

func trafficOf(f davit.Figures, id davit.ReleaseID, service string) davit.Traffic {
	if service == "" {
		return f.Release(id)
	}
	return f.Traffic[id][service]
}

// trafficEvidence is the evidence of the errors and latency gates.
type trafficEvidence struct {
	Requests int64          `json:"requests"`
	Failures int64          `json:"failures"`
	Status   [6]int64       `json:"status"` // by class
	P50      davit.Duration `json:"p50"`
	P95      davit.Duration `json:"p95"`
	P99      davit.Duration `json:"p99"`
}

func evidenceOf(t davit.Traffic) trafficEvidence {
	return trafficEvidence{
		Requests: t.Requests, Failures: t.Failures, Status: t.Status,
		P50: davit.Duration(t.Latency.Quantile(0.5)), P95: davit.Duration(t.Latency.Quantile(0.95)), P99: davit.Duration(t.Latency.Quantile(0.99)),
	}
}

// params decodes a gate's parameters; when they are not of the kind's form the
// gate is inconclusive for good.
func params[P any](g davit.Gate, report func(davit.Outcome, string, any)) (p P, ok bool) {
	if err := json.Unmarshal(g.Params, &p); err != nil {
		report(davit.Inconclusive, fmt.Sprintf("the parameters of gate %s: %v", g.Name, err), nil)
		return p, false
	}
	return p, true
}

func percent(part, whole int64) string {
	if whole == 0 {
		return "0%"
	}
	return percentOf(float64(part) / float64(whole))
}

func percentOf(share float64) string { return strconv.FormatFloat(100*share, 'g', 3, 64) + "%" }
