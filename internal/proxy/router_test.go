package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// fleet is the instances of an environment, as a runtime tells them.
type fleet struct {
	mu        sync.Mutex
	instances []davit.Instance
	err       error
	watchers  []chan struct{}
}

func (f *fleet) Instances(context.Context) ([]davit.Instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.instances), f.err
}

func (f *fleet) Watch(ctx context.Context) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	ch, out := make(chan struct{}, 1), make(chan struct{})
	f.watchers = append(f.watchers, ch)
	go func() {
		defer close(out)
		for {
			select {
			case <-ch:
				select {
				case out <- struct{}{}:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (f *fleet) change(change func(*fleet)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
	for _, ch := range f.watchers {
		notify(ch)
	}
}

func (f *fleet) set(id string, condition davit.Condition) {
	f.change(func(f *fleet) {
		for i := range f.instances {
			if f.instances[i].ID == id {
				f.instances[i].Condition = condition
			}
		}
	})
}

func newFleet(t *testing.T, ids ...string) *fleet {
	f := &fleet{}
	for _, id := range ids {
		f.instances = append(f.instances, davit.Instance{ID: id, Release: davit.ReleaseID(id[:2]), Service: "web",
			Address: backendServer(t, says(id)), Condition: davit.Ready})
	}
	return f
}

func testRelease(id davit.ReleaseID, listen ...string) *davit.Release {
	config := davit.ReleaseConfig{
		Services: map[string]davit.Service{"web": {Name: "web", Traffic: true}, "worker": {Name: "worker"}},
		Routes:   []davit.Route{{Prefix: "/", Service: "web"}},
	}
	for _, address := range listen {
		config.Front.Listen = append(config.Front.Listen, davit.Listener{Address: address})
	}
	return &davit.Release{ID: id, Config: config}
}

func testRouting(share int) davit.Routing {
	split := davit.Split{"v2": share, "v1": davit.Whole - share}
	for id, n := range split {
		if n == 0 {
			delete(split, id)
		}
	}
	return davit.Routing{Releases: []*davit.Release{testRelease("v1", anyPort), testRelease("v2", anyPort)}, Split: split, Stable: "v1", Candidate: "v2"}
}

// runRouter runs a router until the test ends or the returned function is called.
func runRouter(t *testing.T, client *Client) (*Router, func()) {
	t.Helper()
	r := NewRouter(client, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = r.Run(ctx) })
	stop := sync.OnceFunc(func() { cancel(); run.Wait() })
	t.Cleanup(stop)
	return r, stop
}

// backendsOf returns the instances in the table in effect.
func backendsOf(t *testing.T, client *Client) string {
	t.Helper()
	table, err := client.Table(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, site := range table.Sites {
		for _, release := range site.Releases {
			for _, service := range release.Services {
				for _, b := range service.Backends {
					ids = append(ids, b.Instance)
				}
			}
		}
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func TestRouterRoutesAndKnowsWhatIsInEffect(t *testing.T) {
	s := serve(t, tempDir(t))
	ctx := testContext(t)
	router, _ := runRouter(t, s.Client)
	e := router.Environment("shop", "test", newFleet(t, "v1-a", "v1-b", "v2-a"))
	if routing, err := e.Routing(ctx); err != nil || len(routing.Releases) > 0 {
		t.Errorf("at first: %+v, %v", routing, err)
	}
	for _, share := range []int{0, 50, 1000, 0} {
		if err := e.Route(ctx, testRouting(share)); err != nil {
			t.Fatal(err)
		}
		routing, err := e.Routing(ctx)
		if err != nil || !routing.Split.Equal(testRouting(share).Split) || routing.Candidate != "v2" || routing.Stable != "v1" || len(routing.Releases) != 2 {
			t.Errorf("share %d: in effect is %+v, %v", share, routing, err)
		}
	}
	table, _ := s.Table(ctx)
	if err := e.Route(ctx, testRouting(0)); err != nil {
		t.Fatal(err)
	}
	if again, _ := s.Table(ctx); again.Number != table.Number {
		t.Errorf("the same routing made table %d of %d", again.Number, table.Number)
	}
	exchangeWith(t, newClient(t), http.MethodGet, s.url(), nil)
	if figures, err := e.Figures(ctx); err != nil || figures.Release("v1").Requests != 1 {
		t.Errorf("figures: %+v, %v", figures, err)
	}
	if n, err := e.Drain(ctx, testRelease("v2")); n != 0 || err != nil {
		t.Errorf("drain: %d, %v", n, err)
	}
	if err := e.Route(ctx, davit.Routing{}); err != nil {
		t.Fatal(err)
	}
	if table, _ := s.Table(ctx); len(table.Sites) != 0 {
		t.Errorf("after routing nothing: %+v", table.Sites)
	}
}

func TestRouterFollowsReadiness(t *testing.T) {
	s := serve(t, tempDir(t))
	ctx := testContext(t)
	router, _ := runRouter(t, s.Client)
	f := newFleet(t, "v1-a", "v1-b", "v2-a")
	f.set("v1-b", davit.Starting)
	e := router.Environment("shop", "test", f)
	if err := e.Route(ctx, testRouting(0)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id        string
		condition davit.Condition
		want      string
	}{
		{"v1-a", davit.Ready, "v1-a v2-a"},
		{"v1-b", davit.Ready, "v1-a v1-b v2-a"},
		{"v1-a", davit.Starting, "v1-b v2-a"},
		{"v1-b", davit.Starting, "v1-b v2-a"}, // the last one stays
		{"v1-b", davit.Draining, "v2-a"},      // but one that leaves does not
		{"v1-a", davit.Ready, "v1-a v2-a"},
		{"v2-a", davit.Failed, "v1-a"},
	} {
		f.set(c.id, c.condition)
		eventually(t, c.want+" are the backends", func() bool { return backendsOf(t, s.Client) == c.want })
	}
	if err := e.Route(ctx, testRouting(500)); davit.ErrorCode(err) != davit.CodeUnavailable {
		t.Errorf("traffic to a release of which nothing is ready: %v", err)
	}
}

func TestRouterAfterARestartOfTheServer(t *testing.T) {
	s := serve(t, tempDir(t))
	ctx := testContext(t)
	f := newFleet(t, "v1-a", "v2-a")
	first, stop := runRouter(t, s.Client)
	if err := first.Environment("shop", "test", f).Route(ctx, testRouting(250)); err != nil {
		t.Fatal(err)
	}
	if err := first.Environment("blog", "test", newFleet(t)).Route(ctx, davit.Routing{Releases: []*davit.Release{testRelease("v1")}, Stable: "v1"}); err != nil {
		t.Fatal(err)
	}
	stop()
	before, err := s.Table(ctx)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := runRouter(t, s.Client)
	e := second.Environment("shop", "test", f)
	if routing, err := e.Routing(ctx); err != nil || routing.Split["v2"] != 250 {
		t.Errorf("in effect is %+v, %v", routing, err)
	}
	if err := e.Route(ctx, testRouting(500)); err != nil {
		t.Fatal(err)
	}
	after, err := s.Table(ctx)
	if err != nil || after.Number <= before.Number || len(after.Sites) != 2 || string(after.Key) != string(before.Key) {
		t.Errorf("table %d with %d sites after %d, %v; the key stays: %v", after.Number, len(after.Sites), before.Number, err, string(after.Key) == string(before.Key))
	}
}

func TestRouterSendsItsTableToAProxyThatLostIt(t *testing.T) {
	dir := tempDir(t)
	s := serve(t, dir)
	ctx := testContext(t)
	router, _ := runRouter(t, s.Client)
	e := router.Environment("shop", "test", newFleet(t, "v1-a", "v2-a"))
	if err := e.Route(ctx, testRouting(250)); err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if err := e.Route(ctx, testRouting(500)); davit.ErrorCode(err) != davit.CodeUnavailable {
		t.Errorf("without a proxy: %v", err)
	}
	for _, name := range []string{tableFile, previousFile} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s = serve(t, dir)
	eventually(t, "it has the table again", func() bool {
		table, err := s.Table(ctx)
		return err == nil && len(table.Sites) == 1 && table.Sites[0].Split["v2"] == 250
	})
}

func TestLeave(t *testing.T) {
	s := serve(t, tempDir(t))
	ctx := testContext(t)
	router, _ := runRouter(t, s.Client)
	arrived, release := make(chan struct{}), make(chan struct{})
	f := newFleet(t, "v1-a")
	f.instances = append(f.instances, davit.Instance{ID: "v1-slow", Release: "v1", Service: "web", Condition: davit.Ready,
		Address: backendServer(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-release })})
	e := router.Environment("shop", "test", f)
	routing := davit.Routing{Releases: []*davit.Release{testRelease("v1", anyPort)}, Split: davit.All("v1"), Stable: "v1"}
	if err := e.Route(ctx, routing); err != nil {
		t.Fatal(err)
	}
	client, target := newClient(t), s.url()
	var load sync.WaitGroup
	load.Go(func() {
		for {
			select {
			case <-arrived:
				return
			default:
			}
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
			if res, err := client.Do(req); err == nil {
				_ = res.Body.Close()
			}
		}
	})
	<-arrived
	if err := router.Leave(ctx, "v1-slow", 10*time.Millisecond); davit.ErrorCode(err) != davit.CodeUnavailable || !strings.Contains(err.Error(), "1 requests") {
		t.Errorf("with a request in flight: %v", err)
	}
	if got := backendsOf(t, s.Client); got != "v1-a" {
		t.Errorf("in the table is %s", got)
	}
	left := make(chan error, 1)
	go func() { left <- router.Leave(ctx, "v1-slow", patience) }()
	close(release)
	if err := <-left; err != nil {
		t.Error(err)
	}
	load.Wait()
	f.change(func(f *fleet) { f.instances = f.instances[:1] })
	eventually(t, "the instance that left is forgotten", func() bool {
		if router.lock(ctx) != nil {
			return false
		}
		defer router.unlock()
		return len(router.leaving) == 0
	})
}

func TestTroubleOfOneEnvironmentDoesNotKeepAnother(t *testing.T) {
	s := serve(t, tempDir(t))
	ctx := testContext(t)
	router, _ := runRouter(t, s.Client)
	blog := newFleet(t)
	if err := router.Environment("blog", "test", blog).Route(ctx, davit.Routing{Releases: []*davit.Release{testRelease("v1")}, Stable: "v1"}); err != nil {
		t.Fatal(err)
	}
	blog.change(func(f *fleet) { f.err = errors.New("the runtime hangs") })
	if err := router.Environment("shop", "test", newFleet(t, "v1-a", "v2-a")).Route(ctx, testRouting(0)); err != nil {
		t.Errorf("another environment: %v", err)
	}
}

func TestWatchTellsThatFiguresChanged(t *testing.T) {
	s := serve(t, tempDir(t))
	ctx, cancel := context.WithCancel(testContext(t))
	router, _ := runRouter(t, s.Client)
	e := router.Environment("shop", "test", newFleet(t, "v1-a", "v2-a"))
	if err := e.Route(ctx, testRouting(0)); err != nil {
		t.Fatal(err)
	}
	changed := e.Watch(ctx)
	exchangeWith(t, newClient(t), http.MethodGet, s.url(), nil)
	for range changed {
		if figures, err := e.Figures(ctx); err == nil && figures.Release("v1").Requests == 1 {
			break
		}
	}
	cancel()
	eventually(t, "the channel is closed", func() bool {
		select {
		case _, open := <-changed:
			return !open
		default:
			return false
		}
	})
}

func TestFrontFollowsTheTraffic(t *testing.T) {
	routing := testRouting(500)
	routing.Releases[0].Config.Front.Listen[0].Address = "127.0.0.1:1"
	routing.Releases[1].Config.Front.Listen[0].Address = "127.0.0.1:2"
	routing.Releases[1].Config.Front.Preview.Hosts = []string{"preview.example"}
	for share, want := range map[int]string{0: "127.0.0.1:1", 500: "127.0.0.1:1", 501: "127.0.0.1:2", 1000: "127.0.0.1:2"} {
		routing.Split = testRouting(share).Split
		site, err := newSite("shop/test", routing)
		if err != nil {
			t.Fatal(err)
		}
		if got := site.Front.Listen[0].Address; got != want || len(site.Front.Preview.Hosts) != 1 {
			t.Errorf("share %d: listens at %s, previews at %v", share, got, site.Front.Preview.Hosts)
		}
	}
}

// A table says gRPC as h2c, which proxies of every version know.
func TestSiteSaysGRPCAsH2C(t *testing.T) {
	routing := testRouting(500)
	for said, want := range map[davit.Protocol]davit.Protocol{"": "", davit.ProtocolHTTP1: davit.ProtocolHTTP1, davit.ProtocolH2C: davit.ProtocolH2C, davit.ProtocolGRPC: davit.ProtocolH2C} {
		for name, s := range routing.Releases[0].Config.Services {
			s.Protocol = said
			routing.Releases[0].Config.Services[name] = s
		}
		site, err := newSite("shop/test", routing)
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range site.Releases[routing.Releases[0].ID].Services {
			if s.Protocol != want {
				t.Errorf("%s of protocol %q is %q in the table, want %q", name, said, s.Protocol, want)
			}
		}
	}
}
