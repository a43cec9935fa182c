package proxy

import (
	"slices"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// countKey names what is counted: one service of one release of a site.
type countKey struct {
	Site    string          `json:"site"`
	Release davit.ReleaseID `json:"release"`
	Service string          `json:"service"`
}

// tally is what was counted of it.
type tally struct {
	davit.Traffic
	Spent time.Duration `json:"spent"` // sum of the latencies
}

// count is a line of what one proxy tells another.
type count struct {
	countKey
	tally
}

// counts is what one proxy has counted.
type counts map[countKey]tally

func (t tally) add(o tally) tally {
	return tally{t.Add(o.Traffic), t.Spent + o.Spent}
}

// since is what came after o. What is in flight stays as it is.
func (t tally) since(o tally) tally {
	return tally{t.Since(o.Traffic), t.Spent - o.Spent}
}

func (c counts) list() []count {
	list := make([]count, 0, len(c))
	for key, t := range c {
		list = append(list, count{key, t})
	}
	return list
}

func countsOf(list []count) counts {
	c := counts{}
	for _, line := range list {
		c[line.countKey] = line.tally
	}
	return c
}

// heritage is what the proxies before this one counted, so that the sum goes on
// where theirs ended: those that have ended, and those that still part.
type heritage struct {
	mu      sync.Mutex
	ended   counts
	parting map[string]*parted // by the ID of the proxy
	gone    []string           // IDs of the last that have ended
	closed  bool               // another proxy is told from now on
}

// legacy is what one proxy tells the next of all that was counted until then.
type legacy struct {
	Own     []count           `json:"own"`     // what it answers for
	Parting map[string]parted `json:"parting"` // what the proxies before it tell, by their ID
	Gone    []string          `json:"gone"`    // those that have told all
}

// parted is what a parting proxy has counted: all at first, if it was not this
// proxy's own predecessor and counted before this one came, and at last.
type parted struct {
	First []count `json:"first,omitempty"`
	Last  []count `json:"last"`
}

// maxGone bounds how many proxies are remembered that have ended.
const maxGone = 100

// report takes in what a parting proxy has counted until now. It may be said
// again; a proxy's last word ends it. It returns false when another proxy is to
// be told.
func (h *heritage) report(id string, list []count, end bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	if slices.Contains(h.gone, id) {
		return true
	}
	p := h.parting[id]
	if p == nil {
		// This proxy started on its own. What the other counted before is not
		// in its sum, and was in another's.
		p = &parted{First: list}
		if h.parting == nil {
			h.parting = map[string]*parted{}
		}
		h.parting[id] = p
	}
	p.Last = list
	if !end {
		return true
	}
	if h.ended == nil {
		h.ended = counts{}
	}
	for key, t := range p.counted() {
		t.InFlight = 0
		h.ended[key] = h.ended[key].add(t)
	}
	delete(h.parting, id)
	h.gone = append(h.gone[max(0, len(h.gone)+1-maxGone):], id)
	return true
}

// counted returns what the parting proxy adds to the sum.
func (p *parted) counted() counts {
	first, c := countsOf(p.First), counts{}
	for _, line := range p.Last {
		c[line.countKey] = line.since(first[line.countKey])
	}
	return c
}

// addTo adds all that was counted before to c; without what still parts, when
// only is set.
func (h *heritage) addTo(c counts, ended bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, t := range h.ended {
		c[key] = c[key].add(t)
	}
	if ended {
		return
	}
	for _, p := range h.parting {
		for key, t := range p.counted() {
			c[key] = c[key].add(t)
		}
	}
}

// forget drops what was counted of services that are not known any more.
func (h *heritage) forget(known counts) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key := range h.ended {
		if _, here := known[key]; !here {
			delete(h.ended, key)
		}
	}
}

// close lets the proxies that part tell another from now on.
func (h *heritage) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
}

// legacy returns what this proxy tells the next.
func (p *Proxy) legacy() legacy {
	l := legacy{Own: p.own(), Parting: map[string]parted{}}
	h := &p.heritage
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, other := range h.parting {
		l.Parting[id] = *other
	}
	l.Gone = slices.Clone(h.gone)
	return l
}

// inherit begins with what the proxy of that ID tells, in place of what it told
// before.
func (h *heritage) inherit(id string, l legacy) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.parting = map[string]*parted{id: {Last: l.Own}}
	for other, p := range l.Parting {
		h.parting[other] = &p
	}
	h.gone = l.Gone
}
