package engine

import (
	"context"
	"encoding/json"
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
	lost                 bool // what is asked for is done, and reported as failed
}

func newWorld() *world {
	return &world{
		instances: map[string]*davit.Instance{}, declared: map[davit.ReleaseID]davit.Size{},
		neverReady: map[string]bool{}, crashing: map[string]bool{},
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
	w.changed.send()
	return w.answerLocked()
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
	for id := range routing.Split {
		if !slices.ContainsFunc(slices.Collect(maps.Values(w.instances)), func(i *davit.Instance) bool {
			return i.Release == id && i.Condition == davit.Ready
		}) {
			return fmt.Errorf("simulated rule: traffic for %s, which has no ready instance", id)
		}
	}
	w.routing = routing
	w.routed = append(w.routed, routing.Split)
	w.changed.send()
	return w.answerLocked()
}

func (w *world) Drain(context.Context, davit.ReleaseID, time.Duration) (int64, error) { return 0, nil }

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

// memory is a store that forgets with the test. It copies by JSON, as a real
// one does, and refuses stale revisions.
type memory struct {
	mu           sync.Mutex
	releases     map[davit.ReleaseID][]byte
	rollouts     map[string][]byte
	order        []string
	environments map[string][]byte
	revisions    map[string]int64
	events       []davit.Event
	audit        []davit.AuditEntry
	fail         error
}

func newMemory() *memory {
	return &memory{
		releases: map[davit.ReleaseID][]byte{}, rollouts: map[string][]byte{},
		environments: map[string][]byte{}, revisions: map[string]int64{},
	}
}

func (m *memory) Commit(_ context.Context, c *davit.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	next := map[string]int64{}
	for _, r := range c.Rollouts {
		next["rollout "+r.ID] = r.Revision
	}
	for _, e := range c.Environments {
		next["environment "+e.Application+"/"+e.Name] = e.Revision
	}
	for key, revision := range next {
		if m.revisions[key] != revision-1 {
			return fmt.Errorf("%s at revision %d, change is %d: %w", key, m.revisions[key], revision, davit.ErrStale)
		}
	}
	maps.Copy(m.revisions, next)
	for _, r := range c.Releases {
		if m.releases[r.ID] == nil {
			m.releases[r.ID] = encode(r)
		}
	}
	for _, r := range c.Rollouts {
		if m.rollouts[r.ID] == nil {
			m.order = append(m.order, r.ID)
		}
		m.rollouts[r.ID] = encode(r)
	}
	for _, e := range c.Environments {
		m.environments[e.Application+"/"+e.Name] = encode(e)
	}
	for i := range c.Events {
		c.Events[i].Seq = int64(len(m.events) + 1)
		m.events = append(m.events, c.Events[i])
	}
	m.audit = append(m.audit, c.Audit...)
	return nil
}

func decoded[T any](data []byte, what string) (*T, error) {
	if data == nil {
		return nil, &davit.Error{Code: davit.CodeNotFound, Message: "there is no " + what}
	}
	v := new(T)
	return v, json.Unmarshal(data, v)
}

func (m *memory) Environment(_ context.Context, application, name string) (*davit.Environment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return decoded[davit.Environment](m.environments[application+"/"+name], "environment "+name)
}

func (m *memory) Environments(context.Context) ([]*davit.Environment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*davit.Environment
	for _, data := range m.environments {
		e, err := decoded[davit.Environment](data, "")
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func (m *memory) Release(_ context.Context, id davit.ReleaseID) (*davit.Release, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return decoded[davit.Release](m.releases[id], "release "+string(id))
}

func (m *memory) ReleasesByVersion(_ context.Context, _, _, version string) ([]*davit.Release, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*davit.Release
	for id, data := range m.releases {
		if id.Short() == version {
			r, err := decoded[davit.Release](data, "")
			if err != nil {
				return nil, err
			}
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *davit.Release) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return found, nil
}

func (m *memory) Rollout(_ context.Context, id string) (*davit.Rollout, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return decoded[davit.Rollout](m.rollouts[id], "rollout "+id)
}

func (m *memory) Rollouts(_ context.Context, _, _ string, limit int) ([]*davit.Rollout, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*davit.Rollout
	for _, id := range slices.Backward(m.order) {
		if len(found) == limit {
			break
		}
		r, err := decoded[davit.Rollout](m.rollouts[id], "")
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, nil
}

func (m *memory) Open(context.Context) ([]*davit.Rollout, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []*davit.Rollout
	for _, id := range m.order {
		r, err := decoded[davit.Rollout](m.rollouts[id], "")
		if err != nil {
			return nil, err
		}
		if !r.Phase.Ended() {
			open = append(open, r)
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
	world  *world
	store  *memory
	engine *Engine
	stop   func()
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, world: newWorld(), store: newMemory()}
	b.boot()
	t.Cleanup(func() { b.stop() })
	return b
}

// boot starts an engine on the bench's world and store, as a server does.
func (b *bench) boot() {
	ids := 0
	b.engine = New(Config{
		Store: b.store,
		Platform: func(davit.Environment) (Platform, error) {
			return Platform{Runtime: b.world, Router: b.world, Metrics: b.world}, nil
		},
		Now:   time.Now,
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

// await waits until a rollout is as wanted; an hour of simulated time at most.
func (b *bench) await(id string, wanted func(*davit.Rollout) bool) *davit.Rollout {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
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
