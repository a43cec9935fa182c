package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	closeLimit = 40 * time.Second // for taking everything down
	leaveLimit = 10 * time.Second // for processes to be gone after that
)

// Close takes the shop down, ends the server, and removes the folder. What is
// left running after that is ended too, and returned: there should be nothing.
func (r *Rig) Close(ctx context.Context) (left []string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	switch {
	case r.server != nil:
		err = errors.Join(r.down(ctx), r.stop(ctx))
	case r.successor:
		err = errors.Join(r.down(ctx), r.stopSuccessor(ctx))
	}
	left, leftErr := r.sweep(ctx, leaveLimit)
	return left, errors.Join(err, leftErr, os.RemoveAll(r.dir))
}

// down takes the environment down. A rollout that is under way, because the demo
// was interrupted, is hauled back before.
func (r *Rig) down(ctx context.Context) error {
	because := []string{"--application", "shop", "--reason", "the demo is over"}
	_, problems, err := r.run(ctx, append([]string{"down", environment}, because...)...)
	if err == nil || bytes.Contains(problems, []byte("no environment")) {
		return nil
	}
	_, _, _ = r.run(ctx, append([]string{"abort", environment}, because...)...) // whether it helped, the next one tells
	if _, problems, err = r.run(ctx, append([]string{"down", environment}, because...)...); err != nil {
		return fmt.Errorf("davit down: %w\n%s", err, problems)
	}
	return nil
}

// stop ends the server.
func (r *Rig) stop(ctx context.Context) error {
	if err := r.server.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending the server: %w", err)
	}
	select {
	case err := <-r.ended:
		if err != nil {
			return fmt.Errorf("the server ended with %w; its log:\n%s", err, r.tail())
		}
		return nil
	case <-ctx.Done():
		_ = r.server.Process.Kill() // it is gone, or going
		return fmt.Errorf("the server had to be killed: %w", <-r.ended)
	}
}

// stopSuccessor ends a server that an upgrade put in the place of the rig's own;
// sweep waits for its end.
func (r *Rig) stopSuccessor(ctx context.Context) error {
	found, err := r.processes(ctx)
	if err != nil {
		return err
	}
	for pid, command := range found {
		if words := strings.Fields(command); len(words) > 1 && words[1] == "serve" {
			return syscall.Kill(pid, syscall.SIGTERM)
		}
	}
	return errors.New("there is no server to end")
}

// sweep waits until no process of the rig is left, and kills those that are
// when it has waited long enough.
func (r *Rig) sweep(ctx context.Context, limit time.Duration) ([]string, error) {
	deadline := time.After(limit)
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		found, err := r.processes(ctx)
		if err != nil || len(found) == 0 {
			return nil, err
		}
		select {
		case <-poll.C:
		case <-deadline:
			var left []string
			for pid, command := range found {
				left = append(left, fmt.Sprintf("%d %s", pid, command))
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may end at this moment
			}
			return left, nil
		}
	}
}

// processes returns the command lines of the processes that have the rig's
// folder in their command line, or, where that can be seen, in their
// environment.
func (r *Rig) processes(ctx context.Context) (map[int]string, error) {
	if entries, err := filepath.Glob("/proc/[0-9]*"); err == nil && len(entries) > 0 {
		return r.inProc(entries), nil
	}
	out, err := exec.CommandContext(ctx, "ps", "-A", "-o", "pid=,command=").Output()
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	found := map[int]string{}
	for line := range strings.Lines(string(out)) {
		id, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		if pid, err := strconv.Atoi(id); err == nil && strings.Contains(command, r.dir) {
			found[pid] = command
		}
	}
	return found, nil
}

func (r *Rig) inProc(entries []string) map[int]string {
	found := map[int]string{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(filepath.Base(entry))
		if err != nil || pid == os.Getpid() {
			continue
		}
		// A process that ended meanwhile, or is another user's, is not ours.
		command, _ := os.ReadFile(filepath.Join(entry, "cmdline"))
		variables, _ := os.ReadFile(filepath.Join(entry, "environ"))
		if bytes.Contains(command, []byte(r.dir)) || bytes.Contains(variables, []byte(r.dir)) {
			found[pid] = strings.TrimSpace(string(bytes.ReplaceAll(command, []byte{0}, []byte{' '})))
		}
	}
	return found
}
