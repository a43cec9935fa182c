package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// Validation is what "davit validate" found, as far as a rig needs it.
type Validation struct {
	Exit   int           `json:"-"`
	Whole  time.Duration `json:"-"` // of the command, from its start to its end
	Counts struct {
		Passed, Failed, Skipped, Inconclusive int
	} `json:"counts"`
	Results []struct{ ID, Outcome, Reason string } `json:"results"`
}

// Validate runs "davit validate" with further arguments, and the settings of a
// strategy.
func (r *Rig) Validate(ctx context.Context, s Strategy, args ...string) (*Validation, error) {
	start := time.Now()
	out, problems, err := r.run(ctx, append([]string{"validate", "--output", "json", "--file", r.file(s)}, args...)...)
	v := &Validation{Whole: time.Since(start)}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil {
		v.Exit, err = exit.ExitCode(), nil
	}
	if err == nil {
		err = json.Unmarshal(out, v)
	}
	if err != nil {
		return nil, fmt.Errorf("davit validate: %w: %s", err, problems)
	}
	return v, nil
}

// Held waits until the rollout under way holds its stage.
func (r *Rig) Held(ctx context.Context) error {
	return r.until(ctx, "the rollout holds its stage", func(ctx context.Context) bool {
		s, err := r.Status(ctx)
		return err == nil && s.Rollout != nil && !s.Rollout.HeldAt.IsZero()
	})
}

// Abort aborts the rollout under way.
func (r *Rig) Abort(ctx context.Context) error {
	if _, problems, err := r.run(ctx, "abort", environment, "--application", "shop", "--reason", "it was looked at"); err != nil {
		return fmt.Errorf("davit abort: %w: %s", err, problems)
	}
	return nil
}

// Environment is the name of the rig's environment.
func (r *Rig) Environment() string { return environment }
