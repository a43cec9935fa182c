// Package demo deploys the example application as a user would, with the davit
// binary, under live traffic, and measures what the users notice.
package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
)

// environment is the one that a rig deploys to.
const environment = "demo"

// Rig is an installation of Davit in a folder of its own: state, source and
// versions of the shop, and a davit.yaml for each strategy.
type Rig struct {
	davit  string // binary
	dir    string
	front  string // host:port of the front door
	server *exec.Cmd
	ended  chan error // receives how the server ended
	// successor says that the server is one that an upgrade put in place.
	successor bool
}

// NewRig makes the folder. davitPath is the davit binary to run.
func NewRig(ctx context.Context, davitPath string, strategies ...Strategy) (_ *Rig, err error) {
	davitPath, err = filepath.Abs(davitPath)
	if err != nil {
		return nil, fmt.Errorf("finding the davit binary: %w", err)
	}
	dir, err := os.MkdirTemp("", "davit-demo-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the demo: %w", err)
	}
	r := &Rig{davit: davitPath, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if r.front, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	if err := writeSource(dir); err != nil {
		return nil, err
	}
	for _, s := range strategies {
		text, err := s.render(r.front, r.ledger())
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(r.file(s), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("writing davit.yaml: %w", err)
		}
	}
	return r, nil
}

func (r *Rig) file(s Strategy) string { return filepath.Join(r.dir, s.Name+".yaml") }
func (r *Rig) ledger() string         { return filepath.Join(r.dir, "orders") }
func (r *Rig) logFile() string        { return filepath.Join(r.dir, "server.log") }

// freeAddress returns an address that nobody listened on a moment ago.
func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	address := l.Addr().String()
	return address, l.Close()
}

// command prepares a run of davit. It gets a session of its own, so that a
// Ctrl-C at the terminal reaches the demo alone, which then takes down what it
// put up, in order.
func (r *Rig) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.davit, args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "DAVIT_STATE="+filepath.Join(r.dir, "state"), "DAVIT_SERVER=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// Start starts the server and waits until it answers.
func (r *Rig) Start(ctx context.Context) error {
	log, err := os.OpenFile(r.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening the server's log: %w", err)
	}
	defer log.Close() //nolint:errcheck // the server has its own descriptor
	// The server is ended by Close, not by ctx.
	cmd := r.command(context.WithoutCancel(ctx), "serve")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	r.server, r.ended = cmd, make(chan error, 1)
	go func() { r.ended <- cmd.Wait() }() // Close waits for it
	return r.until(ctx, "the server answers", func(ctx context.Context) bool {
		return r.command(ctx, "status", "--output", "json").Run() == nil
	})
}

// until waits for something that nothing announces.
func (r *Rig) until(ctx context.Context, what string, holds func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for !holds(ctx) {
		select {
		case <-poll.C:
		case <-ctx.Done():
			return &davit.Error{
				Code: davit.CodeUnavailable, Message: "waited in vain until " + what, Err: ctx.Err(),
				Hint: "the end of the server's log:\n" + r.tail(),
			}
		}
	}
	return nil
}

// tail returns the end of the server's log.
func (r *Rig) tail() string {
	const most = 2000
	data, err := os.ReadFile(r.logFile())
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-most):])
}

// run runs davit to its end and returns what it wrote.
func (r *Rig) run(ctx context.Context, args ...string) (stdout, stderr []byte, err error) {
	var out, problems bytes.Buffer
	cmd := r.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	err = cmd.Run()
	return out.Bytes(), problems.Bytes(), err
}
