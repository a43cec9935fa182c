package config

// route leads requests to a service.
type route struct{ host, prefix, service item[string] }

func (*route) about() about {
	return about{name: "a route", doc: "Leads requests for a host and a path prefix to a service. " +
		"The longest prefix of the most specific host wins."}
}

func (r *route) fields() []field {
	return []field{
		{
			key: "host", into: scalar(&r.host, host(true)), absent: "every host",
			doc: "host name; `*.example.org` stands for all below it",
		},
		{
			key: "prefix", into: scalar(&r.prefix, prefix()), initial: "/",
			doc: "start of the path, matched at segment boundaries: `/api` is not the start of `/apiary`",
		},
		{key: "service", into: scalar(&r.service, label()), required: true, doc: "service that takes traffic"},
	}
}
