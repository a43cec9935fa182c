package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/davit-dev/davit"
)

// durable says whether a written file must survive a power cut.
type durable bool

// writeFile replaces the file at path with data, or leaves it as it was.
func writeFile(path string, data []byte, keep durable) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return diskError(err)
	}
	err = fill(f, data, keep)
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(diskError(err), os.Remove(f.Name()))
	}
	if !keep {
		return nil
	}
	return syncDir(filepath.Dir(path))
}

func fill(f *os.File, data []byte, keep durable) error {
	_, err := f.Write(data)
	if err == nil && bool(keep) {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path) //nolint:gosec // a folder of the host's own
	if err != nil {
		return fmt.Errorf("syncing a folder: %w", err)
	}
	return diskError(errors.Join(d.Sync(), d.Close()))
}

// diskError gives an error that comes from a disk without room its meaning for
// people. Other errors, and nil, stay as they are.
func diskError(err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS} {
		if errors.Is(err, full) {
			return &davit.Error{
				Code: davit.CodeUnavailable, Message: "the disk takes no more", Err: err,
				Hint: "make room where Davit keeps its state, then try again; nothing was changed",
			}
		}
	}
	return err
}
