package config

import "github.com/davit-dev/davit"

type latencyGate struct {
	name, service item[string]
	quantile      item[float64]
	max           item[davit.Duration]
	minRequests   item[int64]
}

func (*latencyGate) about() about {
	return about{name: "a latency gate", doc: "A quantile of the candidate's latency stays below a bound."}
}

func (g *latencyGate) fields() []field {
	return []field{
		gateName(&g.name),
		{key: "quantile", into: scalar(&g.quantile, quantile()), initial: "0.99", doc: "which quantile: 0.99 is the 99th percentile"},
		{key: "max", into: scalar(&g.max, duration(minPeriod)), required: true, doc: "the longest it may be"},
		minRequests(&g.minRequests),
		gateService(&g.service),
	}
}

func (g *latencyGate) named() (name, service item[string]) { return g.name, g.service }

func (g *latencyGate) resolve(_ *resolver, name string) davit.Gate {
	return davit.Latency(name, davit.LatencyParams{
		Quantile: g.quantile.value, Max: g.max.value, MinRequests: g.minRequests.value, Service: g.service.value,
	})
}
