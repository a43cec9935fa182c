package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errGone is returned for a process that has ended, whoever has its pid now.
var errGone = errors.New("the process has ended")

// process is a handle on one process, be it a child of ours or not. The handle
// stays on that process when its pid is used again.
type process struct {
	id identity
	fd *os.File // pidfd; readable when the process has ended
}

// command is what spawn starts.
type command struct {
	path      string
	argv, env []string
	dir       string
	output    *os.File
	openFiles int64 // limit; 0 none
}

// spawn starts a process as the leader of its own session, with no input and
// with output as its stdout and stderr.
func spawn(c command, boot string) (*process, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.path, err)
	}
	defer func() { _ = null.Close() }() // only read
	fd := -1
	pid, err := syscall.ForkExec(c.path, c.argv, &syscall.ProcAttr{
		Dir: c.dir, Env: c.env, Files: []uintptr{null.Fd(), c.output.Fd(), c.output.Fd()},
		Sys: &syscall.SysProcAttr{Setsid: true, PidFD: &fd},
	})
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.path, err)
	}
	// The child is not reaped before its handle is closed, so the pid is its
	// own even if it has ended by now.
	s, err := readStat(pid)
	if err == nil && c.openFiles > 0 {
		limit := &unix.Rlimit{Cur: uint64(c.openFiles), Max: uint64(c.openFiles)}
		if err = unix.Prlimit(pid, unix.RLIMIT_NOFILE, limit, nil); errors.Is(err, unix.ESRCH) {
			err = nil
		}
	}
	p := &process{id: identity{PID: pid, Start: s.start, Boot: boot}}
	if err == nil {
		p.fd, err = pidfd(fd)
	}
	if err != nil {
		err = errors.Join(err, unix.Kill(pid, unix.SIGKILL))
		_, reapErr := syscall.Wait4(pid, nil, 0, nil)
		return nil, fmt.Errorf("starting %s: %w", c.path, errors.Join(err, reapErr))
	}
	return p, nil
}

// openProcess returns a handle on the process that id names, errGone if it has
// ended.
func openProcess(id identity) (*process, error) {
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	if id.PID <= 0 || id.Boot != boot {
		return nil, errGone
	}
	fd, err := unix.PidfdOpen(id.PID, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) { // EINVAL: a thread has the number now
		return nil, errGone
	}
	if err != nil {
		return nil, fmt.Errorf("opening process %d: %w", id.PID, err)
	}
	file, err := pidfd(fd)
	if err != nil {
		return nil, err
	}
	// The handle is on whoever had the pid; only now its start time tells
	// who that is.
	s, err := readStat(id.PID)
	if err != nil || s.start != id.Start || s.dead() {
		return nil, errors.Join(errGone, file.Close())
	}
	return &process{id: id, fd: file}, nil
}

func pidfd(fd int) (*os.File, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing a process's handle: %w", err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// signal sends a signal. A process that has ended needs none.
func (p *process) signal(sig syscall.Signal) error {
	conn, err := p.fd.SyscallConn()
	if err != nil {
		return fmt.Errorf("signalling process %d: %w", p.id.PID, err)
	}
	var sent error
	err = conn.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), sig, nil, 0) })
	if errors.Is(sent, unix.ESRCH) {
		sent = nil
	}
	if err = errors.Join(err, sent); err != nil {
		return fmt.Errorf("signalling process %d: %w", p.id.PID, err)
	}
	return nil
}

// wait returns nil when the process has ended. Only one goroutine may wait, and
// not again after its context ended.
func (p *process) wait(ctx context.Context) error {
	conn, err := p.fd.SyscallConn()
	if err != nil {
		return fmt.Errorf("waiting for process %d: %w", p.id.PID, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = p.fd.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	err = conn.Read(func(fd uintptr) bool {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // a file descriptor
		n, err := unix.Poll(ready, 0)
		return err == nil && n > 0
	})
	if err != nil {
		return fmt.Errorf("waiting for process %d: %w", p.id.PID, errors.Join(ctx.Err(), err))
	}
	return nil
}

// reap takes the exit status of a process that has ended. It is known only of
// processes that this server started.
func (p *process) reap() exitStatus {
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(p.id.PID, &status, syscall.WNOHANG, nil)
	if err != nil || pid != p.id.PID {
		return exitStatus{}
	}
	return exitStatus{known: true, WaitStatus: status}
}

func (p *process) close() { _ = p.fd.Close() } // nothing is buffered in it
