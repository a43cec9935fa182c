package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/client"
)

// startPatience bounds how long a started server may take until it answers.
const startPatience = 20 * time.Second

// connect returns a client of a server that answers. When that is this user's
// own one on this machine, and it does not run, it is started.
func (a *app) connect(ctx context.Context) (*client.Client, error) {
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	_, err = c.Version(ctx)
	if err == nil || !a.own() || !nobodyListens(err) {
		return c, err
	}
	return c, a.startServer(ctx, c)
}

// nobodyListens reports whether no server runs, in contrast to one that answers
// badly or may not be asked.
func nobodyListens(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// startServer starts a server that outlives this command and waits until it
// answers.
func (a *app) startServer(ctx context.Context, c *client.Client) error {
	dir, err := a.stateDir()
	if err != nil {
		return err
	}
	if err := makeStateDir(dir); err != nil {
		return err
	}
	logPath := filepath.Join(dir, "server.log")
	ended, err := spawnServer(dir, logPath)
	if err != nil {
		return &davit.Error{Code: davit.CodeUnavailable, Message: "no server runs here, and one cannot be started", Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if _, err := c.Version(ctx); err == nil {
			fmt.Fprintf(a.stderr, "started a server (state and log in %s)\n", dir)
			return nil
		}
		select {
		case <-poll.C:
		case err := <-ended:
			if _, again := c.Version(ctx); again == nil {
				return nil // somebody else's start was quicker
			}
			return startError("the server that was started ended at once", logPath, err)
		case <-ctx.Done():
			return startError("the server that was started does not answer", logPath, context.Cause(ctx))
		}
	}
}

func startError(what, logPath string, err error) error {
	return &davit.Error{Code: davit.CodeUnavailable, Message: what, Err: err, Hint: "its log says why: " + logPath}
}

// spawnServer starts "davit serve" in a session of its own. The channel tells
// when it ends while this process still lives.
func spawnServer(dir, logPath string) (ended <-chan error, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()                                    //nolint:errcheck // the server has its own descriptor
	cmd := exec.Command(self, "serve", "--state", dir)   //nolint:gosec // ourselves
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log      // its folder must not keep a mount busy
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C here is not for the server
	cmd.Env = os.Environ()                               // secrets by reference come from it
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }() // ends with the server or with this command
	return done, nil
}
