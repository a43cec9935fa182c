package config

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-dev/davit"
)

type analysisGate struct {
	name, service    item[string]
	alpha, passAlpha item[float64]
	minRequests      item[int64]
	errors           item[analysisErrors]
	latency          sequence[analysisLatency]
	guards           item[analysisGuards]
	early, dryRun    item[bool]
	source           item[analysisSource]
	synthetic        item[analysisSynthetic]
}

func (*analysisGate) about() about {
	return about{name: "an analysis gate", doc: "The candidate is not worse than stable, which serves beside it. It is looked at all the time, " +
		"and hauled back as soon as the evidence allows no other answer. It passes when it is shown not to be worse, or when the bake time is " +
		"over, there were enough requests and nothing spoke against it. [How it is judged](../how-to/analysis.md)."}
}

func (g *analysisGate) fields() []field {
	return []field{
		gateName(&g.name),
		{
			key: "alpha", into: scalar(&g.alpha, chance()), initial: "0.01",
			doc: "how likely it may be that a release that is not worse is hauled back, in the whole rollout",
		},
		{
			key: "passAlpha", into: scalar(&g.passAlpha, chance()), initial: "0.05",
			doc: "how likely it may be that one that is worse by more than a margin passes before the bake time is over, in each stage",
		},
		{key: "errors", into: object(&g.errors), doc: "how failed requests are compared"},
		{key: "latency", into: listOf(&g.latency, maxItems, replaced[analysisLatency]), absent: "not compared", doc: "which slow requests are compared"},
		{key: "guards", into: object(&g.guards), absent: "none", doc: "limits that haul back at once"},
		{key: "minRequests", into: scalar(&g.minRequests, integer[int64](1, 1<<40)), initial: "100", doc: "requests to the candidate that it takes to pass a stage"},
		{key: "early", into: scalar(&g.early, flag()), initial: "true", doc: "whether a stage ends before its bake time is over when the candidate is shown not to be worse"},
		{key: "dryRun", into: scalar(&g.dryRun, flag()), initial: "false", doc: "whether it is only measured and reported, without effect"},
		{key: "source", into: object(&g.source), absent: "the environment's router", doc: "where the counts come from"},
		{key: "synthetic", into: object(&g.synthetic), absent: "none are sent", doc: "requests that are sent to both releases while users send none; the verdict says so"},
		gateService(&g.service),
	}
}

func (g *analysisGate) named() (name, service item[string]) { return g.name, g.service }

func (g *analysisGate) resolve(x *resolver, name string) davit.Gate {
	p := davit.AnalysisParams{
		Alpha: g.alpha.value, PassAlpha: g.passAlpha.value, MinRequests: g.minRequests.value, Service: g.service.value,
		Errors: davit.AnalysisMetric{Margin: 0.005}, Early: g.early.value, DryRun: g.dryRun.value,
	}
	if g.errors.set {
		p.Errors = davit.AnalysisMetric{Margin: g.errors.value.margin.value, DryRun: g.errors.value.dryRun.value}
	}
	for _, l := range g.latency.value {
		p.Latency = append(p.Latency, l.value.resolve(x, l.at))
	}
	if g.guards.set {
		v := g.guards.value
		p.Guards = davit.AnalysisGuards{Errors: v.errors.value, P99: v.p99.value, Memory: v.memory.value}
	}
	if g.source.set {
		p.Source = g.source.value.resolve(x, g.source.at, len(p.Latency))
	}
	if g.synthetic.set {
		v := g.synthetic.value
		p.Synthetic = davit.AnalysisSynthetic{Path: v.path.value, Host: v.host.value, Rate: v.rate.value}
	}
	return davit.Analysis(name, p)
}

// analysisErrors is how failed requests are compared.
type analysisErrors struct {
	margin item[float64]
	dryRun item[bool]
}

func (*analysisErrors) about() about {
	return about{name: "errors of an analysis", doc: "How requests that failed are compared: answers of 500 and above, and none at all."}
}

func (e *analysisErrors) fields() []field { return marginFields(&e.margin, "0.5%", &e.dryRun) }

// marginFields are what every metric has.
func marginFields(margin *item[float64], initial string, dryRun *item[bool]) []field {
	return []field{
		{key: "margin", into: scalar(margin, percent()), initial: initial, doc: "percentage points that the candidate may be worse by and still be called not worse"},
		{key: "dryRun", into: scalar(dryRun, flag()), initial: "false", doc: "whether it is only measured and reported, without effect"},
	}
}

// analysisLatency is which requests are slow.
type analysisLatency struct {
	objective item[davit.Duration]
	quantile  item[float64]
	margin    item[float64]
	dryRun    item[bool]
}

func (*analysisLatency) about() about {
	return about{name: "a latency of an analysis", doc: "Compares the share of requests that take longer than a time, or than a quantile of " +
		"stable's latency. In short: only the time."}
}

func (l *analysisLatency) short() value { return scalar(&l.objective, duration(minPeriod)) }

func (l *analysisLatency) fields() []field {
	return append([]field{
		{key: "objective", into: scalar(&l.objective, duration(minPeriod)), absent: "the quantile", doc: "longest time that is not slow"},
		{key: "quantile", into: scalar(&l.quantile, quantile()), absent: "the objective", doc: "the same as a quantile of what stable took before: 0.99 is the 99th percentile"},
	}, marginFields(&l.margin, "1%", &l.dryRun)...)
}

func (l *analysisLatency) resolve(x *resolver, at position) davit.AnalysisLatency {
	if l.objective.set == l.quantile.set {
		x.problem(at, "give one of the two", "a latency is compared by its objective or by a quantile")
	}
	return davit.AnalysisLatency{
		Objective: l.objective.value, Quantile: l.quantile.value,
		AnalysisMetric: davit.AnalysisMetric{Margin: l.margin.value, DryRun: l.dryRun.value},
	}
}

// analysisGuards are hard limits.
type analysisGuards struct {
	errors item[float64]
	p99    item[davit.Duration]
	memory item[float64]
}

func (*analysisGuards) about() about {
	return about{name: "guards", doc: "Limits on the candidate's last ten seconds that haul back at once, whatever stable does."}
}

func (g *analysisGuards) fields() []field {
	return []field{
		{key: "errors", into: scalar(&g.errors, percent()), absent: "no limit", doc: "share of requests that may fail; fewer than 20 are judged as 20"},
		{key: "p99", into: scalar(&g.p99, duration(minPeriod)), absent: "no limit", doc: "99th percentile of the latency; fewer than 100 requests are judged as 100"},
		{key: "memory", into: scalar(&g.memory, times()), absent: "no limit", doc: "how many times the memory of stable's instances those of the candidate may take; 32 MiB more are no growth"},
	}
}

// analysisSource is where counts come from.
type analysisSource struct {
	prometheus, json       item[string]
	requests, errors, slow item[string]
	every                  item[davit.Duration]
}

func (*analysisSource) about() about {
	return about{name: "a source", doc: "Where the cumulative counts of a release come from. `{{release}}` and `{{version}}` stand for the " +
		"release's. A source that fails makes the analysis inconclusive, and is asked again."}
}

func (s *analysisSource) fields() []field {
	return []field{
		{key: "prometheus", into: scalar(&s.prometheus, webURL()), absent: "the JSON URL", doc: "base URL of a Prometheus server"},
		{key: "json", into: scalar(&s.json, webURL()), absent: "the Prometheus server", doc: "URL that answers with JSON"},
		{key: "requests", into: scalar(&s.requests, plain()), required: true, doc: "requests: a PromQL expression, or a JSON pointer such as /stats/requests"},
		{key: "errors", into: scalar(&s.errors, plain()), required: true, doc: "those of them that failed"},
		{key: "slow", into: scalar(&s.slow, plain()), absent: "not counted", doc: "those of them that were slow, when one latency is compared"},
		{key: "every", into: scalar(&s.every, duration(minPeriod)), initial: "5s", doc: "how often it is asked"},
	}
}

func (s *analysisSource) resolve(x *resolver, at position, latencies int) davit.AnalysisSource {
	if s.prometheus.set == s.json.set {
		x.problem(at, "give one of the two", "a source is a Prometheus server or a JSON URL")
	}
	if latencies > 1 || s.slow.set != (latencies == 1) {
		x.problem(at, "compare one latency, and give slow", "the source does not count what latency is compared by")
	}
	if s.json.set {
		for _, p := range []item[string]{s.requests, s.errors, s.slow} {
			if p.set && !strings.HasPrefix(p.value, "/") {
				x.problem(p.at, "write it as /stats/requests", "a JSON pointer begins with /, unlike %q", clip(p.value))
			}
		}
	}
	return davit.AnalysisSource{
		Prometheus: s.prometheus.value, JSON: s.json.value,
		Requests: s.requests.value, Errors: s.errors.value, Slow: s.slow.value, Every: s.every.value,
	}
}

// analysisSynthetic is which requests are sent while users send none.
type analysisSynthetic struct {
	path, host item[string]
	rate       item[float64]
}

func (*analysisSynthetic) about() about {
	return about{name: "synthetic requests", doc: "GET requests through the front door to both releases, by the preview header, " +
		"while users have sent the candidate none for five seconds. Preview has to allow this host."}
}

func (s *analysisSynthetic) fields() []field {
	return []field{
		{key: "path", into: scalar(&s.path, urlPath(true)), initial: "/", doc: "path, with a query if need be"},
		{key: "host", into: scalar(&s.host, host(false)), absent: "the listener's address", doc: "host that is asked for"},
		{key: "rate", into: scalar(&s.rate, times()), initial: "10", doc: "requests a second, to each release"},
	}
}

// chance is a probability that is neither 0 nor 1.
func chance() form[float64] {
	f := quantile()
	f.words = "a chance between 0 and 1"
	f.parse = func(w word) (float64, *wrong) {
		v, err := strconv.ParseFloat(w.text, 64)
		if w.kind != number && w.kind != whole || err != nil || !(v > 0 && v < 1) {
			return 0, wrongf("for one in a hundred write 0.01", "must be a chance between 0 and 1, not %q", clip(w.text))
		}
		return v, nil
	}
	return f
}

// times is a number above 0.
func times() form[float64] {
	const most = 10_000
	return form[float64]{
		words: "a number above 0", schema: schema{"type": "number", "exclusiveMinimum": 0, "maximum": most},
		parse: func(w word) (float64, *wrong) {
			v, err := strconv.ParseFloat(w.text, 64)
			if w.kind != number && w.kind != whole || err != nil || !(v > 0 && v <= most) {
				return 0, wrongf("", "must be a number above 0, and %d at most, not %q", most, clip(w.text))
			}
			return v, nil
		},
	}
}

// webURL is an absolute URL of HTTP.
func webURL() form[string] {
	f := plain()
	f.words = "a URL"
	parse := f.parse
	f.parse = func(w word) (string, *wrong) {
		text, wrong := parse(w)
		if wrong != nil {
			return "", wrong
		}
		u, err := url.Parse(text)
		if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" {
			return "", wrongf("write it as http://prometheus:9090", "must be a URL of http or https")
		}
		return text, nil
	}
	return f
}
