//go:build e2e && linux

package kubernetes

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/cluster"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestCalls leads gRPC from one release to another by GRPCRoutes: every split is seen
// by real calls, and none is lost.
func TestCalls(t *testing.T) {
	t.Parallel()
	s := newStage(newPlace(t))
	if err := rig.LoadCalls(t.Context(), kube); errors.Is(err, cluster.ErrForeign) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	v1, v2 := s.calls("v1"), s.calls("v2")
	s.run(v1)
	s.route(davit.Routing{Releases: []*davit.Release{v1}, Split: davit.All(v1.ID), Stable: v1.ID})
	if got := s.kubectl("get", "httproutes,grpcroutes", "--output=name"); !strings.HasPrefix(got, "grpcroute.") || strings.Contains(got, "\n") {
		t.Errorf("there are the routes %q, want a GRPCRoute alone", got)
	}
	load := s.call(t.Context())
	s.run(v2)
	for _, share := range []int{0, 500, davit.Whole} {
		split := davit.Split{v1.ID: davit.Whole - share, v2.ID: share}
		maps.DeleteFunc(split, func(_ davit.ReleaseID, share int) bool { return share == 0 })
		s.route(davit.Routing{Releases: []*davit.Release{v1, v2}, Split: split, Stable: v1.ID, Candidate: v2.ID})
		if effect := s.router.Effect(); !strings.HasPrefix(effect, "seen at ") {
			t.Errorf("%s is %s", split, effect)
		}
		s.shows(split, load.count(400))
	}
	load.end(t)
	drift := s.router.Drift(t.Context())
	s.kubectl("delete", "grpcroutes", "--all")
	if got := <-drift; len(got) != 0 {
		t.Errorf("it drifted to %s", got)
	}
	s.route(davit.Routing{})
}

// calls returns a release of a service that is called by gRPC.
func (s *stage) calls(version string) *davit.Release {
	s.Helper()
	r := s.release(version)
	config := r.Config
	api := config.Services["api"]
	api.Image, api.Command, api.Readiness, api.Protocol = rig.CallsImage, nil, nil, davit.ProtocolGRPC
	config.Services = map[string]davit.Service{"api": api}
	r, err := davit.NewRelease("shop", "production", version, nil, config, time.Now())
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// caller calls the front door by gRPC, on one connection that is kept.
type caller struct {
	stop  context.CancelFunc
	ended chan struct{}

	mu     sync.Mutex
	counts map[davit.ReleaseID]int
	lost   []error
	more   *sync.Cond
}

// call begins to call, some calls at once.
func (s *stage) call(ctx context.Context) *caller {
	s.Helper()
	connection, err := grpc.NewClient(s.front.Address, grpc.WithAuthority(s.Space.Host()), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.Fatal(err)
	}
	c := &caller{counts: map[davit.ReleaseID]int{}, ended: make(chan struct{})}
	c.more = sync.NewCond(&c.mu)
	ctx, c.stop = context.WithCancel(ctx)
	client := healthpb.NewHealthClient(connection)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for ctx.Err() == nil {
				c.one(client)
			}
		})
	}
	go func() {
		callers.Wait()
		_ = connection.Close()
		close(c.ended)
	}()
	s.Cleanup(func() { c.stop(); <-c.ended })
	return c
}

func (c *caller) one(client healthpb.HealthClient) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var header metadata.MD
	_, err := client.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Header(&header))
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.lost = append(c.lost, err)
	} else {
		c.counts[davit.ReleaseID(strings.Join(header.Get("Davit-Release"), " "))]++
	}
	c.more.Broadcast()
}

// count returns which releases answered the next n calls, after those that are under
// way.
func (c *caller) count(n int) map[davit.ReleaseID]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	total := func() int {
		sum := len(c.lost)
		for _, n := range c.counts {
			sum += n
		}
		return sum
	}
	for began := total(); total() < began+8; {
		c.more.Wait()
	}
	before := maps.Clone(c.counts)
	for began := total(); total() < began+n; {
		c.more.Wait()
	}
	counts := map[davit.ReleaseID]int{}
	for id, n := range c.counts {
		if n -= before[id]; n > 0 {
			counts[id] = n
		}
	}
	return counts
}

// end stops calling, and wants nothing to have been lost.
func (c *caller) end(t *testing.T) {
	t.Helper()
	c.stop()
	<-c.ended
	t.Logf("%v, %d lost", c.counts, len(c.lost))
	if len(c.lost) > 0 {
		t.Errorf("lost %d calls, such as: %v", len(c.lost), c.lost[0])
	}
}
