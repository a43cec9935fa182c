package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
)

// Options are those of [Run].
type Options struct {
	Dir     string        // holds the table, the control socket, the log; made when missing
	Version string        // of the program, told to the server
	Drain   time.Duration // how long requests in flight may take after ctx has ended
	Stdout  io.Writer     // access log
	Stderr  io.Writer     // what goes wrong
}

// identity tells one run of the proxy from another: a pid alone may be reused.
type identity struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // the process's start time, as the system counts it
	Version string `json:"version"`
}

// Run is the proxy's process: it serves by the table kept in Dir at once, and
// then by what comes over the control socket, until ctx ends. It then stops
// accepting, lets requests in flight end, and returns.
func Run(ctx context.Context, o Options) error {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("making the proxy's directory: %w", err)
	}
	unlock, err := lock(o.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	tuneMemory()
	p := New(o.Dir, o.Stdout, o.Stderr)
	if err := p.Load(ctx); err != nil {
		return err
	}
	defer func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Drain)
		defer cancel()
		p.Close(limit)
	}()
	self := identity{PID: os.Getpid(), Version: o.Version}
	// Where the start time is not known, the proxy serves; it only is not adopted.
	self.Started, _ = startTime(self.PID)
	if err := writeIdentity(o.Dir, self); err != nil {
		return err
	}
	return serveControl(ctx, p, self)
}

// serveControl serves the control socket until ctx ends.
func serveControl(ctx context.Context, p *Proxy, self identity) error {
	listener, err := listenControl(ctx, p.dir)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: controlHandler(p, self), ReadHeaderTimeout: 10 * time.Second}
	var tasks sync.WaitGroup
	defer tasks.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tasks.Go(func() { p.Tend(ctx) })
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // streams end with it
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the control socket: %w", err)
	}
	return nil
}

// listenControl opens the control socket. The lock on the directory has been
// taken, so a socket that is there already is nobody's.
func listenControl(ctx context.Context, dir string) (net.Listener, error) {
	path := filepath.Join(dir, socketFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing an old control socket: %w", err)
	}
	// The directory is the owner's alone, so nobody else reaches the socket
	// before its mode is set.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeUnavailable, Message: "opening the control socket " + path,
			Hint: "a path of a socket may have about 100 bytes; choose a shorter directory if this one is longer", Err: err}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = listener.Close() // the first error is the one that matters
		return nil, fmt.Errorf("protecting the control socket: %w", err)
	}
	return listener, nil
}

// lock makes sure that one proxy serves from dir.
func lock(dir string) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the proxy's own directory
	if err != nil {
		return nil, fmt.Errorf("locking the proxy's directory: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close() // the first error is the one that matters
		return nil, &davit.Error{Code: davit.CodeConflict, Message: "another proxy serves from " + dir,
			Hint: "give this one a directory of its own, or stop the other", Err: err}
	}
	return func() { _ = file.Close() }, nil // that lets go of the lock
}

func writeIdentity(dir string, self identity) error {
	data, err := json.Marshal(self)
	if err != nil {
		return fmt.Errorf("encoding the proxy's identity: %w", err)
	}
	return writeFile(filepath.Join(dir, stateFile), data)
}

func readIdentity(dir string) (identity, error) {
	var self identity
	data, err := os.ReadFile(filepath.Join(dir, stateFile)) //nolint:gosec // the proxy's own directory
	if err != nil {
		return self, fmt.Errorf("reading the proxy's identity: %w", err)
	}
	if err := json.Unmarshal(data, &self); err != nil {
		return self, fmt.Errorf("reading the proxy's identity: %w", err)
	}
	return self, nil
}
