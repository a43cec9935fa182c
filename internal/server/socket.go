package server

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// File returns the listener's socket under a descriptor of its own, to listen on
// it again after the listener was closed, here or in another process.
// Connections that come meanwhile wait in the kernel's queue.
func (l Listener) File() (*os.File, error) {
	raw, err := l.raw.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("keeping the socket %s: %w", l.Addr(), err)
	}
	var fd int
	var dupErr error
	// net's own File would make the socket blocking, for all who share it.
	err = raw.Control(func(original uintptr) { fd, dupErr = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = dupErr
	}
	if err != nil {
		return nil, fmt.Errorf("keeping the socket %s: %w", l.Addr(), err)
	}
	return os.NewFile(uintptr(fd), l.Addr().String()), nil //nolint:gosec // a descriptor is not negative
}

// InheritUnix listens on a unix socket that is open already, such as one from
// File.
func InheritUnix(socket *os.File) (Listener, error) {
	l, err := net.FileListener(socket)
	if err != nil {
		return Listener{}, fmt.Errorf("listening on an inherited socket: %w", err)
	}
	return unixListener(l)
}
