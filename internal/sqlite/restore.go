package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davit-dev/davit"
)

// Restore puts the backup in the file from in place of the store at path. prepare
// is given the copy, opened as a store, before: when it fails nothing is changed.
// The store that was there is kept: its new name is returned, "" when there was none.
// A store in use, a file that is no whole backup, and one that a newer Davit wrote
// are refused with a *davit.Error.
//
// A restore that dies in the midst leaves the old store, or none and the refusal
// to begin an empty one in its place; it can be done again.
func Restore(ctx context.Context, path, from string, options Options, prepare func(context.Context, *Store) error) (kept string, err error) {
	held, err := acquire(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	draft := path + ".restored"
	if err := removeStore(draft); err != nil { // of an earlier one that died
		return "", explain(err, path, "restoring it")
	}
	commits, err := stage(ctx, draft, from, options, prepare)
	if err == nil {
		kept, err = place(draft, path, commits)
	}
	if err != nil {
		return "", errors.Join(err, removeStore(draft))
	}
	return kept, removeStore(draft)
}

// stage makes a sound store of the backup at draft, and returns how many commits
// it holds.
func stage(ctx context.Context, draft, from string, options Options, prepare func(context.Context, *Store) error) (commits int64, err error) {
	if info, err := os.Stat(from + "-wal"); err == nil && info.Size() > 0 {
		return 0, &davit.Error{Code: davit.CodeRefused,
			Message: from + " is no backup: its write-ahead log lies beside it, so a server uses it or has died; nothing was changed",
			Hint:    "make a backup with davit backup FILE, or copy a store of a stopped server"}
	}
	if err := copyFile(draft, from); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return 0, &davit.Error{Code: davit.CodeNotFound, Message: "there is no backup " + from + "; nothing was changed"}
		}
		return 0, explain(err, draft, "copying the backup")
	}
	s, err := Open(ctx, draft, options)
	if err != nil {
		return 0, err
	}
	err = prepare(ctx, s)
	if err == nil {
		commits, err = count(ctx, s.read)
	}
	return commits, errors.Join(err, s.Close())
}

// place moves the store at path out of the way and the one at draft in. The store
// goes first and comes last: while it is away, its mark keeps a server from
// beginning an empty one.
func place(draft, path string, commits int64) (kept string, err error) {
	if _, err := os.Stat(path + ".mark"); errors.Is(err, fs.ErrNotExist) {
		if err := writeMark(path, 0); err != nil {
			return "", err
		}
	}
	if kept, err = aside(path); err != nil {
		return "", explain(err, path, "keeping the old one")
	}
	if err := writeMark(path, commits); err != nil {
		return "", err
	}
	err = os.Rename(draft, path)
	if err == nil {
		err = syncFile(filepath.Dir(path))
	}
	return kept, explain(err, path, "putting the backup in place")
}

func writeMark(path string, commits int64) error {
	m, err := keepMark(path, commits)
	if err != nil {
		return err
	}
	return explain(m.Close(), path, "writing its mark")
}

// aside gives what there is of a store, its write-ahead log with it, a name of its
// own, and returns that; "" when there is nothing.
func aside(path string) (kept string, err error) {
	name := func(n int) string { return fmt.Sprintf("%s.replaced-%d", path, n) }
	n := 1
	for exists(name(n)) || exists(name(n)+"-wal") {
		n++
	}
	for _, part := range []string{"", "-wal"} {
		if !exists(path + part) {
			continue
		}
		if err := os.Rename(path+part, name(n)+part); err != nil {
			return "", err
		}
		kept = name(n)
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) { // SQLite makes it anew
		return "", err
	}
	return kept, syncFile(filepath.Dir(path))
}

// exists reports whether something has that name, or cannot be told not to.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// copyFile copies a file to one that is readable to its owner alone and on disk.
func copyFile(to, from string) error {
	source, err := os.Open(from) //nolint:gosec // the operator's path
	if err != nil {
		return err
	}
	defer source.Close()                                                     //nolint:errcheck // it was only read
	copied, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's path
	if err != nil {
		return err
	}
	_, err = io.Copy(copied, source)
	return errors.Join(err, copied.Sync(), copied.Close())
}

// removeStore removes a store that nobody uses, and what lies beside it.
func removeStore(path string) error {
	for _, suffix := range []string{".mark", ".lock"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return discard(path)
}
