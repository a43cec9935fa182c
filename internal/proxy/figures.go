package proxy

import (
	"time"

	"github.com/davit-dev/davit"
)

// Snapshot is the figures of all sites at one time, cumulative since the first of
// the proxies that gave their place to one another started. A release's figures
// go some time after it left the table.
type Snapshot struct {
	Boot  string    `json:"boot"`
	At    time.Time `json:"at"`
	Table int64     `json:"table"` // number of the table in effect
	// Lapsed is as in Status.
	Lapsed map[string]davit.Split                                  `json:"lapsed,omitempty"`
	Sites  map[string]map[davit.ReleaseID]map[string]davit.Traffic `json:"sites"`
}

// Site returns the figures of one site.
func (s *Snapshot) Site(name string) davit.Figures {
	return davit.Figures{Boot: s.Boot, At: s.At, Traffic: s.Sites[name]}
}

// Figures returns a snapshot.
func (p *Proxy) Figures() *Snapshot {
	table := p.Table()
	s := &Snapshot{Boot: p.boot, At: time.Now().UTC(), Table: table.Number, Lapsed: table.lapsed(), Sites: map[string]map[davit.ReleaseID]map[string]davit.Traffic{}}
	for key, t := range p.counted() {
		if s.Sites[key.Site] == nil {
			s.Sites[key.Site] = map[davit.ReleaseID]map[string]davit.Traffic{}
		}
		if s.Sites[key.Site][key.Release] == nil {
			s.Sites[key.Site][key.Release] = map[string]davit.Traffic{}
		}
		s.Sites[key.Site][key.Release][key.Service] = t.Traffic
	}
	return s
}

// counted returns what was counted by this proxy and those before it.
func (p *Proxy) counted() counts {
	c := p.registry.counted()
	p.heritage.addTo(c, false)
	return c
}

// own returns what this proxy answers for: what it counted itself, and what
// those counted that have ended before it.
func (p *Proxy) own() []count {
	c := p.registry.counted()
	p.heritage.addTo(c, true)
	return c.list()
}

// counted returns what was counted since the process started.
func (g *registry) counted() counts {
	all := counts{}
	g.each(func(site string, id davit.ReleaseID, service string, c *counters) {
		all[countKey{site, id, service}] = tally{c.snapshot(), time.Duration(c.spent.Load())}
	})
	return all
}

// each visits all counters.
func (g *registry) each(visit func(site string, id davit.ReleaseID, service string, c *counters)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, record := range g.sites {
		for id, services := range record.traffic {
			for service, c := range services {
				visit(name, id, service, c)
			}
		}
	}
}
