package proxy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// routing is a table compiled for serving. It never changes.
type routing struct {
	table *Table
	doors map[string]*hosts[*site] // by listener address
}

type site struct {
	name         string
	limits       limits
	accessLog    bool
	previewHosts []string
	preview      permission

	stable, candidate *release // nil when there is none
	share             int      // of the candidate, in thousandths
	served            bool     // the split gives traffic to somebody
	arc               arc
	newcomers         *sequence
	signer            *signer
	releases          map[davit.ReleaseID]*release
}

type release struct {
	id       davit.ReleaseID
	routes   hosts[[]route]
	services map[string]*service
}

type route struct {
	prefix  string // without a slash at its end; "" matches all
	service *service
}

type service struct {
	name     string
	counters *counters
	backends []*backend
}

// compile makes the serving form of a checked table.
func compile(table *Table, g *registry) (*routing, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := &routing{table: table, doors: map[string]*hosts[*site]{}}
	key := newSigner(table.Key)
	for i := range table.Sites {
		s, err := compileSite(&table.Sites[i], key, g)
		if err != nil {
			return nil, err
		}
		if err := t.admit(s, &table.Sites[i]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// admit enters the site's hosts at each of its listeners.
func (t *routing) admit(s *site, from *Site) error {
	var names []string
	for _, r := range from.Releases {
		for _, route := range r.Routes {
			names = append(names, route.Host)
		}
	}
	names = append(names, s.previewHosts...)
	slices.Sort(names)
	for _, listener := range from.Front.Listen {
		door := t.doors[listener.Address]
		if door == nil {
			door = &hosts[*site]{}
			t.doors[listener.Address] = door
		}
		for _, name := range slices.Compact(names) {
			var err error
			door.set(name, func(other **site) {
				if *other != nil && *other != s {
					err = &davit.Error{Code: davit.CodeInvalid,
						Message: fmt.Sprintf("routing table %d: %s and %s both answer to host %q at %s", t.table.Number, (*other).name, s.name, name, listener.Address),
						Hint:    "give each a host or a listener of its own"}
				}
				*other = s
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func compileSite(from *Site, key *signer, g *registry) (*site, error) {
	preview, err := newPermission(from.Front)
	if err != nil {
		return nil, err
	}
	record := g.site(from.Name)
	s := &site{
		name: from.Name, limits: newLimits(from.Front.Limits), accessLog: from.Front.AccessLog, preview: preview,
		newcomers: record.newcomers, signer: key, releases: map[davit.ReleaseID]*release{},
		share: from.Split[from.Candidate], served: len(from.Split) > 0,
	}
	for _, host := range from.Front.Preview.Hosts {
		s.previewHosts = append(s.previewHosts, hostname(host))
	}
	for id, r := range from.Releases {
		s.releases[id] = compileRelease(from.Name, id, r, record, g)
	}
	s.stable, s.candidate = s.releases[from.Stable], s.releases[from.Candidate]
	s.arc = newArc(from.Candidate, s.share)
	return s, nil
}

func compileRelease(siteName string, id davit.ReleaseID, from Release, record *siteRecord, g *registry) *release {
	r := &release{id: id, services: map[string]*service{}}
	for name, config := range from.Services {
		s := &service{name: name, counters: record.counters(id, name)}
		for _, b := range config.Backends {
			s.backends = append(s.backends, g.backend(backendKey{siteName, id, name, config.protocol(), b}))
		}
		r.services[name] = s
	}
	for _, config := range from.Routes {
		r.routes.set(config.Host, func(routes *[]route) {
			*routes = append(*routes, route{prefix: strings.TrimRight(config.Prefix, "/"), service: r.services[config.Service]})
			slices.SortStableFunc(*routes, func(a, b route) int { return len(b.prefix) - len(a.prefix) })
		})
	}
	return r
}

// site returns the site that answers to host at a listener, or nil.
func (t *routing) site(address, host string) *site {
	door := t.doors[address]
	if door == nil {
		return nil
	}
	var found *site
	door.lookup(host, func(s *site) bool { found = s; return true })
	return found
}

// service returns the service that answers to host and path, or nil: that of the
// longest prefix of the most specific host that has a matching one.
func (r *release) service(host, path string) *service {
	var found *service
	r.routes.lookup(host, func(routes []route) bool {
		for i := range routes {
			if rest, ok := strings.CutPrefix(path, routes[i].prefix); ok && (rest == "" || rest[0] == '/' || routes[i].prefix == "") {
				found = routes[i].service
				return true
			}
		}
		return false
	})
	return found
}

// permission says whose choice of release is honoured.
type permission struct {
	allow    []netip.Prefix // empty: loopback
	trusted  []netip.Prefix
	loopback bool
}

func newPermission(front davit.Front) (permission, error) {
	allow, err := parsePrefixes(front.Preview.Allow)
	if err != nil {
		return permission{}, err
	}
	trusted, err := parsePrefixes(front.TrustedProxies)
	return permission{allow: allow, trusted: trusted, loopback: len(allow) == 0}, err
}

// permits reports whether the visitor may choose a release. One that came
// through a proxy which is not trusted could be anybody, and may not.
func (p *permission) permits(v *visitor) bool {
	switch {
	case !v.known:
		return false
	case p.loopback:
		return v.client.IsLoopback()
	default:
		return contains(p.allow, v.client)
	}
}

func contains(prefixes []netip.Prefix, address netip.Addr) bool {
	for _, prefix := range prefixes {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}
