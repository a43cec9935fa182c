package config

import "github.com/davit-dev/davit"

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

func (g *httpGate) named() (name, service item[string]) { return g.name, g.service }

func (g *httpGate) resolve(_ *resolver, name string) davit.Gate {
	return davit.HTTPCheck(name, davit.HTTPParams{
		Service: g.service.value, Path: g.path.value, Status: g.status.value,
		Body: g.contains.value, Timeout: g.timeout.value, Retries: g.retries.value,
	})
}
