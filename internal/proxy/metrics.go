package proxy

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/davit-dev/davit"
)

// collector exposes the figures as Prometheus metrics.
type collector struct {
	p *Proxy

	requests, failures, inFlight, latency *prometheus.Desc
	ejected, table, lapsed                *prometheus.Desc
}

func newCollector(p *Proxy) *collector {
	of := []string{"site", "release", "service"}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("davit_proxy_"+name, help, labels, nil)
	}
	return &collector{
		p:        p,
		requests: desc("requests_total", "Requests answered or given up, by class of status; none when the client went first.", append(of, "class")...),
		failures: desc("failures_total", "Requests that ended in 5xx or without a complete answer though the client waited.", of...),
		inFlight: desc("in_flight", "Requests in flight.", of...),
		latency:  desc("latency_seconds", "Time from the request's header to the answer's header.", of...),
		ejected:  desc("instance_ejected", "1 while an instance gets no requests because it could not be reached.", append(of, "instance")...),
		lapsed:   desc("lease_lapsed", "1 while a site serves by the release that it went back to when its lease ran out.", "site"),
		table:    desc("table_number", "Number of the routing table in effect."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.requests, c.failures, c.inFlight, c.latency, c.ejected, c.table, c.lapsed} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	constant := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	for key, t := range c.p.counted() {
		of := []string{key.Site, string(key.Release), key.Service}
		for class, count := range t.Status {
			name := "none"
			if class > 0 {
				name = strconv.Itoa(class) + "xx"
			}
			constant(c.requests, prometheus.CounterValue, float64(count), append(of, name)...)
		}
		constant(c.failures, prometheus.CounterValue, float64(t.Failures), of...)
		constant(c.inFlight, prometheus.GaugeValue, float64(t.InFlight), of...)
		count, buckets := promBuckets(&t.Latency)
		out <- prometheus.MustNewConstHistogram(c.latency, count, t.Spent.Seconds(), buckets, of...)
	}
	c.p.registry.eachBackend(func(key backendKey, ejected bool) {
		value := 0.0
		if ejected {
			value = 1
		}
		constant(c.ejected, prometheus.GaugeValue, value, key.site, string(key.release), key.service, key.Instance)
	})
	for site := range c.p.Table().lapsed() {
		constant(c.lapsed, prometheus.GaugeValue, 1, site)
	}
	constant(c.table, prometheus.GaugeValue, float64(c.p.Table().Number))
}

// promBuckets folds the histogram to one bucket a power of two.
func promBuckets(h *davit.Histogram) (uint64, map[float64]uint64) {
	buckets := map[float64]uint64{}
	var sum uint64
	for i, n := range h {
		sum += uint64(max(n, 0))
		limit := davit.BucketLimit(i)
		if us := limit.Microseconds(); us&(us-1) == 0 && us >= 64 && i < len(h)-1 {
			buckets[limit.Seconds()] = sum
		}
	}
	return sum, buckets
}

// eachBackend visits all instances.
func (g *registry) eachBackend(visit func(key backendKey, ejected bool)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, b := range g.backends {
		visit(key, b.ejected.Load())
	}
}
