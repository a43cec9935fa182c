//go:build linux

package rig

import (
	"context"
	"fmt"
)

// Plain runs a version of the rig's application as plain objects, and waits until
// they are ready.
func (s Space) Plain(ctx context.Context, front Front, version string) error {
	if err := s.apply(ctx, "plain.yaml", map[string]any{"Image": ShopImage(version), "Front": front, "Host": s.Host()}); err != nil {
		return err
	}
	return s.RolledOut(ctx, "api", "worker")
}

// Adopt runs "davit adopt" for a version. The error is that it could not be run.
func (r *Rig) Adopt(ctx context.Context, version string, args ...string) (Result, error) {
	file, err := r.settle(BlueGreen, version)
	if err != nil {
		return Result{}, fmt.Errorf("preparing to adopt: %w", err)
	}
	return r.Run(ctx, append([]string{"adopt", r.environment, version, "--file", file}, args...)...)
}
