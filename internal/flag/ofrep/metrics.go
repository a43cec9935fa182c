package ofrep

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/davit-dev/davit/internal/flag"
)

// metrics counts evaluations. The counters are looked up once.
type metrics struct {
	evaluations *prometheus.CounterVec
	reasons     map[flag.Reason]prometheus.Counter
	bulk        prometheus.Counter
	unchanged   prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{reasons: map[flag.Reason]prometheus.Counter{}}
	m.evaluations = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "davit_flag_evaluations_total", Help: "Evaluations of flags over OFREP, by request (single, bulk, unchanged) and reason.",
	}, []string{"request", "reason"})
	for _, reason := range []flag.Reason{flag.Static, flag.TargetingMatch, flag.Split, flag.Default, flag.Disabled, flag.Failed} {
		m.reasons[reason] = m.evaluations.WithLabelValues("single", string(reason))
	}
	m.bulk = m.evaluations.WithLabelValues("bulk", "")
	m.unchanged = m.evaluations.WithLabelValues("unchanged", "")
	return m
}

// count counts a single evaluation.
func (m *metrics) count(reason flag.Reason) {
	if c := m.reasons[reason]; c != nil {
		c.Inc()
	}
}
