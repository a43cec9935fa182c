package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// GatewayOptions say what splits the traffic of an environment, and where its
// figures are.
type GatewayOptions struct {
	// Name of the Gateway, its Namespace (that of the instances when empty), and
	// the listener to attach to (all of them when empty). Without a name there is
	// no Gateway, and traffic is split by the numbers of instances.
	Name, Namespace, Section string
	// Affinity has users stay at their release by a cookie of the Gateway's.
	Affinity bool
	// Prometheus is the base URL of the Prometheus that the figures are read from;
	// "" when there is none.
	Prometheus string
}

// key names the Gateway for routes in a namespace.
func (g GatewayOptions) key(namespace string) types.NamespacedName {
	if g.Namespace != "" {
		namespace = g.Namespace
	}
	return types.NamespacedName{Namespace: namespace, Name: g.Name}
}

// parent is the Gateway as a route's parent.
func (g GatewayOptions) parent() gatewayv1.ParentReference {
	p := gatewayv1.ParentReference{Name: gatewayv1.ObjectName(g.Name)}
	if g.Namespace != "" {
		p.Namespace = new(gatewayv1.Namespace(g.Namespace))
	}
	if g.Section != "" {
		p.SectionName = new(gatewayv1.SectionName(g.Section))
	}
	return p
}

// Router splits the traffic of one environment by the routes of a Gateway, or
// without one by the numbers of instances, and reads its figures from Prometheus.
//
// A Gateway gives nothing up by itself when nobody is there to ask it to: Router
// holds no lease. Nor does it tell what is in flight: see Drain.
type Router struct {
	cluster *Cluster
	scope   scope
	options GatewayOptions
	figures *figures

	mu     sync.Mutex
	marks  map[string]*tried             // what the Gateway tells in answers
	idle   map[davit.ReleaseID]time.Time // since when a release has been without a share
	effect string                        // how it is known that the last routing is in effect
	// applied are the generations of the routes that are in effect, by name; none
	// while they change.
	applied map[routeRef]int64
	// held are the Services of the environment as they are in effect, without a
	// Gateway; none while they change.
	held []*corev1.Service
}

// Router returns the router of an environment. It may be called any number of
// times.
func (c *Cluster) Router(application, environment string, gateway GatewayOptions) *Router {
	r := &Router{cluster: c, scope: scope{application, environment}, options: gateway, idle: map[davit.ReleaseID]time.Time{}, marks: map[string]*tried{}}
	r.figures = newFigures(r, gateway.Prometheus)
	return r
}

// Routing returns what the API server holds, by the weights that the routes have
// now: when somebody changed them by hand, that shows.
func (r *Router) Routing(ctx context.Context) (davit.Routing, error) {
	if r.options.Name == "" {
		return r.routingPlain(ctx)
	}
	if err := r.cluster.ready(ctx); err != nil {
		return davit.Routing{}, fmt.Errorf("reading the routing: %w", err)
	}
	d, _, err := r.doors(ctx)
	if err != nil {
		return davit.Routing{}, fmt.Errorf("reading the routing: %w", err)
	}
	return routingOf(d.routesOf(r.scope)), nil
}

// doors returns the watches, when all that the router needs is in view: GRPCRoutes only
// where these releases, or those that the environment has, are called by gRPC. The
// cluster is ready.
func (r *Router) doors(ctx context.Context, releases ...*davit.Release) (*doors, cache.SharedIndexInformer, error) {
	d, err := r.cluster.doors()
	if err != nil {
		return nil, nil, err
	}
	gateway, err := d.gateway(r.options.key(r.cluster.namespace))
	if err != nil {
		return nil, nil, err
	}
	kinds, err := d.kinds(slices.ContainsFunc(releases, called) || r.cluster.called(r.scope))
	if err != nil {
		return nil, nil, err
	}
	return d, gateway, d.ready(ctx, append(kinds, gateway)...)
}

// called reports whether a service of a release is called by gRPC.
func called(release *davit.Release) bool {
	for _, s := range release.Config.Services {
		if s.Protocol == davit.ProtocolGRPC && s.Traffic {
			return true
		}
	}
	return false
}

// Check refuses releases whose routes the Gateway could not take side by side.
func (r *Router) Check(ctx context.Context, from, to *davit.Release) error {
	if r.options.Name == "" {
		return nil
	}
	routing := davit.Routing{Releases: []*davit.Release{to}, Split: davit.All(to.ID), Candidate: to.ID}
	if from != nil && from.ID != to.ID {
		routing.Releases, routing.Split, routing.Stable = append(routing.Releases, from), davit.All(from.ID), from.ID
	}
	routes, err := newDealing(r.scope, r.options, routing, nil).routes()
	if err == nil && r.options.Affinity {
		err = r.cluster.api.keepSessions(ctx, routes)
	}
	return err
}

// Route puts a routing in effect. It returns nil when the Gateway says that it has
// taken it, and answers through the front door show it; where those cannot be had,
// when the Gateway has had time to act. Effect says which.
func (r *Router) Route(ctx context.Context, routing davit.Routing) error {
	route := r.route
	if r.options.Name == "" {
		route = r.routePlain
	}
	err := r.cluster.ready(ctx)
	if err == nil {
		err = r.cluster.claimed(r.scope)
	}
	if err == nil {
		err = route(ctx, routing)
	}
	if err != nil {
		return fmt.Errorf("routing %s/%s: %w", r.scope.application, r.scope.environment, err)
	}
	return nil
}

func (r *Router) route(ctx context.Context, routing davit.Routing) error {
	d, gateway, err := r.doors(ctx, routing.Releases...)
	if err != nil {
		return err
	}
	if err := r.checkReady(ctx, routing); err != nil {
		return err
	}
	r.holds(d, nil)
	before := routingOf(d.routesOf(r.scope))
	o := r.observer(routing)
	if o.door == nil {
		o.door = newDoor(addressOf(gatewayIn(gateway), r.options.Section))
	}
	if o.marks, err = r.marking(ctx, d, gateway, o, routing); err != nil {
		return err
	}
	if err := r.greet(ctx, d, gateway, o, before, routing); err != nil {
		return err
	}
	var plain []*gatewayv1.HTTPRoute
	if routing.Split[routing.Stable] > 0 {
		plain = claimedFor(d.claimed(r.scope), routing.Stable)
	}
	if len(plain) > 0 {
		if err := r.outgrown(routing); err != nil {
			return err
		}
	}
	if len(plain) > 0 && len(before.Split) == 0 {
		if err := r.introduce(ctx, d, gateway, o, routing); err != nil {
			return err
		}
	}
	applied, err := r.put(ctx, d, gateway, routing, o.marks)
	if err == nil && len(plain) > 0 {
		err = r.supersede(ctx, d, gateway, o, plain)
	}
	if err != nil {
		return err
	}
	o.routing = newDealing(r.scope, r.options, routing, o.marks).mark()
	effect, err := o.observe(ctx, before.Split, routing.Split)
	if err != nil {
		return err
	}
	if len(routing.Split) == 0 { // it is taken down, and what it did not take over serves on
		r.took(nil, nil, effect) // Drain sees whether somebody is still led there
		r.holds(d, applied)
		return r.cluster.disclaim(ctx, d, r.scope)
	}
	r.took(routing.Split, before.Split, effect)
	r.holds(d, applied)
	return r.relieve(ctx, routing)
}

// put applies the routes of a routing, deletes those that it has no more, and
// waits until the Gateway has taken them.
func (r *Router) put(ctx context.Context, d *doors, gateway cache.SharedIndexInformer, routing davit.Routing, marks markings) ([]*gatewayv1.HTTPRoute, error) {
	wanted, err := newDealing(r.scope, r.options, routing, marks).routes()
	if err != nil {
		return nil, err
	}
	var applied []*gatewayv1.HTTPRoute
	for _, want := range wanted {
		route, err := d.cluster.api.applyRoute(ctx, want)
		if err != nil {
			return nil, err
		}
		applied = append(applied, route)
	}
	var deleted []routeRef
	for _, old := range d.routesOf(r.scope) {
		if !slices.ContainsFunc(wanted, func(w *gatewayv1.HTTPRoute) bool { return refOf(w) == refOf(old) }) {
			if err := d.cluster.api.removeRoute(ctx, refOf(old)); err != nil {
				return nil, err
			}
			deleted = append(deleted, refOf(old))
		}
	}
	return applied, r.await(ctx, d, gateway, applied, deleted...)
}

// checkReady refuses to give traffic to a release that has a service for it of which
// nothing is ready.
func (r *Router) checkReady(ctx context.Context, routing davit.Routing) error {
	if err := r.cluster.ready(ctx); err != nil {
		return err
	}
	instances, _ := r.cluster.Runtime(r.scope.application, r.scope.environment).look()
	if missing := unserved(routing, instances); missing != "" {
		return &davit.Error{
			Code: davit.CodeUnavailable, Message: fmt.Sprintf("no instance of %s is ready, so it gets no traffic", missing),
			Hint: "see davit status and davit logs for why",
		}
	}
	return nil
}

// unserved names a release with a share, and its service, that no ready instance
// answers for; "" when there is none. A service that is to have no instances is not
// missed.
func unserved(routing davit.Routing, instances []davit.Instance) string {
	ready := map[davit.ReleaseID]davit.Size{}
	for _, i := range instances {
		if i.Condition == davit.Ready {
			if ready[i.Release] == nil {
				ready[i.Release] = davit.Size{}
			}
			ready[i.Release][i.Service]++
		}
	}
	for _, id := range slices.Sorted(maps.Keys(routing.Split)) {
		if ready[id] == nil {
			return string(id)
		}
	}
	for _, release := range routing.Releases {
		for _, name := range slices.Sorted(maps.Keys(release.Config.Services)) {
			s := release.Config.Services[name]
			if routing.Split[release.ID] > 0 && s.Traffic && s.Replicas > 0 && ready[release.ID][name] == 0 {
				return name + " of " + string(release.ID)
			}
		}
	}
	return ""
}

// took notes that a split is in effect, and how that is known.
func (r *Router) took(split, before davit.Split, effect string) {
	now := r.cluster.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.effect = effect
	for id := range split {
		delete(r.idle, id)
	}
	for id := range before {
		if _, known := r.idle[id]; !known && split[id] == 0 {
			r.idle[id] = now
		}
	}
}

// Effect says how it is known that the last routing is in effect, for people.
func (r *Router) Effect() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.effect
}
