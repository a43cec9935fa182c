package process

import (
	"context"
	"fmt"

	"github.com/davit-dev/davit"
)

// Replace lets one instance go as a rollout would: drained, then SIGTERM, and
// killed after its grace period. As the declared size stays, another takes its
// place at once. It returns when the old one has ended. Without one of that
// name the error is a *davit.Error of davit.CodeNotFound.
func (r *Runtime) Replace(ctx context.Context, id string) (davit.Departure, error) {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	changed := r.Watch(watching)
	i, err := r.host.letGo(r.scope, id)
	if err != nil {
		return davit.Departure{}, err
	}
	for r.host.keeps(i) {
		select {
		case <-ctx.Done():
			return davit.Departure{}, fmt.Errorf("waiting for %s to end: %w", id, ctx.Err())
		case _, open := <-changed:
			if !open && ctx.Err() == nil {
				return davit.Departure{}, &davit.Error{Code: davit.CodeUnavailable, Message: "the server is stopping", Hint: "try again when it runs"}
			}
		}
	}
	return i.departure(), nil
}

// letGo tells an instance to leave, and starts another in its place.
func (h *Host) letGo(s scope, id string) (*instance, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.instances[id]
	if i == nil || i.left || i.record().scope() != s {
		return nil, &davit.Error{Code: davit.CodeNotFound, Message: fmt.Sprintf("there is no instance %s that could be replaced", id), Hint: "davit status lists the instances"}
	}
	i.left = true
	close(i.leave)
	if key := (declarationKey{s, i.record().Release}); h.declared[key].Release != nil {
		h.reconcile(key)
	}
	return i, nil
}

// keeps reports whether the instance has not left yet.
func (h *Host) keeps(i *instance) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.instances[i.record().ID] == i
}

// signalled notes that the instance is about to be told to end.
func (i *instance) signalled() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signalledAt = i.host.config.Now()
}

// departure returns how the instance ended.
func (i *instance) departure() davit.Departure {
	i.mu.Lock()
	defer i.mu.Unlock()
	grace := i.service.Grace.D()
	if grace <= 0 {
		grace = defaultGrace
	}
	d := davit.Departure{Signalled: i.signalledAt, Ended: i.rec.EndedAt}
	if d.Signalled.IsZero() { // its process had ended before
		d.Signalled = d.Ended
	}
	d.InTime = d.Ended.Sub(d.Signalled) < grace
	return d
}
