package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/prometheus"
)

// pace is how often Prometheus is asked while somebody wants figures.
const pace = time.Second / 2

// figures counts the requests of an environment's releases by a Prometheus. The
// counts begin with the first reading.
type figures struct {
	router *Router
	base   string
	client *http.Client
	boot   string
	beats  *hub // tells watchers, in the zero scope, that there may be more

	turn chan struct{} // holds one token: whoever has it may read
	// All below is used with the token only.
	counts *counts
	known  map[string]counted // by their workload's name, for a while those that are gone too: counts only grow
	latest davit.Figures

	mu      sync.Mutex
	wanted  bool // somebody asked since the last beat
	beating bool
}

// remembered is how long the counts of a workload that is gone are told, to those
// who have yet to say what became of it.
const remembered = time.Hour

// counted is whose requests a workload's are, and when it was there last.
type counted struct {
	release davit.ReleaseID
	service string
	seen    time.Time
}

func newFigures(r *Router, base string) *figures {
	f := &figures{
		router: r, base: base, client: &http.Client{Transport: r.cluster.metrics, Timeout: 10 * time.Second}, boot: strconv.FormatInt(r.cluster.now().UnixNano(), 36),
		beats: newHub(), turn: make(chan struct{}, 1), counts: newCounts(), known: map[string]counted{},
	}
	f.turn <- struct{}{}
	return f
}

// Figures returns the counts of the releases since the router was first asked for
// them. They are as fresh as Prometheus' last look at what counts. Those who ask
// within a moment get the same ones.
func (r *Router) Figures(ctx context.Context) (davit.Figures, error) {
	f := r.figures
	if f.base == "" {
		return davit.Figures{}, &davit.Error{
			Code: davit.CodeUnsupported, Message: fmt.Sprintf("nothing counts the requests of %s/%s", r.scope.application, r.scope.environment),
			Hint: "name a Prometheus under kubernetes: prometheus:",
		}
	}
	f.want()
	select {
	case <-f.turn:
		defer func() { f.turn <- struct{}{} }()
	case <-ctx.Done():
		return davit.Figures{}, ctx.Err()
	}
	if now := r.cluster.now(); f.latest.Boot == "" || now.Sub(f.latest.At) >= pace/2 {
		if err := f.read(ctx, now); err != nil {
			return davit.Figures{}, fmt.Errorf("asking Prometheus about %s/%s: %w", r.scope.application, r.scope.environment, err)
		}
	}
	return f.latest, nil
}

// read asks Prometheus for all that runs now.
func (f *figures) read(ctx context.Context, now time.Time) error {
	if err := f.router.cluster.ready(ctx); err != nil {
		return err
	}
	alive := lives{}
	for _, d := range f.router.cluster.deploymentsIn(f.router.scope) {
		f.known[d.Name] = counted{davit.ReleaseID(d.Annotations[annotationRelease]), d.Labels[labelService], now}
		alive[d.Name] = d.UID
	}
	f.forget(now)
	names := slices.Sorted(maps.Keys(alive))
	if len(names) > 0 {
		of := families
		if f.counts.family != nil {
			of = []family{*f.counts.family}
		}
		samples, err := prometheus.Query(ctx, f.client, f.base, query(of, names), now)
		if err != nil {
			return err
		}
		f.counts.add(samples, alive)
	}
	f.latest = davit.Figures{Boot: f.boot, At: now, Traffic: map[davit.ReleaseID]map[string]davit.Traffic{}}
	for name, w := range f.known {
		if f.latest.Traffic[w.release] == nil {
			f.latest.Traffic[w.release] = map[string]davit.Traffic{}
		}
		f.latest.Traffic[w.release][w.service] = f.counts.traffic(name)
	}
	return nil
}

// forget lets go of what is known of workloads that have been gone for long.
func (f *figures) forget(now time.Time) {
	for name, w := range f.known {
		if now.Sub(w.seen) > remembered {
			delete(f.known, name)
			f.counts.forget(name)
		}
	}
}

// Watch returns a channel that receives at a steady pace as long as somebody asks
// for figures, and never when nobody does.
func (r *Router) Watch(ctx context.Context) <-chan struct{} {
	return r.figures.beats.subscribe(ctx, scope{})
}

// want notes that somebody wants figures, and sees to it that there are beats for a
// while.
func (f *figures) want() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted = true
	if !f.beating {
		f.beating = f.router.cluster.run(f.beat)
	}
}

// beat beats until nobody has asked since the beat before, or ctx ends.
func (f *figures) beat(ctx context.Context) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		f.mu.Lock()
		f.beating = f.wanted && ctx.Err() == nil
		goOn := f.beating
		f.wanted = false
		f.mu.Unlock()
		if !goOn {
			return
		}
		select {
		case <-tick.C:
			f.beats.send(scope{})
		case <-ctx.Done():
		}
	}
}
