package config

import (
	"time"

	"github.com/davit-dev/davit"
)

// probes are those of a service.
type probes struct{ startup, readiness, liveness item[probe] }

func (*probes) about() about {
	return about{name: "probes", doc: "How an instance is asked how it is."}
}

func (p *probes) fields() []field {
	return []field{
		{key: "startup", into: replaced(&p.startup), doc: "holds the other probes back until it has passed once"},
		{key: "readiness", into: replaced(&p.readiness), doc: "an instance gets requests while it passes"},
		{key: "liveness", into: replaced(&p.liveness), doc: "an instance is restarted when it fails"},
	}
}

// probe asks an instance.
type probe struct {
	http                item[httpProbe]
	tcp                 item[tcpProbe]
	exec                item[[]string]
	period, timeout     item[davit.Duration]
	failures, successes item[int]
}

func (*probe) about() about {
	return about{name: "a probe", doc: "Asks an instance in one of three ways: exactly one of `http`, `tcp` and `exec`."}
}

func (*probe) oneOf() []string { return []string{"http", "tcp", "exec"} }

func (p *probe) fields() []field {
	return []field{
		{key: "http", into: replaced(&p.http), doc: "passes when GET answers 200 to 399"},
		{key: "tcp", into: replaced(&p.tcp), doc: "passes when a connection opens"},
		{key: "exec", into: command(&p.exec), doc: "passes when the command, run in the instance's environment, exits 0"},
		{key: "period", into: scalar(&p.period, duration(minPeriod)), initial: "1s", doc: "time between two asks"},
		{key: "timeout", into: scalar(&p.timeout, duration(minPeriod)), initial: "1s", doc: "time that an answer may take"},
		{key: "failures", into: scalar(&p.failures, integer(1, maxItems)), initial: "3", doc: "failures in a row that count"},
		{key: "successes", into: scalar(&p.successes, integer(1, maxItems)), initial: "1", doc: "successes in a row that count"},
	}
}

// minPeriod is the shortest time that is no mistake.
const minPeriod = davit.Duration(time.Millisecond)

// httpProbe is a GET.
type httpProbe struct {
	path    item[string]
	port    item[int]
	headers dictionary[string]
}

func (*httpProbe) about() about {
	return about{name: "an http probe", doc: "A GET. In short: only its path."}
}

func (p *httpProbe) short() value { return scalar(&p.path, urlPath(true)) }

func (p *httpProbe) fields() []field {
	return []field{
		{key: "path", into: scalar(&p.path, urlPath(true)), required: true, doc: "path, with a query if need be"},
		{key: "port", into: scalar(&p.port, port()), absent: "the instance's own", doc: "port to ask"},
		{key: "headers", into: tableOf(&p.headers, maxItems, headerName(), as(headerValue())), doc: "headers to send"},
	}
}

// tcpProbe is a connection.
type tcpProbe struct {
	yes  item[bool]
	port item[int]
}

func (*tcpProbe) about() about {
	return about{name: "a tcp probe", doc: "A connection. In short: `true`, for the instance's own port."}
}

func (p *tcpProbe) short() value { return scalar(&p.yes, only()) }

func (p *tcpProbe) fields() []field {
	return []field{
		{key: "port", into: scalar(&p.port, port()), absent: "the instance's own", doc: "port to connect to"},
	}
}
