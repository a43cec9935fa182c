package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// bench is an engine at work on a world, inside a synctest bubble.
type bench struct {
	*testing.T
	world   *world
	store   *memory
	engine  *Engine
	clock   time.Duration               // off from the true time; it jumps while the server is down
	setBack time.Duration               // sum of the jumps back
	lease   *leasingRouter              // nil: the router leases nothing
	claim   func(context.Context) error // nil: nobody else reaches the world
	hooks   hooks
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
	var runtime Runtime = seen
	if b.claim != nil {
		runtime = claiming{seen, b.claim}
	}
	b.engine = New(Config{
		Lease: testLease, Judges: b.hooks.judges(),
		Store: &storeView{b.store, b.store.life},
		Platform: func(davit.Environment) (Platform, error) {
			return Platform{Runtime: runtime, Router: router, Metrics: seen}, nil
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
