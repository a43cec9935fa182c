package config

import "github.com/davit-dev/davit"

// environment is where the application runs.
type environment struct {
	platform       item[string]
	listen         sequence[listener]
	preview        item[preview]
	trustedProxies sequence[string]
	limits         item[limits]
	accessLog      item[bool]
	strategy       item[strategy]
	gates          sequence[gate]
	approvals      sequence[approval]
	hooks          sequence[hook]
	flags          sequence[flagStep]
	freezes        sequence[freeze]
	deadline       item[davit.Duration]
	patience       item[davit.Duration]
	rollbackWindow item[davit.Duration]
	onInterrupt    item[davit.OnInterrupt]
	onDrift        item[davit.OnDrift]
	witness        item[witness]
	services       item[*node]
	routes         sequence[route]
	kubernetes     item[cluster]
}

const (
	platformProcess    = "process"
	platformKubernetes = "kubernetes"
)

func (*environment) about() about {
	return about{name: "an environment", doc: "A place where the application runs, and how it is deployed there."}
}

func (e *environment) fields() []field {
	return []field{
		{
			key: "platform", into: scalar(&e.platform, oneWord(platformProcess, platformKubernetes)), initial: platformProcess,
			doc: "what runs the instances: `process` supervises processes on this host, `kubernetes` has a cluster run pods",
		},
		{key: "kubernetes", into: object(&e.kubernetes), doc: "where on a cluster it is, for the platform `kubernetes`"},
		{
			key: "listen", into: listOf(&e.listen, 64, object[listener]),
			doc: "where the front door accepts connections; needed when there are routes",
		},
		{key: "preview", into: object(&e.preview), doc: "who may choose the candidate before it has traffic"},
		{
			key: "trustedProxies", into: listOf(&e.trustedProxies, maxItems, as(network())), absent: "none",
			doc: "networks of load balancers in front, whose X-Forwarded headers are believed",
		},
		{key: "limits", into: object(&e.limits), doc: "what one request may take"},
		{key: "accessLog", into: scalar(&e.accessLog, flag()), initial: "false", doc: "write a line of JSON for every request"},
		{key: "strategy", into: replaced(&e.strategy), initial: "canary", doc: "how a release takes over"},
		{
			key: "gates", into: listOf(&e.gates, 64, replaced[gate]),
			doc: "what must hold in every stage; the candidate being ready, and not in a crash loop, always must",
		},
		{key: "approvals", into: listOf(&e.approvals, 64, replaced[approval]), absent: "none", doc: "when people are asked, and who"},
		{key: "hooks", into: listOf(&e.hooks, 64, replaced[hook]), absent: "none", doc: "commands and posts at moments of a rollout"},
		{key: "flags", into: listOf(&e.flags, 64, replaced[flagStep]), absent: "none", doc: "feature flags that are switched at moments of a rollout, and returned when it is hauled back"},
		{key: "freezes", into: listOf(&e.freezes, 64, replaced[freeze]), absent: "none", doc: "when nothing is deployed"},
		{
			key: "deadline", into: scalar(&e.deadline, duration(minPeriod)), initial: "15m",
			doc: "time from the start until promotion; then the rollout is hauled back",
		},
		{
			key: "patience", into: scalar(&e.patience, duration(0)), initial: "5m",
			doc: "how long gates without enough evidence may hold a stage; then the rollout is hauled back",
		},
		{
			key: "rollbackWindow", into: scalar(&e.rollbackWindow, duration(0)), initial: "5m",
			doc: "how long, after promotion, the release before is kept warm and the gates go on",
		},
		{
			key: "onInterrupt", into: scalar(&e.onInterrupt, onInterrupt()), initial: "resume",
			doc: "what a restarted server does with a rollout that it finds",
		},
		{
			key: "onDrift", into: scalar(&e.onDrift, onDrift()), absent: "`correct`",
			doc: "what a rollout does when somebody else changes its routes or Deployments on a cluster, which are put back: go on, or pause until it is resumed",
		},
		{key: "witness", into: object(&e.witness), initial: "20", doc: "the probe that measures downtime during a rollout"},
		{
			key: "services", into: later(&e.services, overrides()),
			doc: "what is different about services here, merged into them",
		},
		{
			key: "routes", into: listOf(&e.routes, maxRoutes, object[route]), absent: "those of the application",
			doc: "routes of this environment, in place of the application's",
		},
	}
}

// overrides binds the services of an environment.
func overrides() value {
	return tableOf(new(dictionary[service]), maxServices, label(), object[service])
}

// listener is an address of the front door.
type listener struct{ address, cert, key item[string] }

func (*listener) about() about {
	return about{name: "a listener", doc: "An address of the front door. In short: only the address."}
}

func (l *listener) short() value { return scalar(&l.address, address()) }

func (l *listener) fields() []field {
	return []field{
		{key: "address", into: scalar(&l.address, address()), required: true, doc: "host and port; `:8080` is every address of this host"},
		{key: "cert", into: scalar(&l.cert, plain()), absent: "no TLS", doc: "PEM file of the certificate chain; reloaded when it changes"},
		{key: "key", into: scalar(&l.key, plain()), absent: "no TLS", doc: "PEM file of the private key"},
	}
}

// preview says who may choose a release.
type preview struct {
	hosts sequence[string]
	allow sequence[string]
}

func (*preview) about() about {
	return about{name: "preview", doc: "Reaches the candidate while others are on the stable release: by the request header " +
		"`Davit-Release: candidate`, or by a host of its own."}
}

func (p *preview) fields() []field {
	return []field{
		{key: "hosts", into: listOf(&p.hosts, maxItems, as(host(false))), absent: "none", doc: "hosts whose requests go to the candidate"},
		{key: "allow", into: listOf(&p.allow, maxItems, as(network())), absent: "loopback only", doc: "networks of clients that may choose"},
	}
}

// limits bound a request.
type limits struct {
	headerBytes                                 item[int]
	bodyBytes                                   item[int64]
	headerTimeout, idleTimeout, responseTimeout item[davit.Duration]
	connections                                 item[int]
}

func (*limits) about() about {
	return about{name: "limits", doc: "What one request may take. A key that is left out has the proxy's own default."}
}

func (l *limits) fields() []field {
	return []field{
		{key: "headerBytes", into: scalar(&l.headerBytes, size(1<<30)), doc: "size of a request's header"},
		{key: "bodyBytes", into: scalar(&l.bodyBytes, size[int64](1<<50)), doc: "size of a request's body"},
		{key: "headerTimeout", into: scalar(&l.headerTimeout, duration(minPeriod)), doc: "time to send the header"},
		{key: "idleTimeout", into: scalar(&l.idleTimeout, duration(minPeriod)), doc: "time that an idle connection is kept"},
		{key: "responseTimeout", into: scalar(&l.responseTimeout, duration(minPeriod)), doc: "time until the answer begins"},
		{key: "connections", into: scalar(&l.connections, integer(1, 1<<30)), doc: "connections at the same time"},
	}
}
