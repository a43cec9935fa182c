package proxy

import (
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// registry keeps what outlives a table: counts, connections to instances and
// what is known of their health, the places of newcomers. It is used when
// tables are compiled and figures are read, never on the path of a request.
type registry struct {
	dial dialer

	mu       sync.Mutex
	sites    map[string]*siteRecord
	backends map[backendKey]*backend
}

type siteRecord struct {
	newcomers *sequence
	traffic   map[davit.ReleaseID]map[string]*counters
}

type backendKey struct {
	site     string
	release  davit.ReleaseID
	service  string
	protocol davit.Protocol
	Backend
}

func newRegistry(dial dialer) *registry {
	return &registry{dial: dial, sites: map[string]*siteRecord{}, backends: map[backendKey]*backend{}}
}

// site returns the record of the named site, made when it is new. The caller
// holds mu.
func (g *registry) site(name string) *siteRecord {
	record := g.sites[name]
	if record == nil {
		record = &siteRecord{newcomers: newSequence(), traffic: map[davit.ReleaseID]map[string]*counters{}}
		g.sites[name] = record
	}
	return record
}

func (r *siteRecord) counters(id davit.ReleaseID, service string) *counters {
	if r.traffic[id] == nil {
		r.traffic[id] = map[string]*counters{}
	}
	if r.traffic[id][service] == nil {
		r.traffic[id][service] = &counters{}
	}
	return r.traffic[id][service]
}

func (g *registry) backend(key backendKey) *backend {
	b := g.backends[key]
	if b == nil {
		b = newBackend(key, g.dial)
		g.backends[key] = b
	}
	return b
}

// settle retires what the table in effect does not name any more, and forgets
// what had left with an earlier table already and is idle. So a last look at a
// release's figures is possible after it left, and memory stays bounded.
func (g *registry) settle(table *Table) {
	g.mu.Lock()
	defer g.mu.Unlock()
	present := map[string]map[davit.ReleaseID]Release{}
	for _, site := range table.Sites {
		present[site.Name] = site.Releases
	}
	for name, record := range g.sites {
		for id, services := range record.traffic {
			for service, c := range services {
				_, here := present[name][id].Services[service]
				if !here && c.gone && c.inFlight.value() == 0 {
					delete(services, service)
				}
				c.gone = !here
			}
			if len(services) == 0 {
				delete(record.traffic, id)
			}
		}
		if _, here := present[name]; !here && len(record.traffic) == 0 {
			delete(g.sites, name)
		}
	}
	for key, b := range g.backends {
		if !present[key.site][key.release].Services[key.service].has(key) {
			b.retire()
			if b.inFlight.value() == 0 {
				delete(g.backends, key)
			}
		}
	}
}

func (s Service) has(key backendKey) bool {
	for _, b := range s.Backends {
		if b == key.Backend && s.protocol() == key.protocol {
			return true
		}
	}
	return false
}

func (s Service) protocol() davit.Protocol {
	if s.Protocol == "" {
		return davit.ProtocolHTTP1
	}
	return s.Protocol
}

// releaseGauges returns what counts the requests in flight to a release, or to
// the service that is asked for.
func (g *registry) releaseGauges(asked DrainRequest) []*gauge {
	g.mu.Lock()
	defer g.mu.Unlock()
	var gauges []*gauge
	if record := g.sites[asked.Site]; record != nil {
		for service, c := range record.traffic[asked.Release] {
			if asked.Service == "" || asked.Service == service {
				gauges = append(gauges, &c.inFlight)
			}
		}
	}
	return gauges
}

// instanceGauges is as releaseGauges, for one instance of the site, or, if that
// is empty, of any.
func (g *registry) instanceGauges(asked DrainRequest) []*gauge {
	g.mu.Lock()
	defer g.mu.Unlock()
	var gauges []*gauge
	for key, b := range g.backends {
		if (asked.Site == "" || key.site == asked.Site) && key.Instance == asked.Instance {
			gauges = append(gauges, &b.inFlight)
		}
	}
	return gauges
}

// allGauges returns what counts the requests in flight to anything.
func (g *registry) allGauges() []*gauge {
	var gauges []*gauge
	g.each(func(_ string, _ davit.ReleaseID, _ string, c *counters) { gauges = append(gauges, &c.inFlight) })
	return gauges
}

// prune closes connections to instances that are idle since before the given time.
func (g *registry) prune(before time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.backends {
		b.upstream.prune(before)
	}
}

// close retires everything.
func (g *registry) close() { g.settle(&Table{}) }
