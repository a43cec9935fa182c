package process

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// collapse takes the first size bytes out of a file.
func collapse(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_COLLAPSE_RANGE, 0, size)
	if errors.Is(err, unix.EINVAL) { // the file system's blocks are larger than it says
		return errors.ErrUnsupported
	}
	return err //nolint:wrapcheck // rotate says what for; ErrUnsupported is EOPNOTSUPP
}

// folderWatch tells when something in one of its folders is written.
type folderWatch struct{ f *os.File }

func newFolderWatch() (*folderWatch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watching logs: %w", err)
	}
	return &folderWatch{os.NewFile(uintptr(fd), "inotify")}, nil
}

// add watches a folder. Adding it again is harmless.
func (w *folderWatch) add(dir string) error {
	conn, err := w.f.SyscallConn()
	if err != nil {
		return fmt.Errorf("watching %s: %w", dir, err)
	}
	var added error
	err = conn.Control(func(fd uintptr) {
		_, added = unix.InotifyAddWatch(int(fd), dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO)
	})
	if err = errors.Join(err, added); err != nil && !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("watching %s: %w", dir, err)
	}
	return nil
}

// run sends on wake after something was written, until the watch is closed.
func (w *folderWatch) run(wake chan<- struct{}) {
	for events := make([]byte, 4096); ; {
		if _, err := w.f.Read(events); err != nil {
			return
		}
		select {
		case wake <- struct{}{}:
		default: // a wake is under way already
		}
	}
}

func (w *folderWatch) close() { _ = w.f.Close() } // nothing is buffered in it
