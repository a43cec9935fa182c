package kubernetes

import (
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// The headers by which requests choose a release, and answers tell where they are
// from.
const (
	// releaseHeader chooses a release in a request. In an answer it tells which
	// release gave it: by its ID to those who named it, by its mark to all others.
	releaseHeader = "Davit-Release"
	// routingHeader tells in an answer by which routing the request was dealt, as
	// dealing.mark writes it.
	routingHeader = "Davit-Routing"
)

// marking is what a Gateway can be had to tell in its answers.
type marking int

const (
	noMarks marking = iota
	// ruleMarks tell the routing, and the release where a rule has but one.
	ruleMarks
	// backendMarks tell the release where a rule has several, too.
	backendMarks
)

// markings are those of a Gateway, by the kind of the route; none where it has none.
type markings map[string]marking

// releaseMark is how an answer tells its release to everybody: so that it can be
// told from others, without its version.
func releaseMark(id davit.ReleaseID) string { return digest(string(id)) }

// mark tells this routing from others.
func (d *dealing) mark() string { return digest(d.note(false, noMarks)) }

// ruleFilters have the answers of a rule carry these marks; named says that its requests
// name the release.
func (d *dealing) ruleFilters(marks marking, backends []gatewayv1.HTTPBackendRef, named bool) []gatewayv1.HTTPRouteFilter {
	by := gatewayv1.HTTPHeader{Name: routingHeader, Value: d.mark()}
	switch {
	case marks == noMarks:
		return nil
	case named:
		return answerHeaders(by, gatewayv1.HTTPHeader{Name: releaseHeader, Value: string(d.owner(backends[0]))})
	case len(backends) == 1:
		return answerHeaders(by, marked(d.owner(backends[0])))
	default:
		return answerHeaders(by)
	}
}

// owner returns the release that a backend belongs to.
func (d *dealing) owner(ref gatewayv1.HTTPBackendRef) davit.ReleaseID {
	for _, id := range d.named() {
		for name := range d.releases[id].Config.Services {
			if objectName(d.scope.application, name, id) == string(ref.Name) {
				return id
			}
		}
	}
	return ""
}

// marked is the header by which answers tell a release.
func marked(id davit.ReleaseID) gatewayv1.HTTPHeader {
	return gatewayv1.HTTPHeader{Name: releaseHeader, Value: releaseMark(id)}
}

// answerHeaders have answers carry headers.
func answerHeaders(headers ...gatewayv1.HTTPHeader) []gatewayv1.HTTPRouteFilter {
	return []gatewayv1.HTTPRouteFilter{{
		Type: gatewayv1.HTTPRouteFilterResponseHeaderModifier, ResponseHeaderModifier: &gatewayv1.HTTPHeaderFilter{Set: headers},
	}}
}
