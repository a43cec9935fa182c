package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
)

// Status is what "davit status" says of the rig's environment.
type Status struct {
	Environment davit.Environment `json:"environment"`
	Rollout     *davit.Rollout    `json:"rollout"`
	Instances   []davit.Instance  `json:"instances"`
}

// Ask begins a deployment and returns when the server has recorded it.
func (r *Rig) Ask(ctx context.Context, s Strategy, version string) error {
	if _, problems, err := r.run(ctx, "deploy", environment, version, "--file", r.file(s), "--detach"); err != nil {
		return fmt.Errorf("davit deploy %s --detach: %w: %s", version, err, problems)
	}
	return nil
}

// Status asks how the environment is.
func (r *Rig) Status(ctx context.Context) (*Status, error) {
	out, problems, err := r.run(ctx, "status", environment, "--application", "shop", "--output", "json")
	if err != nil {
		return nil, fmt.Errorf("davit status: %w: %s", err, problems)
	}
	s := &Status{}
	if err := json.Unmarshal(out, s); err != nil {
		return nil, fmt.Errorf("reading what davit status wrote: %w", err)
	}
	return s, nil
}

// Break ends the server with a signal and returns when it has ended.
func (r *Rig) Break(signal syscall.Signal) error {
	if err := r.server.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("breaking the server: %w", err)
	}
	<-r.ended //nolint:errcheck // how it ended is the signal's doing
	r.server = nil
	return nil
}

// Whole returns what is wrong with what runs, compared with what the record
// says; "" when there are as many instances as there should be, all of them
// ready, and a process for each.
func (r *Rig) Whole(ctx context.Context) (string, error) {
	s, err := r.Status(ctx)
	if err != nil {
		return "", err
	}
	want, ready := 0, 0
	for _, size := range s.Environment.State.Run {
		want += size.Total()
	}
	for _, i := range s.Instances {
		if i.Condition == davit.Ready {
			ready++
		}
	}
	processes, err := r.processes(ctx)
	if err != nil {
		return "", err
	}
	running := 0
	for _, command := range processes {
		if program, _, _ := strings.Cut(command, " "); filepath.Base(program) == "shop" {
			running++
		}
	}
	if ready == want && len(s.Instances) == want && running == want {
		return "", nil
	}
	return fmt.Sprintf("%d instances should run; %d are listed, %d ready, and %d processes run", want, len(s.Instances), ready, running), nil
}

// Ended waits until the last rollout has ended, and returns it.
func (r *Rig) Ended(ctx context.Context) (*davit.Rollout, error) {
	var last *davit.Rollout
	err := r.until(ctx, "the rollout has ended", func(ctx context.Context) bool {
		s, err := r.Status(ctx)
		if err == nil {
			last = s.Rollout
		}
		return last != nil && last.Phase.Ended()
	})
	return last, err
}

// Settled waits until what runs is what the record says.
func (r *Rig) Settled(ctx context.Context) error {
	problem := "nothing is known"
	err := r.until(ctx, "what runs is what the record says", func(ctx context.Context) bool {
		p, err := r.Whole(ctx)
		if err == nil {
			problem = p
		}
		return err == nil && p == ""
	})
	if err != nil {
		return fmt.Errorf("%w: %s", err, problem)
	}
	return nil
}

// Pause waits, unless ctx ends.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
