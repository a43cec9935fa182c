package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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

// Upgrade runs "davit upgrade" with a binary and waits until it serves.
func (r *Rig) Upgrade(ctx context.Context, binary string) error {
	out, problems, err := r.run(ctx, "upgrade", "--binary", binary)
	if err != nil {
		return fmt.Errorf("davit upgrade: %w: %s%s", err, out, problems)
	}
	if !r.successor {
		<-r.ended //nolint:errcheck // it has stepped aside
		r.server, r.successor = nil, true
	}
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
		if isShop(command, "") {
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

// KillInstance kills one instance of a service (SIGKILL).
func (r *Rig) KillInstance(ctx context.Context, service string) error {
	found, err := r.processes(ctx)
	if err != nil {
		return err
	}
	for pid, command := range found {
		if isShop(command, service) {
			return syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return fmt.Errorf("no instance of %s runs", service)
}

// isShop reports whether a command line is that of an instance, of the service
// if one is named.
func isShop(command, service string) bool {
	words := strings.Fields(command)
	return len(words) > 1 && filepath.Base(words[0]) == "shop" && (service == "" || words[1] == service)
}

// Resident returns the resident memory, in bytes, of server and proxy.
func (r *Rig) Resident(ctx context.Context) (server, proxy int64, err error) {
	found, err := r.processes(ctx)
	if err != nil {
		return 0, 0, err
	}
	for pid, command := range found {
		words := strings.Fields(command)
		if len(words) < 2 || words[0] != r.davit {
			continue
		}
		bytes, err := resident(pid)
		if err != nil {
			return 0, 0, err
		}
		switch words[1] {
		case "serve":
			server = bytes
		case "proxy":
			proxy = bytes
		}
	}
	if server == 0 || proxy == 0 {
		return 0, 0, errors.New("server and proxy do not both run")
	}
	return server, proxy, nil
}

// resident reads VmRSS of proc_pid_status(5), which is in KiB.
func resident(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(data)) {
		if value, is := strings.CutPrefix(line, "VmRSS:"); is {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("the status of process %d has no VmRSS", pid)
}

// Front returns the address of the front door.
func (r *Rig) Front() string { return r.front }
