package proxy

import (
	"time"

	"github.com/davit-dev/davit"
)

// Snapshot is the figures of all sites at one time, cumulative since the proxy
// started. A release's figures go some time after it left the table.
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
	p.registry.each(func(site string, id davit.ReleaseID, service string, c *counters) {
		if s.Sites[site] == nil {
			s.Sites[site] = map[davit.ReleaseID]map[string]davit.Traffic{}
		}
		if s.Sites[site][id] == nil {
			s.Sites[site][id] = map[string]davit.Traffic{}
		}
		s.Sites[site][id][service] = c.snapshot()
	})
	return s
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
