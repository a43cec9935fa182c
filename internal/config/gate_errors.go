package config

import "github.com/davit-dev/davit"

type errorsGate struct {
	name, service item[string]
	max           item[float64]
	minRequests   item[int64]
}

func (*errorsGate) about() about {
	return about{name: "an errors gate", doc: "At most a share of the candidate's requests fails: answers of 500 and above, and none at all."}
}

func (g *errorsGate) fields() []field {
	return []field{
		gateName(&g.name),
		{key: "max", into: scalar(&g.max, percent()), required: true, doc: "share that may fail: `1` and `1%` are the same"},
		minRequests(&g.minRequests),
		gateService(&g.service),
	}
}

func (g *errorsGate) named() (name, service item[string]) { return g.name, g.service }

func (g *errorsGate) resolve(_ *resolver, name string) davit.Gate {
	return davit.ErrorRate(name, davit.ErrorsParams{MaxRate: g.max.value, MinRequests: g.minRequests.value, Service: g.service.value})
}
