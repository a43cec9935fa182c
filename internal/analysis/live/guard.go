package live

import (
	"context"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
)

// What a guard looks at.
const (
	guardWindow   = 10 * time.Second
	guardRequests = 20       // fewer are set against as many
	memoryNoise   = 32 << 20 // bytes that are no growth, whatever the ratio
)

// guard watches limits that have nothing to do with stable's rates, on all of the
// candidate's recent requests.
type guard struct {
	params  davit.AnalysisParams
	subject Subject
	seen    []reading // of the window, oldest first
	boot    string
	told    []reading // of what another source than the router counts, oldest first
}

type reading struct {
	at      time.Time
	traffic davit.Traffic
}

func newGuard(p davit.AnalysisParams, s Subject) *guard { return &guard{params: p, subject: s} }

// check returns why the candidate is to be hauled back at once, or "". What
// cannot be read does not raise an alarm: the comparison says that it cannot.
func (g *guard) check(ctx context.Context, now time.Time) string {
	if alarm := g.traffic(ctx, now); alarm != "" {
		return "guard: " + alarm
	}
	if alarm := g.memory(ctx); alarm != "" {
		return "guard: " + alarm
	}
	return ""
}

func (g *guard) traffic(ctx context.Context, now time.Time) string {
	limits := g.params.Guards
	if limits.Errors == 0 && limits.P99 == 0 {
		return ""
	}
	figures, err := g.subject.Metrics.Figures(ctx)
	if err != nil {
		return ""
	}
	if figures.Boot != g.boot {
		g.seen, g.boot = nil, figures.Boot
	}
	t := figures.Release(g.subject.Release.ID)
	if g.params.Service != "" {
		t = figures.Traffic[g.subject.Release.ID][g.params.Service]
	}
	g.seen = within(append(g.seen, reading{now, t}))
	return g.exceeded(t.Since(g.seen[0].traffic))
}

// within returns the readings without those before the one that the window begins with.
func within(seen []reading) []reading {
	now := seen[len(seen)-1].at
	for len(seen) > 1 && now.Sub(seen[1].at) >= guardWindow {
		seen = seen[1:]
	}
	return seen
}

// counted is check for the failures that another source than the router counts. One
// that is asked less often than the window is long is judged from one reading to the
// next.
func (g *guard) counted(now time.Time, c analysis.Counts) string {
	s := g.params.Source
	if g.params.Guards.Errors == 0 || s.Prometheus == "" && s.JSON == "" {
		return ""
	}
	t := davit.Traffic{Requests: c.Requests, Failures: c.Events[0]}
	if n := len(g.told); n > 0 {
		if last := g.told[n-1].traffic; t.Requests < last.Requests || t.Failures < last.Failures {
			g.told = nil // it counts from zero again
		}
	}
	g.told = within(append(g.told, reading{now, t}))
	first := g.told[0].traffic
	since := davit.Traffic{Requests: t.Requests - first.Requests, Failures: t.Failures - first.Failures}
	return failures(since, g.params.Guards.Errors, max(guardWindow, now.Sub(g.told[0].at)))
}

// failures returns how the limit on failed requests does not hold, or "".
func failures(t davit.Traffic, limit float64, over time.Duration) string {
	if counted := max(t.Requests, guardRequests); limit > 0 && float64(t.Failures) > limit*float64(counted) {
		return fmt.Sprintf("%d of the last %d requests failed (within %s, at most %.3g%% allowed)", t.Failures, t.Requests, over, 100*limit)
	}
	return ""
}

// exceeded returns which limit on traffic does not hold, or "".
func (g *guard) exceeded(t davit.Traffic) string {
	limits, over := g.params.Guards, guardWindow
	if alarm := failures(t, limits.Errors, over); alarm != "" {
		return alarm
	}
	if limits.P99 == 0 {
		return ""
	}
	slow := int64(0)
	for _, n := range t.Latency[davit.Bucket(limits.P99.D())+1:] {
		slow += n
	}
	const ofHundred = 100 // a 99th percentile of fewer is none
	if counted := max(t.Latency.Count(), ofHundred); float64(slow) > 0.01*float64(counted) {
		return fmt.Sprintf("%d of the last %d requests took longer than %s (within %s), which the 99th percentile may not", slow, t.Latency.Count(), limits.P99, over)
	}
	return ""
}

// memory compares what the instances of a service take, release beside release.
func (g *guard) memory(ctx context.Context) string {
	limit := g.params.Guards.Memory
	if limit == 0 {
		return ""
	}
	instances, err := g.subject.Runtime.Instances(ctx)
	if err != nil {
		return ""
	}
	type taken struct{ bytes, instances int64 }
	of := map[davit.ReleaseID]map[string]taken{}
	for _, i := range instances {
		if i.Condition != davit.Ready || i.Usage.MemoryBytes == 0 {
			continue
		}
		if of[i.Release] == nil {
			of[i.Release] = map[string]taken{}
		}
		sum := of[i.Release][i.Service]
		of[i.Release][i.Service] = taken{sum.bytes + i.Usage.MemoryBytes, sum.instances + 1}
	}
	for service, mine := range of[g.subject.Release.ID] {
		its := of[g.subject.stable()][service]
		if its.instances == 0 || g.params.Service != "" && service != g.params.Service {
			continue
		}
		candidate, stable := mine.bytes/mine.instances, its.bytes/its.instances
		if candidate-stable > memoryNoise && float64(candidate) > limit*float64(stable) {
			return fmt.Sprintf("an instance of %s takes %d MiB, one of stable %d MiB (at most %.3g times as much is allowed)", service, candidate>>20, stable>>20, limit)
		}
	}
	return ""
}
