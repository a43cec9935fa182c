package process

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func supported() error { return nil }

// syncTree makes a file, or a folder with all that is in it, durable.
func syncTree(path string) error {
	f, err := os.Open(path) //nolint:gosec // under the store
	if err != nil {
		return fmt.Errorf("syncing: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = unix.Syncfs(int(f.Fd())) // one by one takes minutes for ten thousands of files
	} else if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("syncing: %w", err)
	}
	return nil
}

// flock takes the lock of a file until it is closed. busy says that another has
// it.
func flock(f *os.File) (busy bool, err error) {
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return false, nil
}
