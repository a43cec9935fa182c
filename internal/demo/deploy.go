package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/davit-dev/davit"
)

// The exit codes of "davit deploy" that the demo tells apart.
const (
	exitPromoted   = 0
	exitHauledBack = 3
)

// Deployment is a run of "davit deploy", as it ended.
type Deployment struct {
	Began, Ended time.Time
	Exit         int
	Rollout      *davit.Rollout
	Events       []davit.Event
	Stderr       string
}

// Deploy runs "davit deploy" for a version and waits for its end. The error is
// that davit could not be run, or not be understood: what became of the
// release is in the deployment.
func (r *Rig) Deploy(ctx context.Context, s Strategy, version string) (*Deployment, error) {
	d := &Deployment{Began: time.Now()}
	stdout, stderr, err := r.run(ctx, "deploy", environment, version, "--file", r.file(s), "--output", "json")
	d.Ended, d.Stderr = time.Now(), string(stderr)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil {
		d.Exit = exit.ExitCode()
	} else if err != nil {
		return nil, fmt.Errorf("davit deploy %s: %w", version, err)
	}
	lines := json.NewDecoder(bytes.NewReader(stdout))
	for lines.More() {
		var line struct {
			Event   *davit.Event
			Rollout *davit.Rollout
		}
		if err := lines.Decode(&line); err != nil {
			return nil, fmt.Errorf("reading what davit deploy %s wrote: %w", version, err)
		}
		if line.Event != nil {
			d.Events = append(d.Events, *line.Event)
		}
		if line.Rollout != nil {
			d.Rollout = line.Rollout
		}
	}
	if d.Rollout == nil {
		return nil, fmt.Errorf("davit deploy %s (exit %d) told of no rollout:\n%s", version, d.Exit, d.Stderr)
	}
	return d, nil
}

// BackAt returns when the router had taken all traffic from the release that
// was hauled back; zero when it was not.
func (d *Deployment) BackAt() time.Time {
	for _, e := range d.Events {
		var split davit.Split
		if d.Rollout.HauledAt.IsZero() || e.Kind != davit.EventRouted || e.At.Before(d.Rollout.HauledAt) || json.Unmarshal(e.Data, &split) != nil {
			continue
		}
		if split[d.Rollout.Plan.Target] == 0 {
			return e.At
		}
	}
	return time.Time{}
}
