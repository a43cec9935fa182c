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
	// trialPath is asked for by nobody else.
	trialPath = "/.well-known/davit-trial/"
	// trialFor is how long a Gateway may take to mark an answer.
	trialFor = 4 * time.Second
	// greetFor is how long a Gateway may take to reach a release, and greetings how
	// many answers in a row show that it does.
	greetFor  = 10 * time.Second
	greetings = 8
	againIn   = 20 * time.Millisecond
)

// marking returns how the Gateway can mark answers. The Gateway API lets
// implementations choose, and what one does not know it may answer with errors: so
// it is tried with a route of its own, at a path that nobody asks for, before
// routes that people use are marked.
func (r *Router) marking(ctx context.Context, d *doors, gateway cache.SharedIndexInformer, o *observer, routing davit.Routing) (marking, error) {
	r.mu.Lock()
	known, fresh := r.marks.recall(r.cluster.now())
	r.mu.Unlock()
	if fresh {
		return known, nil
	}
	marks := marksOf(d.routesOf(r.scope))
	if marks == noMarks {
		if o.reach(ctx); o.door == nil || len(o.targets) == 0 || len(routing.Split) == 0 {
			return noMarks, ctx.Err() // it makes no difference
		}
		var err error
		for _, try := range []marking{backendMarks, ruleMarks} {
			if marks, err = r.try(ctx, d, gateway, o, routing, try); err != nil {
				return noMarks, err
			}
			if marks != noMarks {
				break
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks.note(marks, r.cluster.now())
	return marks, nil
}

// try has a Gateway mark the answers of a trial, and returns which of the marks
// there are. It leaves nothing of it.
func (r *Router) try(ctx context.Context, d *doors, gateway cache.SharedIndexInformer, o *observer, routing davit.Routing, marks marking) (found marking, err error) {
	deal := newDealing(r.scope, r.options, routing, marks)
	at := o.targets[0]
	id := deal.serving[0]
	backend := deal.backends(at.host, at.path, davit.All(id), id)
	if marks == backendMarks {
		backend[0].Filters = answerHeaders(marked(id))
	}
	at.path = trialPath + deal.mark()
	route := deal.route(at.host, []gatewayv1.HTTPRouteRule{{
		Matches:     []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{Type: new(gatewayv1.PathMatchExact), Value: &at.path}}},
		Filters:     answerHeaders(gatewayv1.HTTPHeader{Name: routingHeader, Value: deal.mark()}),
		BackendRefs: backend,
	}})
	route.Name = environmentName(r.scope.application, r.scope.environment) + "-trial"
	route.Annotations = nil // so that nobody takes it for a routing
	applied, err := apply(ctx, d.cluster.api.routes(), route)
	if err != nil {
		return noMarks, err
	}
	defer func() {
		if gone := r.remove(ctx, d, route.Name); err == nil {
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
	if o.marks == noMarks || len(before.Split) == 0 || o.door == nil || len(o.targets) == 0 {
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

// greet asks for a release by name until it answers. A door that cannot be reached
// at all holds nobody up: what was done without it is said later.
func (o *observer) greet(ctx context.Context, id davit.ReleaseID) error {
	row, last := 0, answer{} // the last one that came
	reached := until(ctx, greetFor, func(ctx context.Context) bool {
		a := o.door.ask(ctx, o.targets[0], id)
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
		Message: fmt.Sprintf("the Gateway does not reach %s, so it gets no traffic: after %s, %s answers %d", id, greetFor, o.door.address(o.targets[0]), last.status),
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
