package kubernetes

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// strayPause is how long at least there is between two reports, so that somebody
// who changes things again and again is not answered without end.
const strayPause = 5 * time.Second

// Stray returns a channel that receives what somebody else did to what was declared:
// deleted a Deployment, or its Service, its PodDisruptionBudget or the ConfigMap that
// its pods need, or changed what it is to be. It is closed after ctx ended or the cluster was closed.
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

// strayed says what is not as it was declared; "" when all is. What is being declared
// does not count.
func (r *Runtime) strayed() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, declared := range r.declared {
		switch seen := r.cluster.deploymentOf(name); {
		case seen == nil:
			return fmt.Sprintf("Deployment %s is gone", name)
		case declared.differs(seen):
			return fmt.Sprintf("Deployment %s was changed, and is to have %d pods", name, *seen.Spec.Replicas)
		case declared.routed && !r.cluster.hasService(name):
			return fmt.Sprintf("Service %s is gone", name)
		case r.cluster.budgetOf(name) == nil:
			return fmt.Sprintf("PodDisruptionBudget %s is gone", name)
		case declared.lost(r.cluster.complaints(r.scope, name)):
			return fmt.Sprintf("ConfigMap %s is gone, say the pods that need it", name)
		default:
			if pod := r.idle(seen); pod != "" {
				return fmt.Sprintf("Pod %s takes no requests: it has no label %s", pod, labelServing)
			}
		}
	}
	return ""
}

// declaration is a Deployment as it was declared.
type declaration struct {
	*appsv1.Deployment
	scaled   bool            // its size is the autoscaler's to choose
	routed   bool            // it has a Service
	answered map[string]bool // the complaints that it answered
}

// differs reports whether a Deployment is to be something else than was declared.
func (d declaration) differs(seen *appsv1.Deployment) bool {
	switch {
	case seen.Generation == d.Generation || seen.Spec.Replicas == nil:
		return false
	case d.scaled:
		return *seen.Spec.Replicas == 0 || !equality.Semantic.DeepEqual(seen.Spec.Template, d.Spec.Template)
	}
	return true
}

// forget takes a Deployment out of what others could change, for while it is changed
// here.
func (r *Runtime) forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.declared, name)
}
