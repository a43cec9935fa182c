package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// rotate cuts the beginning off a log that is too large.
//
// The processes that write to the log hold it open, so it cannot be moved
// away. Its beginning is copied and then taken out of the file by the file
// system (ext4, xfs), which loses nothing of what is written meanwhile. Where
// that is not supported the log is emptied after the copy: what is written
// between the copy's end and the emptying, some microseconds, is lost.
func (l *logFile) rotate() error {
	info, err := os.Stat(l.name(-1))
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() < l.limit {
		return nil
	}
	if err != nil {
		return fmt.Errorf("rotating a log: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := os.OpenFile(l.name(-1), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("rotating a log: %w", err)
	}
	if err := errors.Join(l.cut(f), f.Close()); err != nil {
		return fmt.Errorf("rotating a log: %w", errors.Join(diskError(err), removeFile(l.name(0))))
	}
	return nil
}

func (l *logFile) cut(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err //nolint:wrapcheck // rotate says what for
	}
	block := int64(4096)
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		block = max(block, int64(s.Blksize))
	}
	size := (info.Size() - 1) / block * block // something must be left over
	if size <= 0 {
		return nil
	}
	if err := l.copyOut(f, size); err != nil {
		return err
	}
	err = l.collapse(f, size)
	if errors.Is(err, errors.ErrUnsupported) {
		if err = l.copyOut(f, -1); err == nil {
			err = f.Truncate(0)
		}
	}
	if err != nil {
		return err
	}
	return l.shift()
}

// copyOut copies the first size bytes, all for -1, to what becomes the newest
// rotated file. That it has its name means that it is whole.
func (l *logFile) copyOut(f *os.File, size int64) error {
	temp := l.name(0) + ".tmp"
	out, err := os.Create(temp) //nolint:gosec // the host's own
	if err != nil {
		return err //nolint:wrapcheck // rotate says what for
	}
	if size < 0 {
		size = 1<<63 - 1
	}
	_, err = io.Copy(out, io.NewSectionReader(f, 0, size))
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(temp, l.name(0))
	}
	if err != nil {
		return errors.Join(err, removeFile(temp))
	}
	return nil
}

// shift makes the file numbered 0 number 1, and forgets the oldest.
func (l *logFile) shift() error {
	info, err := os.Stat(l.name(0))
	if err != nil {
		return err //nolint:wrapcheck // rotate says what for
	}
	for len(l.rotated) >= l.keep {
		if err := removeFile(l.name(len(l.rotated))); err != nil {
			return err
		}
		l.oldest += l.rotated[0]
		l.rotated = l.rotated[1:]
	}
	for n := len(l.rotated); n >= 0; n-- {
		if err := os.Rename(l.name(n), l.name(n+1)); err != nil {
			return err //nolint:wrapcheck // rotate says what for
		}
	}
	l.rotated = append(l.rotated, info.Size())
	return nil
}

// recover finishes a rotation that was interrupted: the copied beginning is in
// the log still, or it was cut off already.
func (l *logFile) recover() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	copied, err := os.Open(l.name(0))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("recovering a log: %w", err)
	}
	defer func() { _ = copied.Close() }() // only read
	f, err := os.Open(l.name(-1))
	if err != nil {
		return fmt.Errorf("recovering a log: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	still, err := startsWith(f, copied)
	if err == nil && still {
		err = removeFile(l.name(0))
	} else if err == nil {
		err = l.shift()
	}
	if err != nil {
		return fmt.Errorf("recovering a log: %w", err)
	}
	return nil
}

// startsWith reports whether f begins with all that is in prefix.
func startsWith(f, prefix io.Reader) (bool, error) {
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(prefix, a)
		if n == 0 {
			return errors.Is(err, io.EOF), nil
		}
		m, readErr := io.ReadFull(f, b[:n])
		if m < n || !bytes.Equal(a[:n], b[:n]) {
			if readErr != nil && !errors.Is(readErr, io.EOF) && !errors.Is(readErr, io.ErrUnexpectedEOF) {
				return false, readErr //nolint:wrapcheck // recover says what for
			}
			return false, nil
		}
	}
}

// removeFile removes a file that need not be there.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err //nolint:wrapcheck // it names the path
	}
	return nil
}
