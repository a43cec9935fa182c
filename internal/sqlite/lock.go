package sqlite

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/davit-dev/davit"
)

// lock keeps a second server away from a store. The kernel lets go of it when
// the process ends, however it ends; the file stays.
type lock struct{ file *os.File }

// acquire locks the store at path for this process.
func acquire(path string) (*lock, error) {
	file, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator's path
	if err != nil {
		return nil, explain(err, path, "locking it")
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer file.Close() //nolint:errcheck // nothing was written through it
		return nil, held(path, file)
	}
	if err == nil {
		err = sign(file)
	}
	if err != nil {
		return nil, explain(errors.Join(err, file.Close()), path, "locking it")
	}
	return &lock{file}, nil
}

// sign writes who holds the lock, for the message of the one refused.
func sign(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// held says who has the store.
func held(path string, file io.Reader) error {
	holder := "another server"
	content, err := io.ReadAll(io.LimitReader(file, 20))
	if pid := strings.TrimSpace(string(content)); err == nil && pid != "" {
		holder += " (pid " + pid + ")"
	}
	return &davit.Error{Code: davit.CodeConflict, Message: "the store " + path + " is in use by " + holder,
		Hint: "stop that server first, or give this one a store of its own"}
}

// Close lets go of the store.
func (l *lock) Close() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}
