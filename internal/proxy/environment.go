package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/davit-dev/davit"
)

// Environment is the router of one environment, and the source of its figures.
type Environment struct {
	router    *Router
	site      string // "application/environment"
	endpoints Endpoints
}

// Routing returns what is in effect, as the proxy says. Of the releases it holds
// what the proxy knows: ID, routes, front, and the services that take traffic.
func (e *Environment) Routing(ctx context.Context) (davit.Routing, error) {
	table, err := e.router.client.Table(ctx)
	if err != nil {
		return davit.Routing{}, fmt.Errorf("reading the routing of %s: %w", e.site, err)
	}
	for i := range table.Sites {
		if table.Sites[i].Name == e.site {
			return table.Sites[i].routing(), nil
		}
	}
	return davit.Routing{}, nil
}

// Route puts a routing in effect, with the instances that are ready now, and
// returns when it is. It refuses to give traffic to a release of which nothing
// is ready.
func (e *Environment) Route(ctx context.Context, routing davit.Routing) error {
	site, err := newSite(e.site, routing)
	if err != nil {
		return fmt.Errorf("routing %s: %w", e.site, err)
	}
	if err := e.router.lock(ctx); err != nil {
		return err
	}
	defer e.router.unlock()
	err = e.router.update(ctx, func(table *Table) error {
		next := site.clone()
		i := slices.IndexFunc(table.Sites, func(s Site) bool { return s.Name == e.site })
		if i >= 0 {
			next.inherit(&table.Sites[i])
		}
		if err := e.router.fill(ctx, &next); err != nil {
			return err
		}
		if err := next.checkReady(); err != nil {
			return err
		}
		switch empty := len(routing.Releases) == 0; {
		case empty && i < 0: // it is as asked for
		case empty:
			table.Sites = slices.Delete(table.Sites, i, i+1)
		case i < 0:
			table.Sites = append(table.Sites, next)
		default:
			table.Sites[i] = next
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("routing %s: %w", e.site, err)
	}
	return nil
}

// Drain returns when no request to the release is in flight, or when each of its
// services has come to its limit, with the number of those that still are.
func (e *Environment) Drain(ctx context.Context, release *davit.Release) (int64, error) {
	group, ctx := errgroup.WithContext(ctx)
	var remaining atomic.Int64
	for name, service := range release.Config.Services {
		if !service.Traffic {
			continue
		}
		group.Go(func() error {
			n, err := e.router.client.Drain(ctx, DrainRequest{Site: e.site, Release: release.ID, Service: name, Limit: service.DrainLimit})
			remaining.Add(n)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("draining %s of %s: %w", release.ID, e.site, err)
	}
	return remaining.Load(), nil
}

// Renew renews the lease that the environment's split is held on, if it is held
// on one. When the lease has run out, it returns the split that was in effect
// until then.
func (e *Environment) Renew(ctx context.Context) (lapsed davit.Split, err error) {
	r := e.router
	request := RenewRequest{Site: e.site, Table: r.number.Load()}
	result, err := r.client.Renew(ctx, request)
	if errors.Is(err, ErrStale) {
		// The proxy, or another server, has gone on: what is in effect there
		// is to be known before it is held on to.
		table, readErr := r.client.Table(ctx)
		if readErr != nil {
			return nil, fmt.Errorf("renewing the lease of %s: %w", e.site, readErr)
		}
		request.Table = table.Number
		result, err = r.client.Renew(ctx, request)
	}
	if err != nil {
		return nil, fmt.Errorf("renewing the lease of %s: %w", e.site, err)
	}
	return result.Lapsed, nil
}

// Figures returns the environment's figures as they are now.
func (e *Environment) Figures(ctx context.Context) (davit.Figures, error) {
	s, err := e.router.client.Figures(ctx)
	if err != nil {
		return davit.Figures{}, fmt.Errorf("reading the figures of %s: %w", e.site, err)
	}
	return s.Site(e.site), nil
}

// Watch returns a channel that receives after figures changed; several changes
// may come as one. It is closed after ctx ends. It needs Router.Run.
func (e *Environment) Watch(ctx context.Context) <-chan struct{} {
	out := make(chan struct{}, 1)
	go func() { // ends with ctx
		defer close(out)
		for {
			changed := e.router.figures.next()
			select {
			case <-changed:
				notify(out)
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// spoken is a protocol as the table says it: to a proxy, gRPC is HTTP/2 like any other.
func spoken(p davit.Protocol) davit.Protocol {
	if p == davit.ProtocolGRPC {
		return davit.ProtocolH2C
	}
	return p
}

// newSite turns a routing into a site, without instances.
func newSite(name string, routing davit.Routing) (Site, error) {
	if err := routing.Split.Check(); err != nil {
		return Site{}, invalid("the split cannot be routed", err)
	}
	site := Site{Name: name, Split: routing.Split, Stable: routing.Stable, Candidate: routing.Candidate,
		Releases: map[davit.ReleaseID]Release{}}
	byID := map[davit.ReleaseID]*davit.Release{}
	for _, r := range routing.Releases {
		byID[r.ID] = r
		services := map[string]Service{}
		for name, s := range r.Config.Services {
			if s.Traffic {
				services[name] = Service{Protocol: spoken(s.Protocol), Backends: []Backend{}}
			}
		}
		site.Releases[r.ID] = Release{Routes: r.Config.Routes, Services: services}
	}
	site.settleRoles()
	if owner := byID[site.frontOwner()]; owner != nil {
		site.Front = owner.Config.Front
	}
	if candidate := byID[site.Candidate]; candidate != nil {
		// How the candidate is previewed is said by the candidate.
		site.Front.Preview = candidate.Config.Front.Preview
	}
	if lease := routing.Lease; lease.For > 0 {
		owner := byID[lease.To]
		if owner == nil {
			return Site{}, invalid(fmt.Sprintf("the lease goes to %s, which is not among the releases", lease.To), nil)
		}
		site.Lease = &Lease{Lease: lease, Front: owner.Config.Front}
		site.Lease.Front.Preview = site.Front.Preview
	}
	return site, nil
}

// settleRoles names the release that has traffic where the routing left the
// roles open, as with the first release of all.
func (s *Site) settleRoles() {
	for _, id := range slices.Sorted(maps.Keys(s.Split)) {
		switch {
		case id == s.Stable || id == s.Candidate:
		case s.Stable == "":
			s.Stable = id
		case s.Candidate == "":
			s.Candidate = id
		}
	}
}

// frontOwner returns the release whose front door is in effect: the one with the
// larger share, so that the front door changes and is hauled back with the
// traffic; stable if they are even.
func (s *Site) frontOwner() davit.ReleaseID {
	if s.Split[s.Candidate] > s.Split[s.Stable] {
		return s.Candidate
	}
	return cmp.Or(s.Stable, s.Candidate)
}

// inherit takes over the instances of an earlier site, so that those that were
// ready a moment ago are known to have been.
func (s *Site) inherit(o *Site) {
	for id, release := range s.Releases {
		for name, service := range release.Services {
			service.Backends = append(service.Backends, o.Releases[id].Services[name].Backends...)
			release.Services[name] = service
		}
	}
}

// checkReady refuses a site that sends traffic where nothing is ready.
func (s *Site) checkReady() error {
	for id := range s.Split {
		services := s.Releases[id].Services
		ready := 0
		for _, service := range services {
			ready += len(service.Backends)
		}
		if ready == 0 && len(services) > 0 {
			return &davit.Error{Code: davit.CodeUnavailable, Message: fmt.Sprintf("no instance of %s is ready, so it gets no traffic", id),
				Hint: "see davit status and davit logs for why"}
		}
	}
	return nil
}

// routing is the inverse of newSite, as far as a site knows its releases.
func (s *Site) routing() davit.Routing {
	routing := davit.Routing{Split: s.Split, Stable: s.Stable, Candidate: s.Candidate, Lapsed: s.Lapsed}
	if s.Lease != nil {
		routing.Lease = s.Lease.Lease
	}
	for _, id := range slices.Sorted(maps.Keys(s.Releases)) {
		config := davit.ReleaseConfig{Services: map[string]davit.Service{}, Routes: s.Releases[id].Routes, Front: s.Front}
		for name, service := range s.Releases[id].Services {
			config.Services[name] = davit.Service{Name: name, Traffic: true, Protocol: service.Protocol}
		}
		routing.Releases = append(routing.Releases, &davit.Release{ID: id, Config: config})
	}
	return routing
}

// clone returns a copy whose releases and services can be changed.
func (s Site) clone() Site {
	releases := map[davit.ReleaseID]Release{}
	for id, release := range s.Releases {
		release.Services = maps.Clone(release.Services)
		releases[id] = release
	}
	s.Releases = releases
	return s
}
