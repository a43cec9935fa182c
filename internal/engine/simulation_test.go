package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
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
		for ; n > size[service]; n-- {
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
		case i.Condition != davit.Starting || w.neverReady[version]:
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

func (w *world) Drain(ctx context.Context, id davit.ReleaseID, _ time.Duration) (int64, error) {
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
	if w.routing.Split[id] > 0 {
		w.violateLocked("%s was drained while it had traffic", id)
	}
	w.undrained[id] = false
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

// memory is a store that forgets with the test. As a real one, it hands out
// copies and refuses stale revisions.
type memory struct {
	mu           sync.Mutex
	releases     map[davit.ReleaseID]*davit.Release
	rollouts     map[string]*davit.Rollout
	order        []string
	environments map[place]*davit.Environment
	events       []davit.Event
	audit        []davit.AuditEntry
	fail         error
	lost         bool // commits are done, and reported as failed
	life         int
	intents      map[string]bool // splits of recorded states
}

// storeView is the store as one life of the server sees it.
type storeView struct {
	*memory
	life int
}

func (v *storeView) Commit(ctx context.Context, c *davit.Change) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.life != v.memory.life {
		return errSimulated
	}
	return v.commitLocked(c)
}

func (m *memory) nextLife() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.life++
}

// recorded reports whether a state with that split was ever recorded.
func (m *memory) recorded(s davit.Split) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(s) == 0 || m.intents[s.String()]
}

func newMemory() *memory {
	return &memory{
		releases: map[davit.ReleaseID]*davit.Release{}, rollouts: map[string]*davit.Rollout{},
		environments: map[place]*davit.Environment{}, intents: map[string]bool{},
	}
}

func (m *memory) commitLocked(c *davit.Change) error {
	if m.fail != nil {
		return m.fail
	}
	if err := m.staleLocked(c); err != nil {
		return err
	}
	for _, r := range c.Releases {
		if m.releases[r.ID] == nil {
			m.releases[r.ID] = r
		}
	}
	for _, r := range c.Rollouts {
		if m.rollouts[r.ID] == nil {
			m.order = append(m.order, r.ID)
		}
		m.rollouts[r.ID] = copyOf(r)
	}
	for _, e := range c.Environments {
		m.environments[place{e.Application, e.Name}] = ptr(*e)
		m.intents[e.State.Split.String()] = true
	}
	for i := range c.Events {
		c.Events[i].Seq = int64(len(m.events) + 1)
		m.events = append(m.events, c.Events[i])
	}
	m.audit = append(m.audit, c.Audit...)
	if m.lost {
		return errSimulated
	}
	return nil
}

func (m *memory) staleLocked(c *davit.Change) error {
	for _, r := range c.Rollouts {
		var stored int64
		if old := m.rollouts[r.ID]; old != nil {
			stored = old.Revision
		}
		if r.Revision != stored+1 {
			return fmt.Errorf("rollout %s at revision %d, change is %d: %w", r.ID, stored, r.Revision, davit.ErrStale)
		}
	}
	for _, e := range c.Environments {
		var stored int64
		if old := m.environments[place{e.Application, e.Name}]; old != nil {
			stored = old.Revision
		}
		if e.Revision != stored+1 {
			return fmt.Errorf("environment %s at revision %d, change is %d: %w", e.Name, stored, e.Revision, davit.ErrStale)
		}
	}
	return nil
}

// copyOf copies a rollout; its plan never changes.
func copyOf(r *davit.Rollout) *davit.Rollout {
	c := ptr(*r)
	c.Verdicts = slices.Clone(r.Verdicts)
	return c
}

func missing(what string) error {
	return &davit.Error{Code: davit.CodeNotFound, Message: "there is no " + what}
}

func (m *memory) Environment(_ context.Context, application, name string) (*davit.Environment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.environments[place{application, name}]
	if e == nil {
		return nil, missing("environment " + name)
	}
	return ptr(*e), nil
}

func (m *memory) Environments(context.Context) ([]*davit.Environment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*davit.Environment
	for _, e := range m.environments {
		all = append(all, ptr(*e))
	}
	return all, nil
}

func (m *memory) Release(_ context.Context, id davit.ReleaseID) (*davit.Release, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.releases[id]
	if r == nil {
		return nil, missing("release " + string(id))
	}
	return r, nil
}

func (m *memory) ReleasesByVersion(_ context.Context, _, _, version string) ([]*davit.Release, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*davit.Release
	for _, r := range m.releases {
		if r.Version == version {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *davit.Release) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return found, nil
}

func (m *memory) Rollout(_ context.Context, id string) (*davit.Rollout, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rollouts[id]
	if r == nil {
		return nil, missing("rollout " + id)
	}
	return copyOf(r), nil
}

func (m *memory) Rollouts(_ context.Context, _, _ string, limit int) ([]*davit.Rollout, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*davit.Rollout
	for _, id := range slices.Backward(m.order) {
		if len(found) < limit {
			found = append(found, copyOf(m.rollouts[id]))
		}
	}
	return found, nil
}

func (m *memory) Open(context.Context) ([]*davit.Rollout, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []*davit.Rollout
	for _, id := range m.order {
		if r := m.rollouts[id]; !r.Phase.Ended() {
			open = append(open, copyOf(r))
		}
	}
	return open, nil
}

func (m *memory) Events(_ context.Context, rollout string, after int64, _ int) ([]davit.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []davit.Event
	for _, e := range m.events {
		if e.Seq > after && (rollout == "" || e.Rollout == rollout) {
			found = append(found, e)
		}
	}
	return found, nil
}

func (m *memory) entries() []davit.AuditEntry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.audit)
}

// bench is an engine at work on a world, inside a synctest bubble.
type bench struct {
	*testing.T
	world   *world
	store   *memory
	engine  *Engine
	clock   time.Duration  // off from the true time; it jumps while the server is down
	setBack time.Duration  // sum of the jumps back
	lease   *leasingRouter // nil: the router leases nothing
	stop    func()
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, world: newWorld(), store: newMemory()}
	b.world.recorded = b.store.recorded
	b.boot()
	t.Cleanup(func() { b.stop() })
	return b
}

// boot starts an engine on the bench's world and store, as a server does.
func (b *bench) boot() {
	ids := 0
	seen, offset := view{b.world, b.world.life}, b.clock
	var router Router = seen
	if b.lease != nil {
		router = leasing{seen, b.lease}
	}
	b.engine = New(Config{
		Lease: testLease,
		Store: &storeView{b.store, b.store.life},
		Platform: func(davit.Environment) (Platform, error) {
			return Platform{Runtime: seen, Router: router, Metrics: seen}, nil
		},
		Now:   func() time.Time { return time.Now().Add(offset) },
		NewID: func(now time.Time) string { ids++; return fmt.Sprintf("r%d-%d", now.Unix(), ids) },
		Log:   slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.engine.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
}

func request(version string, policy davit.Policy) DeployRequest {
	if policy.Deadline == 0 {
		policy.Deadline = davit.Duration(15 * time.Minute)
	}
	if policy.Patience == 0 {
		policy.Patience = davit.Duration(5 * time.Minute)
	}
	return DeployRequest{
		Application: "shop", Environment: "staging", Platform: "simulated", Version: version,
		Config: davit.ReleaseConfig{Services: map[string]davit.Service{
			"web":    {Name: "web", Traffic: true, Replicas: 4, Env: map[string]string{"VERSION": version}},
			"worker": {Name: "worker", Replicas: 1},
		}},
		Policy: policy, Actor: "anna",
	}
}

func (b *bench) deploy(req DeployRequest) *davit.Rollout {
	b.Helper()
	p, err := b.engine.Deploy(b.Context(), req)
	if err != nil {
		b.Fatalf("deploying %s: %v", req.Version, err)
	}
	return p.Rollout
}

// promoted deploys and waits until the rollout has ended.
func (b *bench) promoted(req DeployRequest) *davit.Rollout {
	b.Helper()
	r := b.await(b.deploy(req).ID, func(r *davit.Rollout) bool { return r.Phase.Ended() })
	if r.Phase != davit.Promoted {
		b.Fatalf("%s is %s: %s", req.Version, r.Phase, r.Cause)
	}
	return r
}

// await waits until a rollout is as wanted; an hour of simulated time at most,
// and what a clock that was set back adds to it.
func (b *bench) await(id string, wanted func(*davit.Rollout) bool) *davit.Rollout {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour+b.setBack)
	defer cancel()
	changes := b.engine.Watch(ctx)
	for {
		r, err := b.store.Rollout(ctx, id)
		if err != nil {
			b.Fatal(err)
		}
		if wanted(r) {
			return r
		}
		select {
		case <-changes:
		case <-ctx.Done():
			b.Fatalf("rollout %s is still %s in stage %d (%s) after an hour: %s", id, r.Phase, r.Stage, r.Step, r.Cause)
		}
	}
}

func (b *bench) command(kind CommandKind, reason string) *davit.Rollout {
	b.Helper()
	r, err := b.engine.Command(b.Context(), Command{Application: "shop", Environment: "staging", Kind: kind, Actor: "anna", Reason: reason})
	if err != nil {
		b.Fatalf("%s: %v", kind, err)
	}
	return r
}

func (b *bench) serves(version string) {
	b.Helper()
	split := b.world.split()
	for id, share := range split {
		if id.Short() != version || share != davit.Whole {
			b.Errorf("traffic goes to %s, want all to %s", split, version)
		}
	}
	if len(split) != 1 {
		b.Errorf("traffic goes to %s, want all to %s", split, version)
	}
}

func inPhase(p davit.Phase) func(*davit.Rollout) bool {
	return func(r *davit.Rollout) bool { return r.Phase == p }
}

var errSimulated = errors.New("simulated fault")
