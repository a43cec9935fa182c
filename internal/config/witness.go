package config

import "github.com/davit-dev/davit"

// maxWitnessRate is in probes a second.
const maxWitnessRate = 1000

// witness probes the front door during a rollout.
type witness struct {
	rate       item[int]
	host, path item[string]
	timeout    item[davit.Duration]
	post       item[witnessPost]
}

func (*witness) about() about {
	return about{name: "witness", doc: "A steady probe through the front door while a rollout goes on, until it has ended. It measures failed requests, " +
		"the longest gap and the downtime for the rollout's receipt. In short: only the rate; 0 is no witness."}
}

func (w *witness) short() value { return scalar(&w.rate, integer(0, maxWitnessRate)) }

func (w *witness) fields() []field {
	return []field{
		{key: "rate", into: scalar(&w.rate, integer(0, maxWitnessRate)), initial: "20", doc: "probes a second; their distance is what downtime is exact to"},
		{key: "host", into: scalar(&w.host, host(false)), absent: "that of the first route", doc: "host to ask for"},
		{key: "path", into: scalar(&w.path, urlPath(true)), absent: "that of the first route", doc: "path to ask for with GET; an answer below 500 is a success"},
		{key: "timeout", into: scalar(&w.timeout, duration(minPeriod)), initial: "2s", doc: "time that one answer may take"},
		{key: "post", into: object(&w.post), absent: "GET only", doc: "a POST that does no harm, sent in turn with GET"},
	}
}

// witnessPost is a POST that does no harm.
type witnessPost struct{ path, body, contentType item[string] }

func (*witnessPost) about() about {
	return about{name: "a witness post", doc: "It is sent ten times a second by default: it must do no harm."}
}

func (p *witnessPost) fields() []field {
	return []field{
		{key: "path", into: scalar(&p.path, urlPath(true)), required: true, doc: "path to send it to"},
		{key: "body", into: scalar(&p.body, plain()), absent: "empty", doc: "what is sent"},
		{key: "contentType", into: scalar(&p.contentType, plain()), initial: "application/json", doc: "what the body is"},
	}
}

// resolve returns the witness as the policy has it.
func (w *witness) resolve() davit.Witness {
	resolved := davit.Witness{Rate: float64(w.rate.value), Host: w.host.value, Path: w.path.value, Timeout: w.timeout.value}
	if post := w.post.given(); post != nil {
		resolved.Post = &davit.WitnessPost{Path: post.path.value, Body: post.body.value, ContentType: post.contentType.value}
	}
	return resolved
}
