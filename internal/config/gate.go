package config

import (
	"fmt"
	"slices"

	"github.com/davit-dev/davit"
)

// gateKinds returns the kinds of gate, in the reference's order. Each stands in
// a file of its own.
func gateKinds() []gateKind {
	return []gateKind{
		newGateKind[errorsGate](davit.GateErrors, "share of the candidate's requests that fail"),
		newGateKind[latencyGate](davit.GateLatency, "quantile of the candidate's latency"),
		newGateKind[analysisGate](davit.GateAnalysis, "the candidate is not worse than stable, which serves beside it"),
		newGateKind[httpGate](davit.GateHTTP, "every instance of the candidate answers a request as expected"),
		newGateKind[validationGate](davit.GateValidation, "the validation suite finds no fault"),
	}
}

// gate is one of the kinds of gate.
type gate struct{ kinds []gateKind }

// gateKind is a kind's place in a gate: its key, and its form once it is read.
type gateKind interface {
	field() field
	bare() bool
	chosen() bool
	gateForm
}

// gateForm is what a gate of a kind says in davit.yaml.
type gateForm interface {
	// named returns the gate's own name, and the service that it judges: unset when
	// it says neither.
	named() (name, service item[string])
	// resolve returns the gate under the name that it got.
	resolve(x *resolver, name string) davit.Gate
}

// gatePointer is a *T that is read as an object and describes a gate.
type gatePointer[T any] interface {
	pointer[T]
	gateForm
}

type gateSlot[T any, P gatePointer[T]] struct {
	key, doc string
	form     item[T]
}

func newGateKind[T any, P gatePointer[T]](key, doc string) gateKind {
	return &gateSlot[T, P]{key: key, doc: doc}
}

func (s *gateSlot[T, P]) field() field {
	return field{key: s.key, into: object[T, P](&s.form), doc: s.doc}
}

// bare reports whether the kind needs no key to be given.
func (s *gateSlot[T, P]) bare() bool {
	return !slices.ContainsFunc(P(&s.form.value).fields(), func(f field) bool { return f.required })
}

func (s *gateSlot[T, P]) chosen() bool { return s.form.set }

func (s *gateSlot[T, P]) named() (name, service item[string]) { return P(&s.form.value).named() }

func (s *gateSlot[T, P]) resolve(x *resolver, name string) davit.Gate {
	return P(&s.form.value).resolve(x, name)
}

func (*gate) about() about {
	return about{name: "a gate", doc: "A condition that must hold. Without enough evidence it is inconclusive, which is never a pass. " +
		"In short: only its kind, where that needs no more."}
}

func (g *gate) fields() []field {
	if g.kinds == nil {
		g.kinds = gateKinds()
	}
	fields := make([]field, len(g.kinds))
	for i, k := range g.kinds {
		fields[i] = k.field()
	}
	return fields
}

func (g *gate) short() value { return bareGate{g} }

func (g *gate) oneOf() []string {
	fields := g.fields()
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return keys
}

// resolveGates returns the gates of the environment, each with a name of its own.
func (e *environment) resolveGates(x *resolver, services map[string]davit.Service) []davit.Gate {
	var gates []davit.Gate
	taken := map[string]bool{davit.GateInstances: true, davit.GateBake: true, davit.GateApproval: true} // not of this list
	for _, i := range e.gates.value {
		for _, k := range i.value.kinds {
			if !k.chosen() {
				continue
			}
			name, service := k.named()
			if service.set {
				x.servesTraffic("a gate judges", service, services)
			}
			if name.set && taken[name.value] {
				x.problem(name.at, "give it another name", "the gate name %q is taken", name.value)
			}
			unique := name.value
			if !name.set {
				unique = numbered(k.field().key, taken)
			}
			taken[unique] = true
			gates = append(gates, k.resolve(x, unique))
		}
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

func gateName(into *item[string]) field {
	return field{
		key: "name", into: scalar(into, plain()), absent: "the kind, numbered from the second one on",
		doc: "name of the gate, in verdicts and receipts",
	}
}

func gateService(into *item[string]) field {
	return field{key: "service", into: scalar(into, label()), absent: "all of them together", doc: "service to judge"}
}

func minRequests(into *item[int64]) field {
	return field{
		key: "minRequests", into: scalar(into, integer[int64](1, 1<<40)), initial: "100",
		doc: "requests that it takes to judge",
	}
}
