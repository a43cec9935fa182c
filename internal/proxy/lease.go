package proxy

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// leases are those of the table in effect, by site. They have a lock of their
// own, so that a renewal does not wait for a table that is being written to a
// slow disk.
type leases struct {
	mu   sync.Mutex
	held map[string]*heldLease
}

// heldLease is a lease that runs.
type heldLease struct {
	of       Site  // as it came into effect
	since    int64 // number of the table with which it did
	deadline time.Time
	timer    *time.Timer
}

// follow makes the leases those of the table that has just come into effect. One
// whose split stays as it was runs on: to change the instances of a site is not
// to renew its lease.
func (l *leases) follow(table *Table, lapse func(site string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := map[string]*heldLease{}
	for _, site := range table.Sites {
		if site.Lease == nil || len(site.Lapsed) > 0 {
			continue
		}
		h := l.held[site.Name]
		if h == nil || !h.holds(site) {
			h = &heldLease{of: site, since: table.Number, deadline: time.Now().Add(site.Lease.For.D())}
			h.timer = time.AfterFunc(site.Lease.For.D(), func() { lapse(site.Name) })
		}
		held[site.Name] = h
	}
	for name, h := range l.held {
		if held[name] != h {
			h.timer.Stop()
		}
	}
	l.held = held
}

// holds reports whether the lease is for the site's split.
func (h *heldLease) holds(site Site) bool {
	return h.of.Split.Equal(site.Split) && h.of.Stable == site.Stable && h.of.Candidate == site.Candidate &&
		reflect.DeepEqual(h.of.Lease, site.Lease)
}

// renew lets the site's lease run anew.
func (l *leases) renew(site string, number int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.held[site]
	if h == nil {
		return nil // the split holds by itself
	}
	if number < h.since {
		return &davit.Error{Code: davit.CodeConflict, Err: ErrStale,
			Message: fmt.Sprintf("the lease of %s came with routing table %d, and is not renewed by who knows table %d", site, h.since, number)}
	}
	h.deadline = time.Now().Add(h.of.Lease.For.D())
	h.timer.Reset(h.of.Lease.For.D())
	return nil
}

// over reports whether the site's lease has run out. One that was renewed while
// its timer went off, or that cannot lapse yet, is waited for once more.
func (l *leases) over(site string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.held[site]
	if h == nil {
		return false
	}
	left := time.Until(h.deadline)
	if left <= 0 {
		left = h.of.Lease.For.D()
		h.timer.Reset(left)
		return true
	}
	h.timer.Reset(left)
	return false
}

// Renew lets the lease of a site's split run anew. number is that of a table
// that the asker knows to be in effect: whoever has not seen the split come into
// effect cannot hold it. When the lease ran out before, it returns the split
// that was in effect until then.
func (p *Proxy) Renew(site string, number int64) (lapsed davit.Split, err error) {
	for _, s := range p.Table().Sites {
		if s.Name == site && len(s.Lapsed) > 0 {
			return s.Lapsed, nil
		}
	}
	return nil, p.leases.renew(site, number)
}

// lapse gives all traffic of a site to the release that its lease names, in a
// table of its own number: whoever drove the proxy before must look at what is
// in effect before it can go on.
func (p *Proxy) lapse(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.leases.over(name) {
		return
	}
	present := p.Table()
	next := &Table{Number: present.Number + 1, Key: present.Key}
	for _, site := range present.Sites {
		if site.Name == name {
			if service := site.unready(site.Lease.To); service != "" {
				p.log.Error("the lease ran out and nobody can take the traffic, so it stays as it is",
					"site", name, "split", site.Split.String(), "release", site.Lease.To, "service", service)
				return
			}
			site = site.lapsed()
		}
		next.Sites = append(next.Sites, site)
	}
	if err := p.putInEffect(context.Background(), next, true); err != nil && p.Table() != next {
		p.log.Error("the lease ran out, and its table could not be put in effect", "site", name, "error", err)
		return
	}
	for _, site := range next.Sites {
		if site.Name == name {
			p.log.Warn("nobody renewed the lease, all traffic goes to the release that it names",
				"site", name, "release", site.Stable, "before", site.Lapsed.String(), "table", next.Number)
		}
	}
	p.keep(next)
}

// lapsed returns the site as it is once its lease has run out. The candidate
// can still be previewed.
func (s Site) lapsed() Site {
	s.Lapsed = s.Split
	s.Split, s.Stable, s.Front = davit.All(s.Lease.To), s.Lease.To, s.Lease.Front
	return s
}

// unready returns a service of the release that no instance serves; "" when
// there is none.
func (s Site) unready(id davit.ReleaseID) string {
	for name, service := range s.Releases[id].Services {
		if len(service.Backends) == 0 {
			return name
		}
	}
	return ""
}

// lapsed returns, by site, the splits whose lease has run out.
func (t *Table) lapsed() map[string]davit.Split {
	var all map[string]davit.Split
	for _, site := range t.Sites {
		if len(site.Lapsed) > 0 {
			if all == nil {
				all = map[string]davit.Split{}
			}
			all[site.Name] = site.Lapsed
		}
	}
	return all
}
