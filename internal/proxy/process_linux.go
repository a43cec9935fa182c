package proxy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// startTime returns when a process started, in clock ticks since the machine
// did: with the pid it names one process for ever.
func startTime(pid int) (string, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", fmt.Errorf("reading the start time of process %d: %w", pid, err)
	}
	// The second field, the program's name in parentheses, may hold anything;
	// the start time is the 20th after it.
	_, rest, _ := strings.Cut(string(data[strings.LastIndexByte(string(data), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return "", fmt.Errorf("reading the start time of process %d: unexpected form", pid)
	}
	return fields[19], nil
}

// openProcess returns a handle that waits for the end of a process that need not
// be a child. The handle cannot come to mean another process.
func openProcess(pid int) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watching process %d: %w", pid, err)
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil //nolint:gosec // a descriptor is not negative
}

// waitProcess returns nil when the process has ended, or the context's error.
func waitProcess(ctx context.Context, handle *os.File) error {
	if err := handle.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("watching a process: %w", err)
	}
	struck := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(struck)
		_ = handle.SetReadDeadline(aLongTimeAgo) // it worked a moment ago
	})
	defer func() {
		if !stop() {
			<-struck // or it would strike the next wait
		}
	}()
	raw, err := handle.SyscallConn()
	if err != nil {
		return fmt.Errorf("watching a process: %w", err)
	}
	err = raw.Read(func(fd uintptr) bool { // it is readable once the process has ended
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0) //nolint:gosec // a descriptor is small
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// signalProcess sends a signal through a handle.
func signalProcess(handle *os.File, signal unix.Signal) error {
	raw, err := handle.SyscallConn()
	if err != nil {
		return fmt.Errorf("signalling a process: %w", err)
	}
	var sendErr error
	if err := raw.Control(func(fd uintptr) { sendErr = unix.PidfdSendSignal(int(fd), signal, nil, 0) }); err != nil {
		return fmt.Errorf("signalling a process: %w", err)
	}
	return sendErr
}
