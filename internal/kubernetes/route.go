package kubernetes

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// dealing deals the requests of an environment to its releases, as HTTPRoutes, or
// GRPCRoutes.
type dealing struct {
	scope   scope
	gateway GatewayOptions
	routing davit.Routing
	marks   markings

	releases map[davit.ReleaseID]*davit.Release
	serving  []davit.ReleaseID // those with a share, stable first
}

func newDealing(s scope, g GatewayOptions, routing davit.Routing, marks markings) *dealing {
	d := &dealing{scope: s, gateway: g, routing: routing, marks: marks, releases: map[davit.ReleaseID]*davit.Release{}}
	for _, r := range routing.Releases {
		d.releases[r.ID] = r
	}
	d.serving = slices.SortedFunc(maps.Keys(routing.Split), func(a, b davit.ReleaseID) int {
		switch {
		case a == routing.Stable:
			return -1
		case b == routing.Stable:
			return 1
		}
		return strings.Compare(string(a), string(b))
	})
	return d
}

// maxRules is how many rules the API server takes of a route.
const maxRules = 16

// routes returns one route for each host, or several where one cannot take all
// its rules.
func (d *dealing) routes() ([]*gatewayv1.HTTPRoute, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	return d.deal()
}

// deal is routes for a split that may give nobody a share: those who name a release
// get it.
func (d *dealing) deal() ([]*gatewayv1.HTTPRoute, error) {
	var all []*gatewayv1.HTTPRoute
	previews := d.previews()
	for _, host := range d.hosts() {
		rules := d.rules
		if slices.Contains(previews, host) {
			rules = d.previewRules
		}
		for part := range slices.Chunk(rules(host), maxRules) {
			r := d.route(host, part)
			if len(all) > 0 && strings.HasPrefix(all[len(all)-1].Name, r.Name) {
				r.Name = fmt.Sprintf("%s-%d", r.Name, len(all))
			}
			if tooLarge(r) {
				return nil, &davit.Error{
					Code: davit.CodeInvalid, Message: fmt.Sprintf("the routes for host %q are more than an %s takes", host, r.Kind),
					Hint: "have fewer of them, or let a service of the application tell their paths apart",
				}
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// check refuses a routing that cannot be dealt.
func (d *dealing) check() error {
	if err := d.routing.Split.Check(); err != nil {
		return &davit.Error{Code: davit.CodeInvalid, Message: "the split cannot be routed", Err: err}
	}
	for id := range d.routing.Split {
		if d.releases[id] == nil {
			return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("the split names %s, which is not among the releases", id)}
		}
	}
	for _, host := range d.hosts() {
		if err := d.checkKind(host); err != nil {
			return err
		}
	}
	return nil
}

// named are the releases that a request may name: those with a share, and the
// candidate.
func (d *dealing) named() []davit.ReleaseID {
	ids := slices.Clone(d.serving)
	if c := d.routing.Candidate; d.releases[c] != nil && !slices.Contains(ids, c) {
		ids = append(ids, c)
	}
	return ids
}

// hosts returns the patterns of all hosts that some release has a route for, or
// the candidate is previewed at.
func (d *dealing) hosts() []string {
	set := map[string]bool{}
	for _, id := range d.named() {
		for _, r := range d.releases[id].Config.Routes {
			set[hostPattern(r.Host)] = true
		}
	}
	for _, h := range d.previews() {
		set[h] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// prefixes returns those of all routes that concern a host, the longest first.
// Gateways do not all look at a less specific host when a more specific one has no
// matching path, so each host has all of its own.
func (d *dealing) prefixes(host string) []string {
	set := map[string]bool{}
	for _, id := range d.named() {
		for _, r := range d.releases[id].Config.Routes {
			if covers(hostPattern(r.Host), host) {
				set[strings.TrimRight(r.Prefix, "/")] = true
			}
		}
	}
	prefixes := slices.SortedFunc(maps.Keys(set), func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	for i, p := range prefixes {
		if p == "" {
			prefixes[i] = "/"
		}
	}
	return prefixes
}

// rules are those of a host: for each path, the releases with a share that have a
// service there, by their shares; and for those who name a release, that one.
// Paths that lead to the same backends share a rule.
func (d *dealing) rules(host string) []gatewayv1.HTTPRouteRule {
	r := ruleSet{dealing: d, marks: d.marks[d.kind(host)], sticky: d.gateway.Affinity && d.kind(host) == httpRoute}
	for _, prefix := range d.prefixes(host) {
		r.add(d.backends(host, prefix, d.routing.Split, d.serving...), gatewayv1.HTTPRouteMatch{Path: pathMatch(prefix)})
		for _, id := range d.named() {
			for _, word := range d.words(id) {
				r.add(d.backends(host, prefix, davit.All(id), id), gatewayv1.HTTPRouteMatch{Path: pathMatch(prefix), Headers: []gatewayv1.HTTPHeaderMatch{{
					Type: new(gatewayv1.HeaderMatchExact), Name: releaseHeader, Value: word,
				}}})
			}
		}
	}
	return r.rules
}

// words are what names a release in a request. A Gateway cannot see who asks, so
// only the ID does, which nobody guesses; unless everybody may preview.
func (d *dealing) words(id davit.ReleaseID) []string {
	words := []string{string(id)}
	candidate := d.releases[d.routing.Candidate]
	if candidate == nil || !everybody(candidate.Config.Front.Preview) {
		return words
	}
	switch id {
	case d.routing.Candidate:
		words = append(words, "candidate")
	case d.routing.Stable:
		words = append(words, "stable")
	}
	return words
}

// everybody reports whether clients of every address may choose a release.
func everybody(p davit.Preview) bool {
	return slices.Contains(p.Allow, "0.0.0.0/0") || slices.Contains(p.Allow, "::/0")
}

// backends returns the services of the releases that answer to a host and a path,
// weighted by their shares. A release that has none there gets none of these
// requests.
func (d *dealing) backends(host, path string, split davit.Split, ids ...davit.ReleaseID) []gatewayv1.HTTPBackendRef {
	var refs []gatewayv1.HTTPBackendRef
	for _, id := range ids {
		name := serviceAt(d.releases[id].Config.Routes, host, path)
		service, ok := d.releases[id].Config.Services[name]
		if !ok {
			continue
		}
		ref := gatewayv1.HTTPBackendRef{BackendRef: gatewayv1.BackendRef{
			BackendObjectReference: gatewayv1.BackendObjectReference{
				Name: gatewayv1.ObjectName(objectName(d.scope.application, name, id)), Port: new(portOf(service)),
			},
			Weight: new(int32(split[id])), //nolint:gosec // 1 to 1000
		}}
		if d.marks[d.kind(host)] == backendMarks && len(ids) > 1 {
			ref.Filters = answerHeaders(marked(id))
		}
		refs = append(refs, ref)
	}
	return refs
}

// previews are the hosts whose requests all go to the candidate.
func (d *dealing) previews() []string {
	var hosts []string
	if candidate := d.releases[d.routing.Candidate]; candidate != nil {
		for _, h := range candidate.Config.Front.Preview.Hosts {
			hosts = append(hosts, hostPattern(h))
		}
	}
	return hosts
}

// previewRules are those of a host that is the candidate's alone.
func (d *dealing) previewRules(host string) []gatewayv1.HTTPRouteRule {
	r := ruleSet{dealing: d, marks: d.marks[d.kind(host)]}
	for _, prefix := range d.prefixes(host) {
		r.add(d.backends(host, prefix, davit.All(d.routing.Candidate), d.routing.Candidate), gatewayv1.HTTPRouteMatch{Path: pathMatch(prefix)})
	}
	return r.rules
}

// route is that of a host.
func (d *dealing) route(host string, rules []gatewayv1.HTTPRouteRule) *gatewayv1.HTTPRoute {
	kind, name := d.kind(host), routeName(d.scope, host)
	if kind == grpcRoute {
		name += "-grpc"
	}
	route := &gatewayv1.HTTPRoute{
		TypeMeta: metav1.TypeMeta{APIVersion: gatewayv1.GroupVersion.String(), Kind: kind},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: d.scope.labels(), Annotations: map[string]string{annotationRouting: d.note(slices.Contains(d.previews(), host), d.marks[kind])},
		},
		Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{d.gateway.parent()}},
			Rules:           rules,
		},
	}
	if host != "" {
		route.Spec.Hostnames = []gatewayv1.Hostname{gatewayv1.Hostname(host)}
	}
	return route
}

// annotationRouting says what a route was made from.
const annotationRouting = "davit.dev/routing"

// routeNote is what annotationRouting holds, as JSON: what cannot be read from the
// route itself.
type routeNote struct {
	Split     davit.Split                `json:"split"`
	Stable    davit.ReleaseID            `json:"stable,omitempty"`
	Candidate davit.ReleaseID            `json:"candidate,omitempty"`
	Backends  map[string]davit.ReleaseID `json:"backends"` // by the name of their Service
	Preview   bool                       `json:"preview,omitempty"`
	Marks     marking                    `json:"marks,omitempty"`
}

func (d *dealing) note(preview bool, marks marking) string {
	n := routeNote{Split: d.routing.Split, Stable: d.routing.Stable, Candidate: d.routing.Candidate, Backends: map[string]davit.ReleaseID{}, Preview: preview, Marks: marks}
	for _, id := range d.named() {
		for name, s := range d.releases[id].Config.Services {
			if s.Traffic {
				n.Backends[objectName(d.scope.application, name, id)] = id
			}
		}
	}
	text, err := json.Marshal(n)
	if err != nil { // strings and numbers always encode
		panic(err)
	}
	return string(text)
}

// routeName names the route of a host.
func routeName(s scope, host string) string {
	name := environmentName(s.application, s.environment)
	if host != "" {
		name += "-" + digest(host)
	}
	return name
}

// ruleSet collects rules, one for each list of backends: for those who name one,
// and for all others.
type ruleSet struct {
	dealing *dealing
	marks   marking
	sticky  bool // users stay at a release
	rules   []gatewayv1.HTTPRouteRule
	index   map[string]int // by what leads to the same backends
}

// add adds a match to the rule of the releases' backends, if there are any.
func (r *ruleSet) add(backends []gatewayv1.HTTPBackendRef, match gatewayv1.HTTPRouteMatch) {
	if len(backends) == 0 {
		return
	}
	var key strings.Builder
	named := len(match.Headers) > 0
	fmt.Fprintf(&key, "%t ", named)
	for _, b := range backends {
		fmt.Fprintf(&key, "%s:%d=%d ", b.Name, *b.Port, *b.Weight)
	}
	if r.index == nil {
		r.index = map[string]int{}
	}
	i, known := r.index[key.String()]
	if !known {
		i = len(r.rules)
		r.index[key.String()] = i
		rule := gatewayv1.HTTPRouteRule{BackendRefs: backends, Filters: r.dealing.ruleFilters(r.marks, backends, named)}
		if r.sticky && !named {
			rule.SessionPersistence = sessions()
		}
		r.rules = append(r.rules, rule)
	}
	r.rules[i].Matches = append(r.rules[i].Matches, match)
}

func pathMatch(prefix string) *gatewayv1.HTTPPathMatch {
	return &gatewayv1.HTTPPathMatch{Type: new(gatewayv1.PathMatchPathPrefix), Value: &prefix}
}

// tooLarge reports whether the API server would not take a route for its size.
func tooLarge(r *gatewayv1.HTTPRoute) bool {
	const matches, allMatches = 64, 128
	all := 0
	for _, rule := range r.Spec.Rules {
		if all += len(rule.Matches); len(rule.Matches) > matches {
			return true
		}
	}
	return all > allMatches
}
