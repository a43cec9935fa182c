package config

import (
	"fmt"

	"github.com/davit-dev/davit"
)

// resolveGates returns the gates of the environment, each with a name of its own.
func (e *environment) resolveGates(x *resolver, services map[string]davit.Service) []davit.Gate {
	var gates []davit.Gate
	taken := map[string]bool{davit.GateBake: true} // the strategies' own
	for _, i := range e.gates.value {
		name, service := i.value.named()
		if service.set {
			x.servesTraffic("a gate judges", service, services)
		}
		if name.set && taken[name.value] {
			x.problem(name.at, "give it another name", "the gate name %q is taken", name.value)
		}
		unique := name.value
		if !name.set {
			unique = numbered(i.value.kind(), taken)
		}
		taken[unique] = true
		gates = append(gates, i.value.resolve(unique))
	}
	return gates
}

// numbered returns the kind, with a number when it is taken.
func numbered(kind string, taken map[string]bool) string {
	name := kind
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s %d", kind, n)
	}
	return name
}

func (g *gate) kind() string {
	switch {
	case g.errors.set:
		return davit.GateErrors
	case g.latency.set:
		return davit.GateLatency
	}
	return davit.GateHTTP
}

func (g *gate) named() (name, service item[string]) {
	switch g.kind() {
	case davit.GateErrors:
		return g.errors.value.name, g.errors.value.service
	case davit.GateLatency:
		return g.latency.value.name, g.latency.value.service
	}
	return g.http.value.name, g.http.value.service
}

func (g *gate) resolve(name string) davit.Gate {
	switch g.kind() {
	case davit.GateErrors:
		p := g.errors.value
		return davit.ErrorRate(name, davit.ErrorsParams{MaxRate: p.max.value, MinRequests: p.minRequests.value, Service: p.service.value})
	case davit.GateLatency:
		p := g.latency.value
		return davit.Latency(name, davit.LatencyParams{
			Quantile: p.quantile.value, Max: p.max.value, MinRequests: p.minRequests.value, Service: p.service.value,
		})
	}
	p := g.http.value
	return davit.HTTPCheck(name, davit.HTTPParams{
		Service: p.service.value, Path: p.path.value, Status: p.status.value,
		Body: p.contains.value, Timeout: p.timeout.value, Retries: p.retries.value,
	})
}
