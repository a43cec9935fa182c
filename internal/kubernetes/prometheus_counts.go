package kubernetes

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/prometheus"
)

// counts add up what counters have gained since their workload was first read, which
// is anew when it is another one of the same name: a release that is deployed once more does not
// answer for what it did the last time. A counter that begins anew, since what counts
// was restarted, goes on here; one that is new counts from nothing.
type counts struct {
	family *family                       // that counts; nil before any did
	begun  lives                         // what was read the last time
	last   map[string]map[string]float64 // of every series, by the workload's name

	status  map[string]*[6]float64         // gained, by the workload's name
	buckets map[string]map[float64]float64 // gained below a bound, by the workload's name
}

// lives are workloads by their names, and what tells one from another that had the
// same name before.
type lives map[string]types.UID

func newCounts() *counts {
	return &counts{last: map[string]map[string]float64{}, status: map[string]*[6]float64{}, buckets: map[string]map[float64]float64{}}
}

// add takes in a reading. Of several families that count, the first one does.
func (c *counts) add(samples []prometheus.Sample, now lives) {
	names := slices.Collect(maps.Keys(now))
	if c.family == nil {
		i := slices.IndexFunc(families, func(f family) bool {
			return slices.ContainsFunc(samples, func(s prometheus.Sample) bool { return s.Labels["__name__"] == f.requests })
		})
		if i >= 0 {
			c.family = &families[i]
		}
	}
	for _, s := range samples {
		f := c.family
		if f == nil {
			break
		}
		metric, name := s.Labels["__name__"], nameIn(s.Labels[f.workload], names)
		if name == "" || metric != f.requests && metric != f.buckets || math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
			continue
		}
		gained := c.gained(name, s, c.begun[name] == now[name])
		if metric == f.requests {
			if c.status[name] == nil {
				c.status[name] = &[6]float64{}
			}
			c.status[name][f.class(s.Labels)] += gained
			continue
		}
		bound, err := strconv.ParseFloat(s.Labels["le"], 64)
		if err != nil {
			continue
		}
		if c.buckets[name] == nil {
			c.buckets[name] = map[float64]float64{}
		}
		c.buckets[name][bound] += gained
	}
	c.begun = now
	maps.DeleteFunc(c.last, func(name string, _ map[string]float64) bool { return now[name] == "" }) // it would be another one
}

// forget lets go of what a workload has gained.
func (c *counts) forget(name string) {
	delete(c.status, name)
	delete(c.buckets, name)
}

// gained returns how much a series of a workload has grown since the last reading;
// begun is false when that was not read then.
func (c *counts) gained(name string, s prometheus.Sample, begun bool) float64 {
	var key strings.Builder
	for _, label := range slices.Sorted(maps.Keys(s.Labels)) {
		key.WriteString(label + "\x00" + s.Labels[label] + "\x00")
	}
	if c.last[name] == nil {
		c.last[name] = map[string]float64{}
	}
	last, known := c.last[name][key.String()]
	c.last[name][key.String()] = s.Value
	switch {
	case !begun:
		return 0
	case known && s.Value >= last:
		return s.Value - last
	default:
		return s.Value
	}
}

// traffic returns what a workload has gained. Prometheus cannot tell one user from
// another, so the sample is all of it.
func (c *counts) traffic(name string) davit.Traffic {
	var t davit.Traffic
	if status := c.status[name]; status != nil {
		for class, n := range status {
			t.Status[class] = int64(math.Round(n))
			t.Requests += t.Status[class]
		}
	}
	t.Failures = t.Status[5]
	if c.family != nil {
		t.Latency = histogram(c.buckets[name], c.family.unit)
	}
	t.Sample = davit.Sample{Requests: t.Requests, Failures: t.Failures, Latency: t.Latency}
	return t
}

// histogram returns counts below bounds as a histogram. Of a request that took
// longer than one bound and not longer than the next, it is known only that it took
// longer than the first, and so it is counted as if it had just done that: what the
// bounds do not resolve speaks against nobody.
func histogram(below map[float64]float64, unit time.Duration) davit.Histogram {
	var h davit.Histogram
	lower, counted := time.Duration(0), 0.0
	for _, bound := range slices.SortedFunc(maps.Keys(below), cmp.Compare[float64]) {
		n := math.Round(below[bound]) - counted
		if n > 0 { // scrapes of several copies are not of one moment
			h[davit.Bucket(lower)] += int64(n)
			counted += n
		}
		if most := float64(math.MaxInt64 / unit); bound > 0 && bound < most {
			lower = time.Duration(bound * float64(unit))
		}
	}
	return h
}
