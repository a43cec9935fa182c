package kubernetes

import (
	"context"
	"fmt"
	"time"
)

// strayPause is how long at least there is between two reports, so that somebody
// who changes things again and again is not answered without end.
const strayPause = 5 * time.Second

// Stray returns a channel that receives what somebody else did to a Deployment that
// was declared: deleted it, or changed what it is to be. It is closed after ctx
// ended or the cluster was closed.
func (r *Runtime) Stray(ctx context.Context) <-chan string {
	out := make(chan string, 1)
	changes := r.cluster.changes.subscribe(ctx, r.scope)
	running := r.cluster.run(func(context.Context) {
		defer close(out)
		var reported time.Time
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			select {
			case _, open := <-changes:
				if !open {
					return
				}
			case <-timer.C:
			}
			what := r.strayed()
			if what == "" {
				continue
			}
			if rest := strayPause - r.cluster.now().Sub(reported); rest > 0 {
				timer.Reset(rest)
				continue
			}
			select {
			case out <- what:
				reported = r.cluster.now()
			default: // the last one was not received yet
			}
		}
	})
	if !running {
		close(out)
	}
	return out
}

// strayed says which Deployment is not as it was declared; "" when all are. One that
// is being declared is none.
func (r *Runtime) strayed() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, generation := range r.declared {
		switch seen := r.cluster.deploymentOf(name); {
		case seen == nil:
			return fmt.Sprintf("Deployment %s is gone", name)
		case seen.Generation != generation && seen.Spec.Replicas != nil:
			return fmt.Sprintf("Deployment %s was changed, and is to have %d pods", name, *seen.Spec.Replicas)
		}
	}
	return ""
}

// forget takes a Deployment out of what others could change, for while it is changed
// here.
func (r *Runtime) forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.declared, name)
}
