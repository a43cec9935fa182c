package kubernetes

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"k8s.io/client-go/tools/cache"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

const (
	// trialPath and trialCall are asked for by nobody else.
	trialPath = "/.well-known/davit-trial/"
	trialCall = "/davit.Trial/t"
	// trialFor is how long a Gateway may take to mark an answer.
	trialFor = 4 * time.Second
	// greetFor is how long a Gateway may take to reach a release, and greetings how
	// many answers in a row show that it does.
	greetFor  = 10 * time.Second
	greetings = 8
	againIn   = 20 * time.Millisecond
)

// marking returns how the Gateway can mark answers by routes of each kind. The Gateway
// API lets implementations choose, and what one does not know it may answer with errors:
// so it is tried with a route of its own, for what nobody asks for, before routes that
// people use are marked.
func (r *Router) marking(ctx context.Context, d *doors, gateway cache.SharedIndexInformer, o *observer, routing davit.Routing) (markings, error) {
	all := markings{}
	for _, kind := range []string{httpRoute, grpcRoute} {
		marks, err := r.markingBy(ctx, d, gateway, o, routing, kind)
		if err != nil {
			return nil, err
		}
		all[kind] = marks
	}
	return all, nil
}

// markingBy is marking for one kind of routes.
func (r *Router) markingBy(ctx context.Context, d *doors, gateway cache.SharedIndexInformer, o *observer, routing davit.Routing, kind string) (marking, error) {
	r.mu.Lock()
	memory := r.marks[kind]
	if memory == nil {
		memory = &tried{}
		r.marks[kind] = memory
	}
	marks, known := memory.recall(r.cluster.now())
	r.mu.Unlock()
	if known {
		return marks, nil
	}
	if marks = marksOf(d.routesOf(r.scope), kind); marks == noMarks {
		i := slices.IndexFunc(o.targets, func(t target) bool { return t.kind == kind })
		if i < 0 || len(routing.Split) == 0 {
			return noMarks, nil // it makes no difference
		}
		if o.reach(ctx); o.door == nil {
			return noMarks, ctx.Err()
		}
		var err error
		for _, try := range []marking{backendMarks, ruleMarks} {
			if marks, err = r.try(ctx, d, gateway, o, routing, o.targets[i], try); err != nil {
				return noMarks, err
			}
			if marks != noMarks {
				break
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	memory.note(marks, r.cluster.now())
	return marks, nil
}

// remembered are the markings as they are known without a trial.
func (r *Router) remembered(d *doors) markings {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := markings{}
	for _, kind := range []string{httpRoute, grpcRoute} {
		if all[kind] = marksOf(d.routesOf(r.scope), kind); all[kind] == noMarks && r.marks[kind] != nil {
			all[kind] = r.marks[kind].marks
		}
	}
	return all
}

// try has a Gateway mark the answers of a trial beside a target, and returns which of
// the marks there are. It leaves nothing of it.
func (r *Router) try(ctx context.Context, d *doors, gateway cache.SharedIndexInformer, o *observer, routing davit.Routing, at target, marks marking) (found marking, err error) {
	deal := newDealing(r.scope, r.options, routing, markings{at.kind: marks})
	id := deal.serving[0]
	backend := deal.backends(at.host, at.path, davit.All(id), id)
	if marks == backendMarks {
		backend[0].Filters = answerHeaders(marked(id))
	}
	match := gatewayv1.PathMatchExact
	if at.path = trialPath + deal.mark(); at.kind == grpcRoute {
		at.path, match = trialCall+deal.mark(), gatewayv1.PathMatchPathPrefix
	}
	route := deal.route(at.host, []gatewayv1.HTTPRouteRule{{
		Matches:     []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{Type: &match, Value: &at.path}}},
		Filters:     answerHeaders(gatewayv1.HTTPHeader{Name: routingHeader, Value: deal.mark()}),
		BackendRefs: backend,
	}})
	route.Name = environmentName(r.scope.application, r.scope.environment) + "-trial"
	route.Annotations = nil // so that nobody takes it for a routing
	applied, err := d.cluster.api.applyRoute(ctx, route)
	if err != nil {
		return noMarks, err
	}
	defer func() {
		if gone := d.cluster.api.removeRoute(ctx, refOf(route)); err == nil {
			err = gone
		}
	}()
	if err := r.await(ctx, d, gateway, []*gatewayv1.HTTPRoute{applied}); err != nil {
		if unprogrammed(gatewayIn(gateway)) != "" || ctx.Err() != nil {
			return noMarks, err
		}
		return noMarks, nil // the Gateway refuses it
	}
	until(ctx, trialFor, func(ctx context.Context) bool {
		a := o.door.ask(ctx, at, "")
		switch {
		case a.routing != deal.mark():
		case a.release == releaseMark(id):
			found = backendMarks
		default:
			found = ruleMarks
		}
		return found != noMarks
	})
	return found, ctx.Err()
}

// greet waits until the Gateway reaches the releases that are about to get their
// first share, by requests that name them: instances that are ready are not known
// to it at once, and what it would send them until then is lost.
func (r *Router) greet(ctx context.Context, d *doors, gateway cache.SharedIndexInformer, o *observer, before, routing davit.Routing) error {
	if len(before.Split) == 0 || o.door == nil || len(o.marked()) == 0 {
		return nil
	}
	for id := range routing.Split {
		if before.Split[id] > 0 {
			continue
		}
		if !slices.ContainsFunc(before.Releases, func(r *davit.Release) bool { return r.ID == id }) {
			by := routing
			by.Split, by.Candidate = before.Split, id
			if newDealing(r.scope, r.options, by, o.marks).check() != nil {
				continue // what serves now is unknown here: going back is not held up
			}
			if _, err := r.put(ctx, d, gateway, by, o.marks); err != nil {
				return err
			}
		}
		if err := o.greet(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// marked are the targets whose answers the Gateway marks.
func (o *observer) marked() []target {
	return slices.DeleteFunc(slices.Clone(o.targets), func(t target) bool { return o.marks[t.kind] == noMarks })
}

// greet asks for a release by name until it answers. A door that cannot be reached
// at all holds nobody up: what was done without it is said later.
func (o *observer) greet(ctx context.Context, id davit.ReleaseID) error {
	row, last, at := 0, answer{}, o.marked()[0] // last is the last one that came
	reached := until(ctx, greetFor, func(ctx context.Context) bool {
		a := o.door.ask(ctx, at, id)
		if a.err != nil {
			row = 0
			return false
		}
		last = a
		if row++; o.known[last.release] != id || unreached(last.status) {
			row = 0
		}
		return row >= greetings
	})
	if reached || ctx.Err() != nil || last.status == 0 {
		return ctx.Err()
	}
	return &davit.Error{
		Code:    davit.CodeUnavailable,
		Message: fmt.Sprintf("the Gateway does not reach %s, so it gets no traffic: after %s, %s answers %d", id, greetFor, o.door.address(at), last.status),
		Hint:    "its instances are ready: may the Gateway connect to them?",
	}
}

// unreached reports whether a status is a Gateway's own for a backend that it does
// not reach.
func unreached(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// until tries until done reports true, for some time: that is when the context of
// done ends.
func until(ctx context.Context, limit time.Duration, done func(context.Context) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(againIn)
	defer tick.Stop()
	for {
		if done(ctx) {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return false
		}
	}
}
