//go:build e2e && linux

package kubernetes

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
	"github.com/davit-dev/davit/internal/kubernetes"
)

// stage is an environment on the cluster, driven without an engine.
type stage struct {
	*place
	front   rig.Front
	cluster *kubernetes.Cluster
	runtime *kubernetes.Runtime
	router  *kubernetes.Router
}

func newStage(p *place) *stage {
	p.Helper()
	cluster, err := kubernetes.Connect(p.Context(), kubernetes.Options{Namespace: p.Space.Name, Log: slog.New(slog.NewTextHandler(p.Output(), nil))})
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			p.Error(err)
		}
	})
	front := p.front()
	return &stage{
		place: p, front: front, cluster: cluster, runtime: cluster.Runtime("shop", "production"),
		router: cluster.Router("shop", "production", kubernetes.GatewayOptions{Name: front.Name, Namespace: front.Namespace}),
	}
}

// release returns a version of the shop's API; change may change its service.
func (s *stage) release(version string, change ...func(*davit.Service)) *davit.Release {
	s.Helper()
	api := davit.Service{
		Name: "api", Image: rig.ShopImage(version), ImagePullPolicy: "IfNotPresent", Command: []string{"/shop", "api"}, Traffic: true, Port: 8080, Replicas: 2,
		Env:   map[string]string{"HOST": "0.0.0.0"},
		Grace: davit.Duration(5 * time.Second), DrainLimit: davit.Duration(time.Second),
		Readiness: &davit.Probe{HTTP: &davit.HTTPProbe{Path: "/readyz"}, Period: davit.Duration(time.Second), Timeout: davit.Duration(5 * time.Second), FailureThreshold: 3, SuccessThreshold: 1},
	}
	for _, c := range change {
		c(&api)
	}
	r, err := davit.NewRelease("shop", "production", version, nil, davit.ReleaseConfig{
		Services: map[string]davit.Service{"api": api}, Routes: []davit.Route{{Host: s.Space.Host(), Prefix: "/", Service: "api"}},
		Front: davit.Front{Address: "http://" + s.front.Address},
	}, time.Now())
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// run has a release run in full, and waits until it is ready.
func (s *stage) run(r *davit.Release) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	if err := s.runtime.Declare(ctx, r, r.Full()); err != nil {
		s.Fatal(err)
	}
	changes := s.runtime.Watch(ctx)
	for {
		all, err := s.runtime.Instances(ctx)
		if err != nil {
			s.Fatal(err)
		}
		ready := 0
		for _, i := range all {
			if i.Release == r.ID && i.Condition == davit.Ready {
				ready++
			}
		}
		if ready == r.Full().Total() {
			return
		}
		if _, open := <-changes; !open {
			s.Fatalf("%s is not ready: %+v", r.ID, all)
		}
	}
}

// route puts a split in effect.
func (s *stage) route(routing davit.Routing) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
	defer cancel()
	began := time.Now()
	if err := s.router.Route(ctx, routing); err != nil {
		s.Fatalf("%s: %v", routing.Split, err)
	}
	s.Logf("%s after %s: %s", routing.Split, time.Since(began).Round(time.Millisecond), s.router.Effect())
	got, err := s.router.Routing(ctx)
	if err != nil || !got.Split.Equal(routing.Split) || got.Candidate != routing.Candidate {
		s.Errorf("read back: %s with candidate %s, %v; want %s", got.Split, got.Candidate, err, routing.Split)
	}
}

// visits asks the front door at a steady rate, and counts what comes.
type visits struct {
	mu     sync.Mutex
	counts map[string]int
	failed []string
}

func (s *stage) visit(ctx context.Context, rate int) *visits {
	v := &visits{counts: map[string]int{}}
	var tasks sync.WaitGroup
	s.Cleanup(tasks.Wait)
	tasks.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-tick.C:
				tasks.Go(func() { v.one(s, n) })
			case <-ctx.Done():
				return
			}
		}
	})
	return v
}

func (v *visits) one(s *stage, n int) {
	request, err := http.NewRequest(http.MethodGet, "http://"+s.front.Address+"/api/products", http.NoBody)
	if err != nil {
		panic(err)
	}
	request.Host = s.Space.Host()
	request.Close = n%2 == 0 // every second on a connection of its own
	response, err := http.DefaultClient.Do(request)
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case err != nil:
		v.failed = append(v.failed, err.Error())
	case response.StatusCode != http.StatusOK:
		v.failed = append(v.failed, response.Status)
	default:
		v.counts[response.Header.Get("Shop-Version")]++
	}
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
}

// during returns what was counted from now until a time has passed.
func (v *visits) during(d time.Duration) map[string]int {
	v.mu.Lock()
	before := maps.Clone(v.counts)
	v.mu.Unlock()
	<-time.After(d)
	v.mu.Lock()
	defer v.mu.Unlock()
	during := map[string]int{}
	for version, n := range v.counts {
		during[version] = n - before[version]
	}
	return during
}

// TestRouterWithoutGateway shows that Services select by the numbers of instances,
// and one release alone when it has everything.
func TestRouterWithoutGateway(t *testing.T) {
	t.Parallel()
	s := newStage(newPlace(t))
	s.router = s.cluster.Router("shop", "production", kubernetes.GatewayOptions{})
	v1, v2 := s.release("v1"), s.release("v2")
	for _, r := range []*davit.Release{v1, v2} {
		r.Config.Front.Address = ""
		s.run(r)
	}
	both := []*davit.Release{v1, v2}
	for _, split := range []davit.Split{davit.All(v1.ID), {v1.ID: 500, v2.ID: 500}, davit.All(v2.ID)} {
		s.route(davit.Routing{Releases: both, Split: split, Stable: v1.ID, Candidate: v2.ID})
		pods := s.kubectl("get", "endpointslices", "--selector=kubernetes.io/service-name=shop-production-api", "--output=jsonpath={.items[*].endpoints[*].targetRef.name}")
		if got := strings.Fields(pods); len(got) != 2*len(split) {
			t.Errorf("%s reaches %v", split, got)
		}
	}
	drift := s.router.Drift(t.Context())
	s.kubectl("patch", "service/shop-production-api", "--type=merge", `--patch={"spec":{"selector":{"davit.dev/release":"none"}}}`)
	if got := <-drift; len(got) != 0 {
		t.Errorf("it drifted to %s", got)
	}
	s.route(davit.Routing{Releases: both, Split: davit.All(v2.ID), Stable: v1.ID, Candidate: v2.ID})
	s.route(davit.Routing{})
}

// TestRoutesChangedByOthers shows that weights which somebody changes, and a route
// that somebody deletes, are noticed, and put back by routing once more.
func TestRoutesChangedByOthers(t *testing.T) {
	t.Parallel()
	s := newStage(newPlace(t))
	v1, v2 := s.release("v1"), s.release("v2")
	s.run(v1)
	s.run(v2)
	routing := davit.Routing{Releases: []*davit.Release{v1, v2}, Split: davit.Split{v1.ID: 900, v2.ID: 100}, Stable: v1.ID, Candidate: v2.ID}
	drift := s.router.Drift(t.Context())
	s.route(routing)
	name := s.kubectl("get", "httproutes", "--output=name")
	s.kubectl("patch", name, "--type=json", `--patch=[{"op":"replace","path":"/spec/rules/0/backendRefs/0/weight","value":100}]`)
	if got := <-drift; !got.Equal(davit.Split{v1.ID: 500, v2.ID: 500}) {
		t.Errorf("it drifted to %s", got)
	}
	s.route(routing)
	s.kubectl("delete", name)
	if got := <-drift; len(got) != 0 {
		t.Errorf("it drifted to %s", got)
	}
	s.route(routing)
	select {
	case got := <-drift:
		t.Errorf("its own routing is drift to %s", got)
	case <-time.After(6 * time.Second): // longer than there is between reports
	}
}

// telling has the application tell its release, which Traefik does not for a rule with
// two of them.
func telling(s *davit.Service) { s.Env["TELL_RELEASE"] = "1" }

// versions names counts of answers by the releases of the versions that gave them.
func versions(counts map[string]int, releases ...*davit.Release) map[davit.ReleaseID]int {
	by := map[davit.ReleaseID]int{}
	for _, r := range releases {
		if n := counts[r.Version]; n > 0 {
			by[r.ID] = n
		}
	}
	return by
}

// previewed wants a user who names a release to get it.
func (s *stage) previewed(r *davit.Release) {
	s.Helper()
	for range 20 {
		request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, "http://"+s.front.Address+"/api/products", http.NoBody)
		s.must(err)
		request.Host = s.Space.Host()
		request.Header.Set("Davit-Release", string(r.ID))
		response, err := http.DefaultClient.Do(request)
		s.must(err)
		_ = response.Body.Close()
		if got := response.Header.Get("Shop-Version"); got != r.Version {
			s.Errorf("who names %s gets %q", r.ID, got)
		}
	}
}

// TestRouter leads two releases through a rollout and back under load: nothing is
// lost, and what a routing asks for is so when Route returns.
func TestRouter(t *testing.T) {
	t.Parallel()
	s := newStage(newPlace(t))
	v1, v2 := s.release("v1", telling), s.release("v2", telling)
	s.run(v1)
	s.route(davit.Routing{Releases: []*davit.Release{v1}, Split: davit.All(v1.ID), Candidate: v1.ID})

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	load := s.visit(ctx, 200)
	s.run(v2)
	both := []*davit.Release{v1, v2}
	for _, share := range []int{0, 50, 250, 500, davit.Whole, 100, 0} {
		split := davit.Split{v1.ID: davit.Whole - share, v2.ID: share}
		maps.DeleteFunc(split, func(_ davit.ReleaseID, share int) bool { return share == 0 })
		s.route(davit.Routing{Releases: both, Split: split, Stable: v1.ID, Candidate: v2.ID})
		if effect := s.router.Effect(); !strings.HasPrefix(effect, "seen at ") || len(split) > 1 && !(strings.Contains(effect, " of v1 and ") && strings.HasSuffix(effect, " of v2")) {
			t.Errorf("%s is %s", split, effect)
		}
		load.during(100 * time.Millisecond) // those in flight
		s.shows(split, versions(load.during(time.Second), v1, v2))
		s.previewed(v2)
	}
	s.route(davit.Routing{Releases: both[:1], Split: davit.All(v1.ID), Stable: v1.ID})
	if _, err := s.router.Drain(t.Context(), v2); err != nil {
		t.Error(err)
	}
	if err := s.runtime.Declare(t.Context(), v2, nil); err != nil {
		t.Error(err)
	}
	load.during(2 * time.Second)
	stop()
	load.mu.Lock()
	defer load.mu.Unlock()
	t.Logf("%v, %d failed", load.counts, len(load.failed))
	if len(load.failed) > 0 {
		t.Errorf("lost: %v", slices.Compact(slices.Sorted(slices.Values(load.failed))))
	}
	if got := s.kubectl("get", "httproutes", "--output=name"); strings.Count(got, "\n") != 0 {
		t.Errorf("routes: %s", got)
	}
	s.route(davit.Routing{})
	if got := s.kubectl("get", "httproutes", "--output=name"); strings.Contains(got, "httproute") {
		t.Errorf("routes of nothing: %s", got)
	}
}
