package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// A GRPCRoute says what an HTTPRoute says, of the service and the method of a call
// instead of a path. So routes are dealt, kept in view and read back as HTTPRoutes
// whose kind may be GRPCRoute, and the API server alone sees these.
const (
	httpRoute = "HTTPRoute"
	grpcRoute = "GRPCRoute"
)

// routeRef names a route.
type routeRef struct{ kind, name string }

func refOf(r *gatewayv1.HTTPRoute) routeRef { return routeRef{r.Kind, r.Name} }

func (r routeRef) String() string { return r.kind + " " + r.name }

// kindOf is how requests to a service are routed.
func kindOf(s davit.Service) string {
	if s.Protocol == davit.ProtocolGRPC {
		return grpcRoute
	}
	return httpRoute
}

// speaks returns a service that gets gRPC calls to a host, and one that gets other
// requests; "" for none.
func (d *dealing) speaks(host string) (calls, others string) {
	for _, id := range d.named() {
		config := d.releases[id].Config
		for _, r := range config.Routes {
			switch {
			case !covers(hostPattern(r.Host), host):
			case kindOf(config.Services[r.Service]) == grpcRoute:
				calls = r.Service
			default:
				others = r.Service
			}
		}
	}
	return calls, others
}

// kind is that of the routes of a host.
func (d *dealing) kind(host string) string {
	if calls, _ := d.speaks(host); calls != "" {
		return grpcRoute
	}
	return httpRoute
}

// checkKind refuses a host that a Gateway would take but one of two routes of, or whose
// paths are none of calls.
func (d *dealing) checkKind(host string) error {
	calls, others := d.speaks(host)
	if calls == "" {
		return nil
	}
	name := cmp.Or(host, "any")
	if others != "" {
		return &davit.Error{
			Code: davit.CodeUnsupported, Message: fmt.Sprintf("requests to host %s go to %s, which speaks gRPC, and to %s, which does not, and a Gateway takes one kind of route at a host", name, calls, others),
			Hint: "give gRPC a host of its own, and every other route a host too; or write protocol: h2c",
		}
	}
	for _, prefix := range d.prefixes(host) {
		if !callPath.MatchString(prefix) {
			return &davit.Error{
				Code: davit.CodeInvalid, Message: fmt.Sprintf("no gRPC call to host %s begins with %s", name, prefix),
				Hint: "a prefix of calls is /, /package.Service or /package.Service/Method",
			}
		}
	}
	return nil
}

// inView is how an object is kept in view: slim, and a route as an HTTPRoute that says
// its kind.
func inView(object any) (any, error) {
	switch o := object.(type) {
	case *gatewayv1.GRPCRoute:
		object = routeOf(o)
	case *gatewayv1.HTTPRoute:
		if o.Kind == "" { // as it comes from the API server
			o.Kind = httpRoute
		}
	}
	return slim(object)
}

// applyRoute applies a route, by the way that is said for its kind.
func (a api) applyRoute(ctx context.Context, r *gatewayv1.HTTPRoute, dryRun ...string) (*gatewayv1.HTTPRoute, error) {
	if r.Kind == grpcRoute {
		applied, err := apply(ctx, a.calls(), callsOf(r), dryRun...)
		if err != nil {
			return nil, err
		}
		return routeOf(applied), nil
	}
	applied, err := apply(ctx, a.routes(), r, dryRun...)
	if err != nil {
		return nil, err
	}
	applied.Kind = httpRoute
	return applied, nil
}

// removeRoute deletes a route, if there is one.
func (a api) removeRoute(ctx context.Context, r routeRef) error {
	remove := a.routes().remove
	if r.kind == grpcRoute {
		remove = a.calls().remove
	}
	return persist(ctx, doing("deleting", r.kind, r.name), func(ctx context.Context) error {
		err := remove(ctx, r.name, metav1.DeleteOptions{})
		if errors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// routeOf returns a GRPCRoute as an HTTPRoute of its kind.
func routeOf(c *gatewayv1.GRPCRoute) *gatewayv1.HTTPRoute {
	r := &gatewayv1.HTTPRoute{
		TypeMeta: metav1.TypeMeta{APIVersion: gatewayv1.GroupVersion.String(), Kind: grpcRoute}, ObjectMeta: c.ObjectMeta,
		Spec:   gatewayv1.HTTPRouteSpec{CommonRouteSpec: c.Spec.CommonRouteSpec, Hostnames: c.Spec.Hostnames},
		Status: gatewayv1.HTTPRouteStatus{RouteStatus: c.Status.RouteStatus},
	}
	for _, rule := range c.Spec.Rules {
		to := gatewayv1.HTTPRouteRule{Name: rule.Name, SessionPersistence: rule.SessionPersistence}
		for _, m := range rule.Matches {
			match := gatewayv1.HTTPRouteMatch{Path: pathOf(m.Method)}
			for _, h := range m.Headers {
				match.Headers = append(match.Headers, gatewayv1.HTTPHeaderMatch{Type: (*gatewayv1.HeaderMatchType)(h.Type), Name: gatewayv1.HTTPHeaderName(h.Name), Value: h.Value})
			}
			to.Matches = append(to.Matches, match)
		}
		for _, f := range rule.Filters {
			to.Filters = append(to.Filters, filterOf(f))
		}
		for _, b := range rule.BackendRefs {
			ref := gatewayv1.HTTPBackendRef{BackendRef: b.BackendRef}
			for _, f := range b.Filters {
				ref.Filters = append(ref.Filters, filterOf(f))
			}
			to.BackendRefs = append(to.BackendRefs, ref)
		}
		r.Spec.Rules = append(r.Spec.Rules, to)
	}
	return r
}

// callsOf returns the GRPCRoute that an HTTPRoute of that kind stands for.
func callsOf(r *gatewayv1.HTTPRoute) *gatewayv1.GRPCRoute {
	c := &gatewayv1.GRPCRoute{
		TypeMeta: r.TypeMeta, ObjectMeta: r.ObjectMeta,
		Spec:   gatewayv1.GRPCRouteSpec{CommonRouteSpec: r.Spec.CommonRouteSpec, Hostnames: r.Spec.Hostnames},
		Status: gatewayv1.GRPCRouteStatus{RouteStatus: r.Status.RouteStatus},
	}
	for _, rule := range r.Spec.Rules {
		to := gatewayv1.GRPCRouteRule{Name: rule.Name, SessionPersistence: rule.SessionPersistence}
		for _, m := range rule.Matches {
			match := gatewayv1.GRPCRouteMatch{Method: methodOf(m.Path)}
			for _, h := range m.Headers {
				match.Headers = append(match.Headers, gatewayv1.GRPCHeaderMatch{Type: (*gatewayv1.GRPCHeaderMatchType)(h.Type), Name: gatewayv1.GRPCHeaderName(h.Name), Value: h.Value})
			}
			to.Matches = append(to.Matches, match)
		}
		for _, f := range rule.Filters {
			to.Filters = append(to.Filters, callFilterOf(f))
		}
		for _, b := range rule.BackendRefs {
			ref := gatewayv1.GRPCBackendRef{BackendRef: b.BackendRef}
			for _, f := range b.Filters {
				ref.Filters = append(ref.Filters, callFilterOf(f))
			}
			to.BackendRefs = append(to.BackendRefs, ref)
		}
		c.Spec.Rules = append(c.Spec.Rules, to)
	}
	return c
}

func filterOf(f gatewayv1.GRPCRouteFilter) gatewayv1.HTTPRouteFilter {
	return gatewayv1.HTTPRouteFilter{
		Type: gatewayv1.HTTPRouteFilterType(f.Type), RequestHeaderModifier: f.RequestHeaderModifier,
		ResponseHeaderModifier: f.ResponseHeaderModifier, RequestMirror: f.RequestMirror, ExtensionRef: f.ExtensionRef,
	}
}

func callFilterOf(f gatewayv1.HTTPRouteFilter) gatewayv1.GRPCRouteFilter {
	return gatewayv1.GRPCRouteFilter{
		Type: gatewayv1.GRPCRouteFilterType(f.Type), RequestHeaderModifier: f.RequestHeaderModifier,
		ResponseHeaderModifier: f.ResponseHeaderModifier, RequestMirror: f.RequestMirror, ExtensionRef: f.ExtensionRef,
	}
}

// pathOf returns the path of the calls that a match means: a prefix, or, where there
// is no such path, a regular expression.
func pathOf(m *gatewayv1.GRPCMethodMatch) *gatewayv1.HTTPPathMatch {
	if m == nil {
		return pathMatch("/")
	}
	service, method := "", ""
	if m.Service != nil {
		service = *m.Service
	}
	if m.Method != nil {
		method = *m.Method
	}
	switch {
	case service+method == "":
		return pathMatch("/")
	case service == "" || m.Type != nil && *m.Type != gatewayv1.GRPCMethodMatchExact:
		path := "/" + service + "/" + method
		return &gatewayv1.HTTPPathMatch{Type: new(gatewayv1.PathMatchRegularExpression), Value: &path}
	case method == "":
		return pathMatch("/" + service)
	default:
		return pathMatch("/" + service + "/" + method)
	}
}

// methodOf returns the calls whose path begins with a prefix; nil for all. It is one
// that callPath matches.
func methodOf(p *gatewayv1.HTTPPathMatch) *gatewayv1.GRPCMethodMatch {
	m := callPath.FindStringSubmatch(*p.Value)
	if m == nil || m[1] == "" {
		return nil
	}
	match := &gatewayv1.GRPCMethodMatch{Type: new(gatewayv1.GRPCMethodMatchExact), Service: &m[1]}
	if m[2] != "" {
		match.Method = &m[2]
	}
	return match
}

// callPath matches the prefixes that calls have: all, those of a service, and those of
// a method. Whether the names are such that the Gateway API takes is in it.
var callPath = regexp.MustCompile(`^/(?:(\.?[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*)(?:/([A-Za-z_][A-Za-z_0-9]*)?)?)?$`)

// harmless returns a call below a prefix that changes nothing: of its health, or of a
// method that nobody has; "" when there is none.
func harmless(prefix string) string {
	m := callPath.FindStringSubmatch(prefix)
	switch {
	case m == nil || m[2] != "":
		return ""
	case m[1] == "":
		return "/grpc.health.v1.Health/Check"
	default:
		return strings.TrimRight(prefix, "/") + "/DavitObserves"
	}
}
