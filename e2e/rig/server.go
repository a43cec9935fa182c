//go:build linux

package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Result is what a run of davit came to.
type Result struct {
	Stdout, Stderr string
	Exit           int
}

// command prepares a run of davit in the rig's folder.
func (r *Rig) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.Davit, args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "DAVIT_STATE="+filepath.Join(r.dir, "state"), "DAVIT_SERVER=")
	cmd.Env = append(cmd.Env, r.Remote...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what a terminal sends is not for it
	return cmd
}

// Run runs davit to its end. The error is that it could not be run: with what it
// exits is in the result.
func (r *Rig) Run(ctx context.Context, args ...string) (Result, error) {
	var out, problems bytes.Buffer
	cmd := r.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	result := Result{out.String(), problems.String(), cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		err = nil
	}
	if err != nil {
		return result, fmt.Errorf("davit %s: %w", args[0], err)
	}
	return result, nil
}

// Start starts the server and waits until it answers.
func (r *Rig) Start(ctx context.Context) error {
	log, err := os.OpenFile(r.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening the server's log: %w", err)
	}
	defer log.Close() //nolint:errcheck // the server has its own descriptor
	cmd := r.command(context.WithoutCancel(ctx), "serve")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	ended := make(chan struct{})
	go func() { // ends with the server, which Break waits for
		defer close(ended)
		_ = cmd.Wait() // its log says why
	}()
	r.server, r.ended = cmd, ended
	const period = 100 * time.Millisecond // a command takes a while
	return until(ctx, period, "the server answers", func(ctx context.Context) error {
		select {
		case <-ended:
			return fmt.Errorf("it has ended: %s", r.Log())
		default:
		}
		result, err := r.Run(ctx, "status", "--output", "json")
		if err == nil && result.Exit != 0 {
			err = errors.New(result.Stderr)
		}
		return err
	})
}

// Break ends the server with a signal and returns when it has ended.
func (r *Rig) Break(signal syscall.Signal) error {
	if r.server == nil {
		return nil
	}
	if err := r.server.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("breaking the server: %w", err)
	}
	<-r.ended
	r.server = nil
	return nil
}

func (r *Rig) logFile() string { return filepath.Join(r.dir, "server.log") }

// Log returns what the servers have written.
func (r *Rig) Log() string {
	data, err := os.ReadFile(r.logFile())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// Server returns the process ID of the server.
func (r *Rig) Server() int { return r.server.Process.Pid }
