package process

import (
	"context"
	"fmt"
	"slices"

	"github.com/davit-dev/davit"
)

// Runtime runs the instances of one environment of one application.
type Runtime struct {
	host  *Host
	scope scope
}

// Environment returns the runtime of an environment. It may be called any
// number of times.
func (h *Host) Environment(application, name string) *Runtime {
	return &Runtime{host: h, scope: scope{application, name}}
}

// Pin copies the service's artifact into the host's store and returns its
// digest, "sha256:…"; "" for a service without one. Links inside a folder are
// kept, links out of it refused. The copy stays for an hour at least, then for
// as long as Prune is told to keep it.
func (r *Runtime) Pin(ctx context.Context, service davit.Service) (string, error) {
	if service.Artifact == "" {
		return "", nil
	}
	return r.host.store.pin(ctx, service.Artifact)
}

// Declare says how many instances of each service of a release there should
// be. It returns when that is on disk. A declaration that cannot be met on this
// platform is refused with a *davit.Error and changes nothing: a command that
// is missing, an artifact that is not pinned, a port by number for more than
// one instance.
func (r *Runtime) Declare(ctx context.Context, release *davit.Release, size davit.Size) error {
	if release.Application != r.scope.application || release.Environment != r.scope.environment {
		return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("release %s is of %s in %s, not of %s in %s",
			release.ID, release.Application, release.Environment, r.scope.application, r.scope.environment)}
	}
	return r.host.declare(ctx, declarationKey{r.scope, release.ID}, declaration{Release: release, Size: size})
}

// Instances lists the environment's instances, the oldest first. Usage counts
// all processes of an instance and is up to one second old.
func (r *Runtime) Instances(ctx context.Context) ([]davit.Instance, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("listing instances: %w", err)
	}
	r.host.mu.Lock()
	var kept []*instance
	sessions := map[int]bool{}
	for _, i := range r.host.instances {
		rec := i.record()
		if rec.Process.PID > 0 {
			sessions[rec.Process.PID] = true
		}
		if rec.scope() == r.scope {
			kept = append(kept, i)
		}
	}
	r.host.mu.Unlock()
	slices.SortFunc(kept, oldestFirst)
	usage, err := r.host.usages.read(sessions)
	if err != nil {
		return nil, err
	}
	all := make([]davit.Instance, len(kept))
	for n, i := range kept {
		all[n] = i.view()
		all[n].Usage = usage.of(i.record().Process)
		seen := r.host.store.see(i.record().Process)
		all[n].User, all[n].Artifact = seen.user, seen.artifact
	}
	return all, nil
}

// Watch returns a channel that receives after instances changed. It is closed
// after ctx ended or the host was closed.
func (r *Runtime) Watch(ctx context.Context) <-chan struct{} {
	return r.host.watch(ctx, r.scope)
}

// Prune removes the artifacts that were not pinned within the last hour, are of
// no declared release and are not in keep, which holds digests.
func (h *Host) Prune(ctx context.Context, keep map[string]bool) error {
	h.declaring.Lock()
	defer h.declaring.Unlock()
	all := map[string]bool{}
	for digest, yes := range keep {
		all[digest] = yes
	}
	h.mu.Lock()
	for _, d := range h.declared {
		for _, digest := range d.Release.Artifacts {
			all[digest] = true
		}
	}
	h.mu.Unlock()
	return h.store.prune(ctx, all)
}
