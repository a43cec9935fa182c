package proxy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// refresh sends a table if what it should be is not what the proxy has.
func (r *Router) refresh(ctx context.Context) error {
	if err := r.lock(ctx); err != nil {
		return err
	}
	defer r.unlock()
	return r.update(ctx, nil)
}

// update brings the table up to date, with change made to it first, and returns
// when it is in effect. The caller holds the token.
func (r *Router) update(ctx context.Context, change func(*Table) error) error {
	for range 3 {
		err := r.tryUpdate(ctx, change)
		if !errors.Is(err, ErrStale) {
			return err
		}
		r.known = false // somebody else drove the proxy: go on from what it has
	}
	return &davit.Error{Code: davit.CodeConflict, Message: "another server drives the same proxy",
		Hint: "stop one of them, or give each a directory of its own"}
}

func (r *Router) tryUpdate(ctx context.Context, change func(*Table) error) error {
	if err := r.learn(ctx); err != nil {
		return err
	}
	next := &Table{Number: r.table.Number, Key: r.table.Key}
	for _, site := range r.table.Sites {
		next.Sites = append(next.Sites, site.clone())
	}
	if change != nil {
		if err := change(next); err != nil {
			return err
		}
	}
	// Sites whose instances cannot be listed stay as they are: the trouble of
	// one environment must not keep another from being hauled back.
	var troubles []error
	for i := range next.Sites {
		troubles = append(troubles, r.fill(ctx, &next.Sites[i]))
	}
	if change != nil {
		if errors.Join(troubles...) != nil {
			notify(r.wake) // Run tries again
		}
		troubles = nil
	}
	if reflect.DeepEqual(next, r.table) {
		return errors.Join(troubles...)
	}
	next.Number++
	if err := r.client.Apply(ctx, next); err != nil {
		// The answer may be what got lost, so what is in effect is not known.
		r.known = false
		return err
	}
	r.table = next
	r.number.Store(next.Number)
	return errors.Join(troubles...)
}

// learn reads the table in effect, unless it is known.
func (r *Router) learn(ctx context.Context) error {
	if r.known {
		return nil
	}
	table, err := r.client.Table(ctx)
	if err != nil {
		return fmt.Errorf("reading the proxy's table: %w", err)
	}
	if r.table != nil && r.table.Number > table.Number {
		// A proxy that could not keep its last table has come back with an
		// older one: ours is what was last in effect.
		ours := *r.table
		table = &ours
		if err := r.client.Apply(ctx, table); err != nil {
			return fmt.Errorf("sending the proxy its table again: %w", err)
		}
	}
	if len(table.Key) < minKey {
		table.Key = make([]byte, 32)
		_, _ = rand.Read(table.Key) // it never fails
	}
	r.table, r.known = table, true
	r.number.Store(table.Number)
	return nil
}

// fill sets the site's backends to the instances that are ready. Sites whose
// environment has no handle (yet) stay as they are.
func (r *Router) fill(ctx context.Context, site *Site) error {
	r.mu.Lock()
	e := r.environments[site.Name]
	r.mu.Unlock()
	if e == nil {
		return nil
	}
	instances, err := e.endpoints.Instances(ctx)
	if err != nil {
		return fmt.Errorf("listing the instances of %s: %w", site.Name, err)
	}
	r.forgetLeft(site.Name, instances)
	for id, release := range site.Releases {
		for name, service := range release.Services {
			service.Backends = r.backends(instances, id, name, service.Backends)
			release.Services[name] = service
		}
	}
	return nil
}

// forgetLeft drops those of a site's leaving instances that are no more.
func (r *Router) forgetLeft(site string, instances []davit.Instance) {
	for id, of := range r.leaving {
		if of == "" && slices.ContainsFunc(instances, func(i davit.Instance) bool { return i.ID == id }) {
			r.leaving[id] = site
		} else if of == site && !slices.ContainsFunc(instances, func(i davit.Instance) bool { return i.ID == id }) {
			delete(r.leaving, id)
		}
	}
}

// backends returns the instances of a service that take requests. When none is
// ready, those that were backends and still run stay: a probe that fails is a
// guess about an instance, and to route nothing at all would be certain failure.
// (Probes often fail together, when what all instances depend on is slow.)
func (r *Router) backends(instances []davit.Instance, id davit.ReleaseID, service string, before []Backend) []Backend {
	ready, last := []Backend{}, []Backend{}
	for _, i := range instances {
		if _, leaves := r.leaving[i.ID]; leaves || i.Release != id || i.Service != service || i.Address == "" {
			continue
		}
		b := Backend{Instance: i.ID, Address: i.Address}
		switch {
		case i.Condition == davit.Ready:
			ready = append(ready, b)
		case i.Condition == davit.Starting && slices.ContainsFunc(before, func(o Backend) bool { return o.Instance == b.Instance }):
			last = append(last, b)
		}
	}
	if len(ready) == 0 {
		ready = last
	}
	slices.SortFunc(ready, func(a, b Backend) int { return strings.Compare(a.Instance, b.Instance) })
	return ready
}
