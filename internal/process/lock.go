package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/davit-dev/davit"
)

// lockPatience is how long the lock of a host that was killed is waited for.
const lockPatience = 10 * time.Second

// takeLock locks a host's directory until the file is closed.
//
// A host that is killed while it forks leaves the lock to the child until its
// exec. That is no accident to work around: whoever has the lock knows that no
// process of an earlier host is on its way that does not carry the mark yet. So
// the lock of a dead host is waited for, and only that of a living one refused.
func takeLock(ctx context.Context, path, boot string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the host's own
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, diskError(err))
	}
	patient, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		busy, err := flock(f)
		if err == nil && !busy {
			err = sign(f, boot)
		}
		if err == nil && !busy {
			return f, nil
		}
		if err == nil && holderLives(f) || !pause(patient, 5*time.Millisecond) {
			err = &davit.Error{
				Code: davit.CodeConflict, Message: fmt.Sprintf("another davit serve runs the processes in %s", filepath.Dir(path)),
				Hint: "use that server, or stop it first", Err: ctx.Err(),
			}
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
}

// sign notes in the lock who has it. It is emptied when it is given up.
func sign(f *os.File, boot string) error {
	s, err := readStat(os.Getpid())
	if err != nil {
		return err
	}
	data, err := json.Marshal(identity{PID: os.Getpid(), Start: s.start, Boot: boot})
	if err != nil {
		return fmt.Errorf("signing the lock: %w", err)
	}
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("signing the lock: %w", err)
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return fmt.Errorf("signing the lock: %w", diskError(err))
	}
	return nil
}

// holderLives reports whether the one that signed the lock last still runs.
func holderLives(f *os.File) bool {
	data, err := io.ReadAll(io.NewSectionReader(f, 0, 1024))
	if err != nil {
		return false
	}
	var holder identity
	if err := json.Unmarshal(data, &holder); err != nil {
		return false
	}
	p, err := openProcess(holder)
	if err != nil {
		return !errors.Is(err, errGone)
	}
	p.close()
	return true
}
