package config

import "github.com/davit-dev/davit"

// gate is one of the kinds of gate.
type gate struct {
	errors  item[errorsGate]
	latency item[latencyGate]
	http    item[httpGate]
}

func (*gate) about() about {
	return about{name: "a gate", doc: "A condition that must hold. Without enough evidence it is inconclusive, which is never a pass."}
}

func (*gate) oneOf() []string { return []string{"errors", "latency", "http"} }

func (g *gate) fields() []field {
	return []field{
		{key: "errors", into: object(&g.errors), doc: "share of the candidate's requests that fail"},
		{key: "latency", into: object(&g.latency), doc: "quantile of the candidate's latency"},
		{key: "http", into: object(&g.http), doc: "every instance of the candidate answers a request as expected"},
	}
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

type httpGate struct {
	name, service, path item[string]
	status              item[int]
	contains            item[string]
	timeout             item[davit.Duration]
	retries             item[int]
}

func (*httpGate) about() about {
	return about{name: "an http gate", doc: "Every ready instance of the candidate's service is asked with GET."}
}

func (g *httpGate) fields() []field {
	return []field{
		gateName(&g.name),
		{key: "service", into: scalar(&g.service, label()), required: true, doc: "service to ask"},
		{key: "path", into: scalar(&g.path, urlPath(true)), initial: "/", doc: "path, with a query if need be"},
		{key: "status", into: scalar(&g.status, integer(100, 599)), initial: "200", doc: "status that is expected"},
		{key: "contains", into: scalar(&g.contains, plain()), absent: "anything", doc: "text that the body has somewhere"},
		{key: "timeout", into: scalar(&g.timeout, duration(minPeriod)), initial: "2s", doc: "time that one answer may take"},
		{key: "retries", into: scalar(&g.retries, integer(0, maxItems)), initial: "3", doc: "further tries after one that failed"},
	}
}
