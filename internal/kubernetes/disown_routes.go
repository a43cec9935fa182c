package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// disownedBy is the field manager of plain objects that Davit made: nobody's.
const disownedBy = "disowned"

// plainPatience is how long plain objects may take to be ready, or to be taken by the
// Gateway.
const plainPatience = 2 * time.Minute

// handOver routes to a release's plain objects: at first for those alone who name
// them, until the Gateway reaches them, then for all. Davit's own routes stay.
func (r *Router) handOver(ctx context.Context, release *davit.Release) error {
	d, gateway, err := r.doors(ctx, release)
	if err != nil {
		return err
	}
	routing := davit.Routing{Split: davit.All(release.ID), Stable: release.ID, Releases: []*davit.Release{release}}
	o := r.observer(routing)
	if o.door == nil {
		o.door = newDoor(addressOf(gatewayIn(gateway), r.options.Section))
	}
	if o.marks, err = r.marking(ctx, d, gateway, o, routing); err != nil {
		return err
	}
	mark := gatewayv1.HTTPHeader{Name: releaseHeader, Value: "plain-" + digest(r.scope.key())}
	if err := r.give(ctx, plainRoutes(r.scope, r.options, release, &mark)); err != nil {
		return err
	}
	if o.door == nil || len(o.marked()) < len(o.targets) || len(o.targets) == 0 {
		_, err = o.settle(ctx, time.Now(), "nothing tells who answers")
	} else {
		err = o.meet(ctx, release.Config, mark.Value)
	}
	if err != nil {
		return err
	}
	return r.give(ctx, plainRoutes(r.scope, r.options, release, nil))
}

// meet asks for all routes of the plain objects until these answer.
func (o *observer) meet(ctx context.Context, config davit.ReleaseConfig, mark string) error {
	for _, route := range config.Routes {
		at, row := target{host: strings.Replace(hostPattern(route.Host), "*", "davit", 1), path: route.Prefix, kind: kindOf(config.Services[route.Service])}, 0
		if at.kind == grpcRoute {
			if at.path = harmless(route.Prefix); at.path == "" {
				continue // a call of this method could do something
			}
		}
		reached := until(ctx, greetFor, func(ctx context.Context) bool {
			a := o.door.ask(ctx, at, davit.ReleaseID(mark))
			if row++; a.err != nil || a.release != mark || unreached(a.status) {
				row = 0
			}
			return row >= greetings
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !reached {
			return &davit.Error{
				Code: davit.CodeUnavailable, Message: fmt.Sprintf("the Gateway does not reach the plain objects at %s", o.door.address(at)),
				Hint: "Davit's own serve on; ask again when it does",
			}
		}
	}
	return nil
}

// give makes routes somebody else's, and waits until the Gateway has taken them.
func (r *Router) give(ctx context.Context, routes []*gatewayv1.HTTPRoute) error {
	for _, route := range routes {
		give := r.giveRoute
		if route.Kind == grpcRoute {
			give = r.giveCalls
		}
		if err := give(ctx, route); err != nil {
			return err
		}
	}
	return nil
}

func (r *Router) giveRoute(ctx context.Context, route *gatewayv1.HTTPRoute) error {
	want, err := give(ctx, r.cluster.api.routes(), route)
	if err != nil {
		return err
	}
	return awaitOne(ctx, r.cluster.api.routes(), want.Name, func(seen *gatewayv1.HTTPRoute) string {
		return r.lacks(refOf(route), seen, want)
	})
}

func (r *Router) giveCalls(ctx context.Context, route *gatewayv1.HTTPRoute) error {
	want, err := give(ctx, r.cluster.api.calls(), callsOf(route))
	if err != nil {
		return err
	}
	return awaitOne(ctx, r.cluster.api.calls(), want.Name, func(seen *gatewayv1.GRPCRoute) string {
		return r.lacks(refOf(route), routeOf(seen), routeOf(want))
	})
}

// give writes an object that is to be nobody's. One of the name that is somebody
// else's already is refused by the API server, as a conflict of managers.
func give[T object](ctx context.Context, k kind[T], o T) (given T, err error) {
	data, err := configuration(o)
	if err != nil {
		return given, fmt.Errorf("encoding %s: %w", o.GetName(), err)
	}
	err = persist(ctx, doing("applying", o.GetObjectKind().GroupVersionKind().Kind, o.GetName()), func(ctx context.Context) error {
		given, err = k.patch(ctx, o.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{FieldManager: disownedBy})
		return err
	})
	return given, err
}

// awaitOne watches one object until missing says "" of it.
func awaitOne[T object](ctx context.Context, k kind[T], name string, missing func(T) string) error {
	limited, cancel := context.WithTimeout(ctx, plainPatience)
	defer cancel()
	informer := k.informer(nil, func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
	})
	said := make(chan string, 1)
	look := func(o any) {
		if t, ok := o.(T); ok {
			select {
			case said <- missing(t):
			case <-limited.Done():
			}
		}
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: look, UpdateFunc: func(_, o any) { look(o) }}); err != nil {
		return fmt.Errorf("watching %s: %w", name, err)
	}
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() { informer.RunWithContext(limited) })
	last := name + " has not been seen"
	for {
		select {
		case last = <-said:
			if last == "" {
				return nil
			}
		case <-limited.Done():
			return &davit.Error{Code: davit.CodeUnavailable, Message: last, Err: errors.Join(ctx.Err(), limited.Err()), Hint: "Davit's own objects serve on; kubectl describe says why"}
		}
	}
}
