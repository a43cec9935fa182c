package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/server"
)

// stateDir returns the absolute path of the folder that holds all that a server
// keeps.
func (a *app) stateDir() (string, error) {
	dir := a.state
	if dir == "" {
		dir = os.Getenv("DAVIT_STATE")
	}
	if dir == "" && os.Geteuid() == 0 {
		dir = "/var/lib/davit"
	}
	if dir == "" {
		base := os.Getenv("XDG_STATE_HOME")
		if base == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", &davit.Error{Code: davit.CodeInvalid, Message: "there is no home directory to keep state in", Err: err, Hint: "name a directory with --state or DAVIT_STATE"}
			}
			base = filepath.Join(home, ".local", "state")
		}
		dir = filepath.Join(base, "davit")
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the state directory: %w", err)
	}
	return absolute, nil
}

// socket returns the path of the server's unix socket.
func (a *app) socket() (string, error) {
	dir, err := a.stateDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "davit.sock")
	return path, server.CheckSocketPath(path)
}

// makeStateDir makes the state directory, for its owner alone. One that others
// can write to is refused: they could make Davit run what they like.
func makeStateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &davit.Error{Code: davit.CodeUnavailable, Message: "cannot make the state directory " + dir, Err: unwrapPath(err), Hint: "name another with --state or DAVIT_STATE"}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("looking at the state directory: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return &davit.Error{
			Code: davit.CodeRefused, Message: fmt.Sprintf("others can enter the state directory %s (mode %04o)", dir, mode),
			Hint: "chmod 700 " + dir,
		}
	}
	return nil
}

// unwrapPath returns what went wrong with a file, without its path.
func unwrapPath(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}
