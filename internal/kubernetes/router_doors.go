package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// doors keeps the routes that Davit made in the namespace in view, and the
// Gateways that they are attached to. It begins to watch when a Gateway is first
// asked for.
type doors struct {
	cluster *Cluster
	routes  cache.SharedIndexInformer
	changes *hub // of routes by scope; of Gateways by the zero scope

	mu       sync.Mutex
	calls    cache.SharedIndexInformer // GRPCRoutes, as inView has them; nil before somebody needed them
	gateways map[types.NamespacedName]cache.SharedIndexInformer
	troubles map[cache.SharedIndexInformer]error // what each ran into last
}

// doors returns the cluster's, made the first time.
func (c *Cluster) doors() (*doors, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gatewayAPI != nil {
		return c.gatewayAPI, nil
	}
	d := &doors{cluster: c, changes: newHub(), gateways: map[types.NamespacedName]cache.SharedIndexInformer{}, troubles: map[cache.SharedIndexInformer]error{}}
	d.routes = c.api.routes().informer(cache.Indexers{indexByScope: byScope}, own)
	if err := d.start(d.routes, ofLabels); err != nil {
		return nil, err
	}
	c.gatewayAPI = d
	return d, nil
}

// ofLabels says which environment an object belongs to.
func ofLabels(object any) scope {
	if o, ok := object.(metav1.Object); ok {
		return scopeOf(o.GetLabels())
	}
	return scope{}
}

// kinds returns what watches the routes; calls has those of gRPC watched from now on.
func (d *doors) kinds(calls bool) ([]cache.SharedIndexInformer, error) {
	d.cluster.mu.Lock()
	defer d.cluster.mu.Unlock()
	if begun := d.watched(); len(begun) > 1 || !calls {
		return begun, nil
	}
	informer := d.cluster.api.calls().informer(cache.Indexers{indexByScope: byScope}, own)
	if err := d.start(informer, ofLabels); err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.calls = informer
	d.mu.Unlock()
	return d.watched(), nil
}

// watched returns what watches routes now.
func (d *doors) watched() []cache.SharedIndexInformer {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.calls == nil {
		return []cache.SharedIndexInformer{d.routes}
	}
	return []cache.SharedIndexInformer{d.routes, d.calls}
}

// start has an informer run as long as the cluster; of says whom a change
// concerns. The cluster's lock is held.
func (d *doors) start(informer cache.SharedIndexInformer, of func(any) scope) error {
	tell := func(object any) {
		if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = gone.Obj
		}
		d.changes.send(of(object))
	}
	err := errors.Join(
		informer.SetTransform(inView),
		informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *cache.Reflector, err error) {
			d.cluster.log.DebugContext(ctx, "a watch was interrupted, and begins again", "cluster", d.cluster.String(), "error", err)
			d.mu.Lock()
			d.troubles[informer] = err
			d.mu.Unlock()
			d.changes.send(scope{})
		}),
	)
	if err == nil {
		_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: tell, UpdateFunc: func(_, o any) { tell(o) }, DeleteFunc: tell})
	}
	if err != nil {
		return fmt.Errorf("watching the routes of %s: %w", d.cluster, err)
	}
	if d.cluster.ctx.Err() == nil {
		d.cluster.tasks.Go(func() { informer.RunWithContext(d.cluster.ctx) })
	}
	return nil
}

// gateway returns what watches one Gateway, begun the first time.
func (d *doors) gateway(name types.NamespacedName) (cache.SharedIndexInformer, error) {
	d.cluster.mu.Lock()
	defer d.cluster.mu.Unlock()
	if informer := d.gateways[name]; informer != nil {
		return informer, nil
	}
	informer := d.cluster.api.gateways().in(name.Namespace).informer(nil, func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("metadata.name", name.Name).String()
	})
	if err := d.start(informer, func(any) scope { return scope{} }); err != nil {
		return nil, err
	}
	d.gateways[name] = informer
	return informer, nil
}

// trouble returns what the informers ran into last.
func (d *doors) trouble(all []cache.SharedIndexInformer) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var troubles []error
	for _, informer := range all {
		if !informer.HasSynced() {
			troubles = append(troubles, d.troubles[informer])
		}
	}
	return errors.Join(troubles...)
}

// ready returns nil when all that the informers watch is in view, and an error as soon
// as that is refused.
func (d *doors) ready(ctx context.Context, all ...cache.SharedIndexInformer) error {
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.cluster.ctx, cancel)()
	troubles := d.changes.subscribe(stop, scope{})
	var listening sync.WaitGroup
	defer listening.Wait()
	defer cancel()
	listening.Go(func() {
		for !hopeless(d.trouble(all)) {
			if _, open := <-troubles; !open {
				return
			}
		}
		cancel()
	})
	for _, informer := range all {
		if informer.HasSynced() || cache.WaitForCacheSync(stop.Done(), informer.HasSynced) {
			continue
		}
		if d.cluster.ctx.Err() != nil {
			return d.cluster.closed()
		}
		trouble := d.trouble(all)
		e := &davit.Error{
			Code: davit.CodeUnavailable, Message: fmt.Sprintf("the routes in %s cannot be watched", d.cluster), Err: errors.Join(trouble, ctx.Err()),
			Hint: "is the API server up, and may the server's account list and watch httproutes, gateways and, for protocol: grpc, grpcroutes?",
		}
		if apierrors.IsNotFound(trouble) {
			e.Code, e.Hint = davit.CodeUnsupported, "install the Gateway API and a Gateway, or leave out gateway: to split by the numbers of instances"
		}
		return e
	}
	return nil
}

// watch has the routes in view, those of gRPC too when calls is set.
func (d *doors) watch(ctx context.Context, calls bool) error {
	kinds, err := d.kinds(calls)
	if err != nil {
		return err
	}
	return d.ready(ctx, kinds...)
}

// hopeless reports whether waiting does not mend a watch's trouble.
func hopeless(trouble error) bool {
	return apierrors.IsForbidden(trouble) || apierrors.IsNotFound(trouble)
}

// routesOf returns the routes of an environment. They belong to the watch, and are
// not to be changed.
func (d *doors) routesOf(s scope) []*gatewayv1.HTTPRoute {
	var found []*gatewayv1.HTTPRoute
	for _, informer := range d.watched() {
		found = append(found, all[*gatewayv1.HTTPRoute](informer.GetIndexer(), indexByScope, s.key())...)
	}
	return found
}

// route returns the route of that kind and name; nil when there is none.
func (d *doors) route(ref routeRef) *gatewayv1.HTTPRoute {
	for _, informer := range d.watched() {
		o, _, _ := informer.GetIndexer().GetByKey(d.cluster.namespace + "/" + ref.name) // a store in memory has no errors
		if r, ok := o.(*gatewayv1.HTTPRoute); ok && r.Kind == ref.kind {
			return r
		}
	}
	return nil
}

// gatewayIn returns what an informer of one Gateway has in view; nil when it does
// not exist.
func gatewayIn(informer cache.SharedIndexInformer) *gatewayv1.Gateway {
	for _, o := range informer.GetIndexer().List() {
		if g, ok := o.(*gatewayv1.Gateway); ok {
			return g
		}
	}
	return nil
}
