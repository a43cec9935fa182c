package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
)

// Supervisor keeps one proxy running for a server. The proxy is a process of its
// own that outlives the server: the next one adopts it.
type Supervisor struct {
	dir     string
	command []string
	log     *slog.Logger
	client  *Client

	mu      sync.Mutex
	process *supervised // the one that runs, as far as is known
	unwatch func()      // ends the watch of one that another has replaced; nil when none is watched
	stopped bool
}

// supervised is a proxy that was started or adopted.
type supervised struct {
	identity identity
	handle   *os.File
	child    *exec.Cmd // nil when it was adopted
	reaped   sync.Once
}

// reap ends the watching of a proxy that has ended, and returns how it did.
func (p *supervised) reap() (err error) {
	p.reaped.Do(func() {
		_ = p.handle.Close() // it is only watched through
		if p.child != nil {
			err = p.child.Wait()
		}
	})
	return err
}

// NewSupervisor returns the supervisor of the proxy that serves from dir. command
// is its argument vector, such as [davit proxy --dir DIR].
func NewSupervisor(dir string, command []string, log *slog.Logger) *Supervisor {
	return &Supervisor{dir: dir, command: command, log: log, client: NewClient(dir)}
}

const (
	startLimit   = 10 * time.Second // until a started proxy answers
	restartFirst = 50 * time.Millisecond
	restartLast  = 5 * time.Second
	steady       = 5 * time.Second // a proxy that ran this long had started well
	maxLog       = 64 << 20        // bytes of the log at which a new one is begun
)

// Start adopts the proxy that runs, or starts one, and returns when it answers.
// It says whether it was adopted.
func (s *Supervisor) Start(ctx context.Context) (adopted bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return true, nil
	}
	if s.process, err = s.adopt(ctx); err == nil || davit.ErrorCode(err) == davit.CodeUnsupported {
		return err == nil, err
	}
	if s.process, err = s.launch(ctx, s.command); err == nil {
		return false, nil
	}
	// A server that died may have left one proxy taking over from another.
	if p, adoptErr := s.adopt(ctx); adoptErr == nil {
		s.process = p
		return true, nil
	}
	return false, err
}

// Run keeps a proxy running until ctx ends; the proxy goes on then. One that
// ends is started again at once, one that cannot start is tried again after a
// while. It also returns after Stop.
func (s *Supervisor) Run(ctx context.Context) error {
	var parting sync.WaitGroup
	defer parting.Wait()
	pause := time.Duration(0)
	for {
		began := time.Now()
		if _, err := s.Start(ctx); err != nil {
			if ctx.Err() != nil || davit.ErrorCode(err) == davit.CodeUnsupported {
				return err
			}
			s.log.Error("the proxy could not be started; it is tried again", "error", err)
		} else if replaced, err := s.watch(ctx); err != nil {
			return err
		} else if replaced != nil {
			parting.Go(func() { s.seeOff(ctx, replaced) })
			continue
		}
		if s.isStopped() {
			return nil
		}
		if pause = min(max(2*pause, restartFirst), restartLast); time.Since(began) > steady {
			pause = 0
		}
		if pause == restartFirst { // the first time it is at once
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// watch returns when the proxy has ended, or when another has replaced it: then
// it returns the one that parts.
func (s *Supervisor) watch(ctx context.Context) (replaced *supervised, err error) {
	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	s.mu.Lock()
	p := s.process
	s.unwatch = unwatch
	s.mu.Unlock()
	if p == nil { // Stop was faster
		return nil, nil
	}
	err = waitProcess(watching, p.handle)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.process != p && watching.Err() != nil && ctx.Err() == nil:
		return p, nil
	case err != nil:
		return nil, err
	case s.process == p:
		s.process = nil
		_ = p.reap() // that it ended is what matters
	}
	if !s.stopped {
		s.log.Error("the proxy ended; it is started again", "pid", p.identity.PID)
	}
	return nil, nil
}

// seeOff waits for the end of a proxy that parts, until ctx ends.
func (s *Supervisor) seeOff(ctx context.Context, p *supervised) {
	if waitProcess(ctx, p.handle) == nil {
		_ = p.reap() // that it ended is what matters
		s.log.InfoContext(ctx, "the last connection of a proxy that was replaced has ended", "pid", p.identity.PID, "version", p.identity.Version)
	}
}

// Stop ends the proxy, and those that part: they stop accepting, let requests in
// flight end, and exit. Stop returns when they have, or when ctx ends; they are
// killed then.
func (s *Supervisor) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	var ending sync.WaitGroup
	var errs errorList
	identities, _ := filepath.Glob(filepath.Join(s.dir, partingDir, "*"+partingIdentity)) // the pattern is well formed
	for _, path := range append(identities, filepath.Join(s.dir, stateFile)) {
		ending.Go(func() { errs.add(s.end(ctx, path)) })
	}
	ending.Wait()
	if err := errs.join(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		_ = s.process.reap() // that it ended is what matters
		s.process = nil
	}
	return nil
}

// end ends the proxy whose identity is in a file, if it still runs.
func (s *Supervisor) end(ctx context.Context, path string) error {
	p, err := find(path) // with a handle of its own, since Run waits on the other
	if err != nil {
		return nil //nolint:nilerr // there is none, so nothing is to be stopped
	}
	defer func() { _ = p.reap() }()
	if err := signalProcess(p.handle, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stopping the proxy (process %d): %w", p.identity.PID, err)
	}
	if err := waitProcess(ctx, p.handle); err != nil {
		return errors.Join(fmt.Errorf("the proxy (process %d) did not end in time and was killed: %w", p.identity.PID, err),
			signalProcess(p.handle, syscall.SIGKILL))
	}
	return nil
}

// errorList gathers the errors of several goroutines.
type errorList struct {
	mu   sync.Mutex
	errs []error
}

func (l *errorList) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

func (l *errorList) join() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errs...)
}

func (s *Supervisor) isStopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

// adopt takes over a proxy that runs already and answers on its socket.
func (s *Supervisor) adopt(ctx context.Context) (*supervised, error) {
	p, err := find(filepath.Join(s.dir, stateFile))
	if err != nil {
		return nil, err
	}
	status, err := s.client.Status(ctx)
	if err == nil && status.PID != p.identity.PID {
		err = fmt.Errorf("process %d answers in place of %d", status.PID, p.identity.PID)
	}
	if err == nil {
		err = understood(status)
	}
	if err != nil {
		_ = p.reap() // the first error is the one that matters
		return nil, fmt.Errorf("adopting the proxy: %w", err)
	}
	return p, nil
}

// find returns the process with the pid and the start time that a proxy wrote
// down in a file.
func find(path string) (*supervised, error) {
	self, err := readIdentity(path)
	if err != nil {
		return nil, err
	}
	handle, err := openProcess(self.PID)
	if err != nil {
		return nil, err
	}
	p := &supervised{identity: self, handle: handle}
	// Only now that the handle holds the process can its start time be trusted
	// to be that of what the handle holds.
	started, err := startTime(self.PID)
	if err == nil && started != self.Started {
		err = fmt.Errorf("process %d is another one by now", self.PID)
	}
	if err != nil {
		_ = p.reap() // the first error is the one that matters
		return nil, fmt.Errorf("finding the proxy: %w", err)
	}
	return p, nil
}

// launch starts a proxy, detached from this process, and returns when it answers.
func (s *Supervisor) launch(ctx context.Context, command []string) (*supervised, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the proxy's directory: %w", err)
	}
	output, err := openLog(s.logPath())
	if err != nil {
		return nil, err
	}
	defer func() { _ = output.Close() }()           // the child has its own
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // it is to outlive us
	cmd.Stdout, cmd.Stderr, cmd.Dir = output, output, s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the proxy: %w", err)
	}
	handle, err := openProcess(cmd.Process.Pid)
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	p := &supervised{handle: handle, child: cmd}
	if err := s.await(ctx, p); err != nil {
		return nil, err
	}
	return p, nil
}

// await returns when the launched proxy answers. One that does not is ended.
func (s *Supervisor) await(ctx context.Context, p *supervised) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var watcher sync.WaitGroup
	watch, unwatch := context.WithCancel(ctx)
	defer watcher.Wait()
	defer unwatch()
	ended := make(chan struct{})
	watcher.Go(func() {
		if waitProcess(watch, p.handle) == nil {
			close(ended)
		}
	})
	poll := time.NewTicker(2 * time.Millisecond) // a socket that is not there yet offers no event
	defer poll.Stop()
	for {
		status, err := s.client.Status(ctx)
		if err == nil && status.PID == p.child.Process.Pid {
			p.identity, err = readIdentity(filepath.Join(s.dir, stateFile))
			return err
		}
		select {
		case <-ended:
			return &davit.Error{Code: davit.CodeUnavailable, Message: "the proxy ended as it started",
				Hint: "its log says why: " + s.logPath(), Err: p.reap()}
		case <-ctx.Done():
			return fmt.Errorf("waiting for the proxy to answer: %w", errors.Join(ctx.Err(), err, p.child.Process.Kill(), p.reap()))
		case <-poll.C:
		}
	}
}

func (s *Supervisor) logPath() string { return filepath.Join(s.dir, logFile) }

// openLog opens the proxy's log to append to. A long one is put aside first.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("putting the proxy's log aside: %w", err)
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the proxy's own directory
	if err != nil {
		return nil, fmt.Errorf("opening the proxy's log: %w", err)
	}
	return file, nil
}
