package kubernetes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/davit-dev/davit"
)

// shop is the environment of these tests.
var (
	shop   = scope{"shop", "production"}
	public = GatewayOptions{Name: "public", Namespace: "gateways", Section: "web"}
)

// routed returns a release of services that take traffic, with these routes.
func routed(version string, routes ...davit.Route) *davit.Release {
	config := davit.ReleaseConfig{Services: map[string]davit.Service{"worker": {Name: "worker"}}, Routes: routes}
	for _, r := range routes {
		config.Services[r.Service] = davit.Service{
			Name: r.Service, Traffic: true, Port: 8000, DrainLimit: davit.Duration(time.Second),
			Readiness: &davit.Probe{HTTP: &davit.HTTPProbe{Path: "/" + r.Service + "/healthz"}},
		}
	}
	return &davit.Release{ID: davit.ReleaseID(version + "-" + digest(version)), Version: version, Config: config}
}

// speak has services of a release speak gRPC.
func speak(r *davit.Release, services ...string) {
	for _, name := range services {
		if s, ok := r.Config.Services[name]; ok {
			s.Protocol = davit.ProtocolGRPC
			r.Config.Services[name] = s
		}
	}
}

func TestRoutes(t *testing.T) {
	v1 := routed("v1", davit.Route{Host: "shop.example.org", Prefix: "/", Service: "web"}, davit.Route{Host: "shop.example.org", Prefix: "/api", Service: "api"})
	v2 := routed("v2", append(slices.Clone(v1.Config.Routes), davit.Route{Host: "shop.example.org", Prefix: "/new/", Service: "web"})...)
	open := routed("v3", davit.Route{Prefix: "/", Service: "web"})
	open.Config.Front.Preview = davit.Preview{Hosts: []string{"preview.example.org"}, Allow: []string{"0.0.0.0/0", "::/0"}}
	old := routed("v0", davit.Route{Prefix: "/", Service: "web"}, davit.Route{Host: "*.example.org", Prefix: "/static", Service: "static"})
	rpc := []davit.Route{
		{Host: "shop.example.org", Prefix: "/", Service: "web"}, {Host: "*.calls.example.org", Prefix: "/", Service: "rpc"},
		{Host: "*.calls.example.org", Prefix: "/shop.v1.Orders", Service: "orders"}, {Host: "*.calls.example.org", Prefix: "/shop.v1.Orders/Place", Service: "rpc"},
	}
	g1, g2 := routed("v1", rpc...), routed("v2", rpc...)
	for name, c := range map[string]struct {
		routing davit.Routing
		marks   markings
		calls   []string // the services that speak gRPC
	}{
		"first":     {davit.Routing{Releases: []*davit.Release{v1}, Split: davit.All(v1.ID)}, nil, nil},
		"canary":    {davit.Routing{Releases: []*davit.Release{v2, v1}, Split: davit.Split{v1.ID: 950, v2.ID: 50}, Stable: v1.ID, Candidate: v2.ID}, markings{httpRoute: backendMarks}, nil},
		"preview":   {davit.Routing{Releases: []*davit.Release{v1, v2}, Split: davit.All(v1.ID), Stable: v1.ID, Candidate: v2.ID}, markings{httpRoute: ruleMarks}, nil},
		"everybody": {davit.Routing{Releases: []*davit.Release{old, open}, Split: davit.Split{old.ID: 500, open.ID: 500}, Stable: old.ID, Candidate: open.ID}, nil, nil},
		"nothing":   {davit.Routing{}, markings{httpRoute: backendMarks}, nil},
		"calls": {
			davit.Routing{Releases: []*davit.Release{g1, g2}, Split: davit.Split{g1.ID: 900, g2.ID: 100}, Stable: g1.ID, Candidate: g2.ID},
			markings{httpRoute: ruleMarks, grpcRoute: backendMarks},
			[]string{"rpc", "orders"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range c.routing.Releases {
				speak(r, c.calls...)
			}
			routes, err := newDealing(shop, public, c.routing, c.marks).routes()
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			for _, r := range routes {
				var o object = r
				if r.Kind == grpcRoute {
					o = callsOf(r)
					if diff := cmp.Diff(r, routeOf(callsOf(r))); diff != "" {
						t.Errorf("as a GRPCRoute it is another: %s", diff)
					}
				}
				fields, err := configuration(o)
				if err != nil {
					t.Fatal(err)
				}
				document, err := yaml.JSONToYAML(fields)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&text, "---\n%s", document)
			}
			goldenFile(t, filepath.Join("testdata", "routes", name+".yaml"), text.String())
			if got := routingOf(routes); !got.Split.Equal(c.routing.Split) || got.Stable != c.routing.Stable || got.Candidate != c.routing.Candidate {
				t.Errorf("it is read back as %+v", got)
			}
		})
	}
}

func goldenFile(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(got), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestRoutesRefuse(t *testing.T) {
	v1 := routed("v1", davit.Route{Prefix: "/", Service: "web"})
	var many []davit.Route
	for i := range 100 {
		many = append(many, davit.Route{Prefix: fmt.Sprintf("/%d", i), Service: "web"})
	}
	large := routed("v2", many...)
	for name, routing := range map[string]davit.Routing{
		"a split that is none":         {Releases: []*davit.Release{v1}, Split: davit.Split{v1.ID: 10}},
		"a release that is not there":  {Releases: []*davit.Release{v1}, Split: davit.All("v9-0123456789ab")},
		"more than an HTTPRoute takes": {Releases: []*davit.Release{large}, Split: davit.All(large.ID)},
	} {
		if _, err := newDealing(shop, public, routing, nil).routes(); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A Gateway takes one kind of route at a host, and a call has no path of its own.
func TestRoutesRefuseHosts(t *testing.T) {
	const calls, shop1, below = "calls.example.org", "shop.example.org", "*.example.org"
	for name, c := range map[string]struct {
		routes []davit.Route
		code   davit.Code
		says   string
	}{
		"apart":              {[]davit.Route{{Host: calls, Prefix: "/", Service: "rpc"}, {Host: shop1, Prefix: "/", Service: "web"}}, "", ""},
		"both at a host":     {[]davit.Route{{Host: calls, Prefix: "/a.B", Service: "rpc"}, {Host: calls, Prefix: "/", Service: "web"}}, davit.CodeUnsupported, "to rpc, which speaks gRPC, and to web"},
		"both by a wildcard": {[]davit.Route{{Host: calls, Prefix: "/", Service: "rpc"}, {Host: below, Prefix: "/", Service: "web"}}, davit.CodeUnsupported, "host calls.example.org"},
		"both at any host":   {[]davit.Route{{Host: calls, Prefix: "/", Service: "rpc"}, {Prefix: "/", Service: "web"}}, davit.CodeUnsupported, "host calls.example.org"},
		"a path":             {[]davit.Route{{Host: calls, Prefix: "/a/b/c", Service: "rpc"}}, davit.CodeInvalid, "begins with /a/b/c"},
		"no name":            {[]davit.Route{{Prefix: "/a-b", Service: "rpc"}}, davit.CodeInvalid, "no gRPC call to host any"},
		"a method":           {[]davit.Route{{Prefix: "/.a.b_1.C/D/", Service: "rpc"}}, "", ""},
	} {
		v1 := routed("v1", c.routes...)
		speak(v1, "rpc")
		_, err := newDealing(shop, public, davit.Routing{Releases: []*davit.Release{v1}, Split: davit.All(v1.ID)}, nil).routes()
		if c.says == "" && err != nil || c.says != "" && (davit.ErrorCode(err) != c.code || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What one HTTPRoute does not take is in a further one.
func TestRoutesOfManyServices(t *testing.T) {
	var many []davit.Route
	for i := range 10 {
		many = append(many, davit.Route{Host: "shop.example.org", Prefix: fmt.Sprintf("/%d", i), Service: fmt.Sprintf("s%d", i)})
	}
	v1, v2 := routed("v1", many...), routed("v2", many...)
	split := davit.Split{v1.ID: 900, v2.ID: 100}
	routes, err := newDealing(shop, public, davit.Routing{Releases: []*davit.Release{v1, v2}, Split: split}, nil).routes()
	if err != nil {
		t.Fatal(err)
	}
	names, rules := map[string]bool{}, 0
	for _, r := range routes {
		names[r.Name] = true
		rules += len(r.Spec.Rules)
	}
	if len(names) != 2 || len(routes) != 2 || rules != 30 {
		t.Errorf("%d rules in %v", rules, names)
	}
	if got := routingOf(routes).Split; !got.Equal(split) {
		t.Errorf("read back as %s", got)
	}
}

// Weights that somebody changed by hand show.
func TestRoutingShowsDrift(t *testing.T) {
	v1 := routed("v1", davit.Route{Prefix: "/", Service: "web"}, davit.Route{Prefix: "/api", Service: "api"})
	v2 := routed("v2", v1.Config.Routes...)
	routing := davit.Routing{Releases: []*davit.Release{v1, v2}, Split: davit.Split{v1.ID: 900, v2.ID: 100}, Stable: v1.ID, Candidate: v2.ID}
	routes, err := newDealing(shop, public, routing, nil).routes()
	if err != nil {
		t.Fatal(err)
	}
	rules := routes[0].Spec.Rules
	i := slices.IndexFunc(rules, func(r gatewayv1.HTTPRouteRule) bool { return len(r.BackendRefs) == 2 })
	last := rules[i].BackendRefs
	last[0].Weight, last[1].Weight = new(int32(1)), new(int32(2))
	if got := routingOf(routes).Split; !got.Equal(davit.Split{v1.ID: 333, v2.ID: 667}) {
		t.Errorf("read back as %s", got)
	}
	rules[i].BackendRefs = last[:1]
	if got := routingOf(routes).Split; !got.Equal(routing.Split) && !got.Equal(davit.All(v1.ID)) {
		t.Errorf("read back as %s", got)
	}
}

// Whatever routes releases have, a request reaches the service of its release that
// the release's own routes say, by the precedence of the Gateway API: the most
// specific host, then the longest path, then headers.
func TestRoutesLeadWhereReleasesSay(t *testing.T) {
	host := rapid.SampledFrom([]string{"", "*.org", "*.b.org", "b.org", "a.b.org"})
	prefix := rapid.SampledFrom([]string{"/", "/a", "/a/", "/a/b", "/ab", "/c"})
	service := rapid.SampledFrom([]string{"web", "api"})
	routes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) davit.Route {
		return davit.Route{Host: host.Draw(t, "host"), Prefix: prefix.Draw(t, "prefix"), Service: service.Draw(t, "service")}
	}), 1, 5)
	rapid.Check(t, func(t *rapid.T) {
		v1, v2 := routed("v1", distinct(routes.Draw(t, "v1"))...), routed("v2", distinct(routes.Draw(t, "v2"))...)
		share := rapid.IntRange(1, 999).Draw(t, "share")
		routing := davit.Routing{Releases: []*davit.Release{v1, v2}, Split: davit.Split{v1.ID: davit.Whole - share, v2.ID: share}, Stable: v1.ID, Candidate: v2.ID}
		all, err := newDealing(shop, public, routing, nil).routes()
		if err != nil {
			t.Fatal(err)
		}
		if got := routingOf(all).Split; !got.Equal(routing.Split) && everywhere(v1, v2) {
			t.Errorf("read back as %s, want %s", got, routing.Split)
		}
		at := rapid.SampledFrom([]string{"b.org", "a.b.org", "x.a.b.org", "c.org", "d.net"}).Draw(t, "to")
		path := rapid.SampledFrom([]string{"/", "/a", "/a/b/c", "/abc", "/c", "/x"}).Draw(t, "path")
		name := rapid.SampledFrom([]string{"", string(v1.ID), string(v2.ID)}).Draw(t, "name")
		var want []string
		for _, r := range []*davit.Release{v1, v2} {
			if s := serviceAt(r.Config.Routes, at, path); s != "" && (name == "" || name == string(r.ID)) {
				want = append(want, objectName("shop", s, r.ID))
			}
		}
		if got := gatewayed(all, at, path, name); !slices.Equal(got, want) && (name == "" || len(want) > 0) {
			t.Errorf("%s%s naming %q reaches %v, want %v", at, path, name, got, want)
		}
	})
}

// distinct returns the first route of each host and path.
func distinct(routes []davit.Route) []davit.Route {
	var all []davit.Route
	for _, r := range routes {
		if !slices.ContainsFunc(all, func(o davit.Route) bool {
			return o.Host == r.Host && strings.TrimRight(o.Prefix, "/") == strings.TrimRight(r.Prefix, "/")
		}) {
			all = append(all, r)
		}
	}
	return all
}

// everywhere reports whether both releases answer to any path of any host.
func everywhere(releases ...*davit.Release) bool {
	for _, r := range releases {
		if serviceAt(r.Config.Routes, "", "/") == "" {
			return false
		}
	}
	return true
}

// gatewayed returns the backends that a Gateway sends a request to.
func gatewayed(routes []*gatewayv1.HTTPRoute, host, path, name string) []string {
	var best *gatewayv1.HTTPRoute
	for _, r := range routes {
		pattern := ""
		if len(r.Spec.Hostnames) > 0 {
			pattern = string(r.Spec.Hostnames[0])
		}
		if !covers(pattern, host) {
			continue
		}
		if best == nil || len(best.Spec.Hostnames) == 0 || pattern != "" && moreSpecific(pattern, string(best.Spec.Hostnames[0])) < 0 {
			best = r
		}
	}
	if best == nil {
		return nil
	}
	rank := -1
	var refs []string
	for _, rule := range best.Spec.Rules {
		for _, m := range rule.Matches {
			if !under(path, *m.Path.Value) || len(m.Headers) > 0 && m.Headers[0].Value != name {
				continue
			}
			if this := 2*len(strings.TrimRight(*m.Path.Value, "/")) + len(m.Headers); this > rank {
				rank, refs = this, nil
				for _, b := range rule.BackendRefs {
					refs = append(refs, string(b.Name))
				}
			}
		}
	}
	return refs
}

func TestTargets(t *testing.T) {
	probed := routed("v1", davit.Route{Host: "shop.example.org", Prefix: "/", Service: "web"}, davit.Route{Host: "*.example.org", Prefix: "/api", Service: "api"})
	d := newDealing(shop, public, davit.Routing{Releases: []*davit.Release{probed}, Split: davit.All(probed.ID)}, nil)
	want := []target{{host: "davit.example.org", path: "/api/healthz", kind: httpRoute}, {host: "shop.example.org", path: "/web/healthz", kind: httpRoute}}
	if got := d.targets(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// What calls are asked for to see a split changes nothing.
func TestTargetsOfCalls(t *testing.T) {
	for prefix, want := range map[string]string{"/": "/grpc.health.v1.Health/Check", "/shop.Orders": "/shop.Orders/DavitObserves", "/shop.Orders/Place": ""} {
		v1 := routed("v1", davit.Route{Host: "*.example.org", Prefix: prefix, Service: "rpc"})
		speak(v1, "rpc")
		d := newDealing(shop, public, davit.Routing{Releases: []*davit.Release{v1}, Split: davit.All(v1.ID)}, nil)
		var targets []target
		if want != "" {
			targets = []target{{host: "davit.example.org", path: want, kind: grpcRoute}}
		}
		if got := d.targets(); !slices.Equal(got, targets) {
			t.Errorf("%s: %v, want %v", prefix, got, targets)
		}
	}
}

func TestAddressOfGateway(t *testing.T) {
	g := &gatewayv1.Gateway{
		Spec: gatewayv1.GatewaySpec{Listeners: []gatewayv1.Listener{
			{Name: "db", Protocol: gatewayv1.TCPProtocolType, Port: 5432}, {Name: "web", Protocol: gatewayv1.HTTPProtocolType, Port: 80},
			{Name: "tls", Protocol: gatewayv1.HTTPSProtocolType, Port: 8443},
		}},
		Status: gatewayv1.GatewayStatus{Addresses: []gatewayv1.GatewayStatusAddress{{Value: "fd00::1"}, {Value: "10.0.0.1"}}},
	}
	for section, want := range map[string]string{"": "http://[fd00::1]:80", "tls": "https://[fd00::1]:8443", "db": "", "other": ""} {
		if got := addressOf(g, section); got != want {
			t.Errorf("listener %q is at %q, want %q", section, got, want)
		}
	}
	if got := addressOf(nil, "") + addressOf(&gatewayv1.Gateway{}, ""); got != "" {
		t.Errorf("without an address it is at %q", got)
	}
}
