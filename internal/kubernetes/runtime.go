package kubernetes

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// Runtime runs the instances of one environment of one application as pods.
type Runtime struct {
	cluster *Cluster
	scope   scope

	mu       sync.Mutex
	declared map[string]declaration // by the name of the Deployment
}

// Runtime returns the runtime of an environment. It may be called any number of
// times.
func (c *Cluster) Runtime(application, environment string) *Runtime {
	return &Runtime{cluster: c, scope: scope{application, environment}, declared: map[string]declaration{}}
}

// Instances lists the environment's pods, as the API server last said. A pod that
// there should be and is not counts as an instance too, and says why it is
// missing. One that has ended for good, and one whose node is lost, do not.
func (r *Runtime) Instances(ctx context.Context) ([]davit.Instance, error) {
	if err := r.cluster.ready(ctx); err != nil {
		return nil, fmt.Errorf("listing instances: %w", err)
	}
	all, _ := r.look()
	return all, nil
}

// Watch returns a channel that receives after instances changed. It is closed
// after ctx ended or the cluster was closed.
func (r *Runtime) Watch(ctx context.Context) <-chan struct{} {
	out := make(chan struct{}, 1)
	changes := r.cluster.changes.subscribe(ctx, r.scope)
	running := r.cluster.run(func(context.Context) {
		defer close(out)
		timer := time.NewTimer(0) // for what changes by the passing of time alone
		defer timer.Stop()
		for {
			select {
			case _, open := <-changes:
				if !open {
					return
				}
			case <-timer.C:
			}
			if _, due := r.look(); !due.IsZero() {
				timer.Reset(max(due.Sub(r.cluster.now()), 0))
			}
			select {
			case out <- struct{}{}:
			default: // it has one that was not received yet
			}
		}
	})
	if !running {
		close(out)
	}
	return out
}

// await waits until what is in view satisfies a condition.
func (r *Runtime) await(ctx context.Context, condition func() bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := r.cluster.changes.subscribe(ctx, r.scope)
	stale := time.NewTicker(staleAfter)
	defer stale.Stop()
	for !condition() {
		select {
		case _, open := <-changes:
			if open {
				continue
			}
			if err := context.Cause(ctx); err != nil {
				return fmt.Errorf("waiting for the watch of %s: %w", r.cluster, err)
			}
			return r.cluster.closed()
		case <-stale.C:
			r.cluster.reconnect(ctx)
		}
	}
	return nil
}
