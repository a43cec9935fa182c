package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// world is a simulated platform: instances that get ready after a second, a
// router that obeys at once, figures that tests write. It stands in for the
// outside so that time can be simulated too; the real pairs are tested where
// they live.
type world struct {
	changed broadcast

	mu        sync.Mutex
	instances map[string]*davit.Instance
	declared  map[davit.ReleaseID]davit.Size
	routing   davit.Routing
	figures   davit.Figures
	routed    []davit.Split
	names     int

	// Faults. neverReady and crashing hold versions.
	neverReady, crashing map[string]bool
	routeErr             error
	hang                 bool // Route waits for its context's end
	declareErr           error
	lost                 bool          // what is asked for is done, and reported as failed
	streams              time.Duration // how long requests in flight take

	drifts chan davit.Split // what somebody else makes of the routing
	strays chan string      // and of what runs

	life       int // of the server: what an earlier one asks for does not happen
	recorded   func(davit.Split) bool
	violations []string
	tried      map[string]bool          // instances that were ready once
	undrained  map[davit.ReleaseID]bool // had traffic, and were not drained since
	requests   map[davit.ReleaseID]int64
}

// view is the world as one life of the server sees it. Killed, a server's calls
// in progress neither happen nor answer.
type view struct {
	*world
	life int
}

// dead waits for ctx and returns its error if the server was killed; otherwise
// it returns nil at once.
func (v view) dead(ctx context.Context) error {
	v.mu.Lock()
	dead := v.life != v.world.life
	v.mu.Unlock()
	if !dead {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (v view) Declare(ctx context.Context, r *davit.Release, size davit.Size) error {
	if err := v.dead(ctx); err != nil {
		return err
	}
	return v.world.Declare(ctx, r, size)
}

func (v view) Route(ctx context.Context, routing davit.Routing) error {
	if err := v.dead(ctx); err != nil {
		return err
	}
	return v.world.Route(ctx, routing)
}

// violate notes that something happened that must not.
func (w *world) violateLocked(format string, args ...any) {
	w.violations = append(w.violations, fmt.Sprintf(format, args...))
}

func newWorld() *world {
	return &world{
		instances: map[string]*davit.Instance{}, declared: map[davit.ReleaseID]davit.Size{},
		neverReady: map[string]bool{}, crashing: map[string]bool{},
		tried: map[string]bool{}, undrained: map[davit.ReleaseID]bool{}, requests: map[davit.ReleaseID]int64{},
		drifts:  make(chan davit.Split, 1),
		strays:  make(chan string, 1),
		figures: davit.Figures{Boot: "b1", Traffic: map[davit.ReleaseID]map[string]davit.Traffic{}},
	}
}

const (
	startTime = time.Second // of a simulated instance
	stopTime  = time.Second
)

func (w *world) Pin(context.Context, davit.Service) (string, error) { return "sha256:00", nil }

func (w *world) Declare(_ context.Context, r *davit.Release, size davit.Size) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.declareErr != nil {
		return w.declareErr
	}
	if r.Application != "shop" || r.Environment != "staging" {
		return fmt.Errorf("release %s is of %q in %q: %w", r.ID, r.Application, r.Environment, errSimulated)
	}
	w.declared[r.ID] = maps.Clone(size)
	have := davit.Size{}
	for _, i := range w.instances {
		if i.Release == r.ID && i.Condition != davit.Draining {
			have[i.Service]++
		}
	}
	for service, n := range size {
		for ; have[service] < n; have[service]++ {
			w.startLocked(r, service)
		}
	}
	for service, n := range have {
		for ; n > size[service] && (size[service] == 0 || !r.Autoscaled(service)); n-- {
			w.stopLocked(r.ID, service)
		}
	}
	w.checkCapacityLocked(r, size)
	w.changed.send()
	return w.answerLocked()
}

// checkCapacityLocked wants a release with traffic to keep what serves it; one
// instance may be away, as the rolling policy of the simulations allows.
func (w *world) checkCapacityLocked(r *davit.Release, size davit.Size) {
	share := w.routing.Split[r.ID]
	if size.Total() == 0 && w.undrained[r.ID] {
		w.violateLocked("%s was stopped before it was drained", r.ID)
	}
	for name, s := range r.Config.Services {
		if !s.Traffic || share == 0 {
			continue
		}
		if need := max(1, s.Replicas*share/davit.Whole-1); size[name] < need {
			w.violateLocked("%s of %s was shrunk to %d while it has %s of the traffic, want %d", name, r.ID, size[name], davit.Percent(share), need)
		}
	}
}

// answerLocked is what a change that was made reports.
func (w *world) answerLocked() error {
	if w.lost {
		return errSimulated
	}
	return nil
}

func (w *world) startLocked(r *davit.Release, service string) {
	w.names++
	i := &davit.Instance{ID: fmt.Sprintf("i%d", w.names), Release: r.ID, Service: service, Condition: davit.Starting}
	w.instances[i.ID] = i
	version := r.ID.Short()
	time.AfterFunc(startTime, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case i.Condition != davit.Starting:
		case w.neverReady[version]:
			i.Reason = "its probe is answered 503"
		case w.crashing[version]:
			i.Condition, i.Reason = davit.Failed, "crash loop: exited 3"
		default:
			i.Condition = davit.Ready
			w.tried[i.ID] = true
		}
		w.changed.send()
	})
}

func (w *world) stopLocked(id davit.ReleaseID, service string) {
	for _, key := range slices.Sorted(maps.Keys(w.instances)) {
		i := w.instances[key]
		if i.Release != id || i.Service != service || i.Condition == davit.Draining {
			continue
		}
		i.Condition = davit.Draining
		time.AfterFunc(stopTime, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			delete(w.instances, i.ID)
			w.changed.send()
		})
		return
	}
}

func (w *world) Instances(context.Context) ([]davit.Instance, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []davit.Instance
	for _, i := range w.instances {
		list = append(list, *i)
	}
	return list, nil
}

func (w *world) Watch(ctx context.Context) <-chan struct{} { return w.changed.subscribe(ctx) }

func (w *world) Routing(context.Context) (davit.Routing, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.routing, nil
}

// Route holds the rule that only releases with ready instances get traffic.
func (w *world) Route(ctx context.Context, routing davit.Routing) error {
	w.mu.Lock()
	hang, err := w.hang, w.routeErr
	w.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.recorded != nil && !w.recorded(routing.Split) {
		w.violateLocked("%s was routed before it was recorded", routing.Split)
	}
	if err := w.checkReadyLocked(routing.Split); err != nil {
		return err
	}
	w.routing = routing
	w.routed = append(w.routed, routing.Split)
	w.changed.send()
	return w.answerLocked()
}

// checkReadyLocked refuses traffic to a release of which nothing is ready. That
// what was ready is no more is bad luck; that nothing ever was is a fault.
func (w *world) checkReadyLocked(split davit.Split) error {
	for id := range split {
		ready, tried := false, false
		for _, i := range w.instances {
			if i.Release == id && i.Service == "web" {
				ready = ready || i.Condition == davit.Ready
				tried = tried || w.tried[i.ID]
			}
		}
		if !tried {
			w.violateLocked("%s was routed to %s, of which nothing was ever ready", split, id)
		}
		if !ready {
			return fmt.Errorf("simulated rule: traffic for %s, which has no ready instance", id)
		}
		w.undrained[id] = true
	}
	return nil
}

func (w *world) Drain(ctx context.Context, release *davit.Release) (int64, error) {
	w.mu.Lock()
	streams := w.streams
	w.mu.Unlock()
	if streams > 0 {
		select {
		case <-time.After(streams):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.routing.Split[release.ID] > 0 {
		w.violateLocked("%s was drained while it had traffic", release.ID)
	}
	w.undrained[release.ID] = false
	return 0, nil
}

func (w *world) Figures(context.Context) (davit.Figures, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.figures
	f.Traffic = maps.Clone(f.Traffic)
	return f, nil
}

// traffic counts requests to a release, some of which failed.
func (w *world) traffic(id davit.ReleaseID, requests, failures int64, latency time.Duration) {
	w.fault(func() {
		t := w.figures.Traffic[id]["web"]
		t.Requests += requests
		t.Failures += failures
		w.requests[id] += requests
		t.Latency[davit.Bucket(latency)] += requests
		w.figures.Traffic[id] = map[string]davit.Traffic{"web": t}
	})
}

// answer is traffic that is quick.
func (w *world) answer(id davit.ReleaseID, requests, failures int64) {
	w.traffic(id, requests, failures, time.Millisecond)
}

// fault changes the world under its lock, and lets everybody know.
func (w *world) fault(set func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	set()
	w.changed.send()
}

func (w *world) split() davit.Split {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.routing.Split)
}

func (w *world) all() []davit.Instance {
	list, _ := w.Instances(context.Background())
	return list
}

// history is every split that was ever in effect.
func (w *world) history() []davit.Split {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.routed)
}
