package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/davit-dev/davit"
)

const (
	// keptRollouts is how many rollouts of each environment one can go back to:
	// the artifacts of their releases are kept.
	keptRollouts = 10
	pruneEvery   = time.Hour
)

// prune removes artifacts that no recent release needs, now and every hour,
// until ctx ends. What cannot be removed is tried again the next time.
func (p *parts) prune(ctx context.Context, log *slog.Logger) error {
	ticker := time.NewTicker(pruneEvery)
	defer ticker.Stop()
	for {
		keep, err := p.neededArtifacts(ctx)
		if err == nil {
			err = p.platforms.host.Prune(ctx, keep)
		}
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "artifacts of old releases could not be removed", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// neededArtifacts returns the digests of the artifacts of all releases that run
// or took part in one of the last rollouts of their environment.
func (p *parts) neededArtifacts(ctx context.Context) (map[string]bool, error) {
	environments, err := p.store.Environments(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the environments: %w", err)
	}
	needed := map[davit.ReleaseID]bool{}
	for _, e := range environments {
		for id := range e.State.Run {
			needed[id] = true
		}
		rollouts, err := p.store.Rollouts(ctx, e.Application, e.Name, keptRollouts)
		if err != nil {
			return nil, fmt.Errorf("listing the rollouts of %s/%s: %w", e.Application, e.Name, err)
		}
		for _, r := range rollouts {
			needed[r.Plan.Target], needed[r.Plan.Stable] = true, true
		}
	}
	delete(needed, "")
	keep := map[string]bool{}
	for id := range needed {
		r, err := p.store.Release(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("looking up release %s: %w", id, err)
		}
		for _, digest := range r.Artifacts {
			keep[digest] = true
		}
	}
	return keep, nil
}
