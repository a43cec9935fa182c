package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/davit-dev/davit"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// explain turns what SQLite or the file system says about the store at path
// into an error for a person, and wraps anything else. doing is what was being
// done: "reading it".
func explain(err error, path, doing string) error {
	if err == nil {
		return nil
	}
	if _, known := errors.AsType[*davit.Error](err); known {
		return err
	}
	unavailable := func(why, hint string) error {
		return &davit.Error{Code: davit.CodeUnavailable, Err: err, Hint: hint,
			Message: fmt.Sprintf("the store %s: %s failed: %s; nothing was changed", path, doing, why)}
	}
	if code(err) == sqlite3.SQLITE_IOERR_SHORT_READ || code(err) == sqlite3.SQLITE_IOERR_CORRUPTFS {
		return damaged(path, doing+" failed", err)
	}
	const retry = "nothing was lost; make room where the store is, then try again"
	switch code(err) & primary {
	case sqlite3.SQLITE_FULL:
		return unavailable("the disk is full", retry)
	case sqlite3.SQLITE_IOERR:
		return unavailable("the disk cannot be read or written", "look at the disk and its free space, then try again")
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return unavailable("the file cannot be opened for writing", "let the server's user write the store and its directory")
	case sqlite3.SQLITE_BUSY:
		return unavailable("another program has locked it", "close what has the file open, then try again")
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damaged(path, doing+" failed", err)
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return unavailable("the disk is full", retry)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return unavailable("permission denied", "let the server's user write the store and its directory")
	case errors.Is(err, fs.ErrNotExist):
		return unavailable("its directory is missing", "create the directory, or name another")
	}
	return fmt.Errorf("the store %s: %s: %w", path, doing, err)
}

// primary masks the primary part of a result code.
const primary = 0xff

// code returns SQLite's extended result code; SQLITE_OK when err is none of
// SQLite's.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return sqlite3.SQLITE_OK
}

// notFound turns the absence of a row into an error for a person.
func notFound(err error, format string, args ...any) error {
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return &davit.Error{Code: davit.CodeNotFound, Message: fmt.Sprintf("there is no "+format, args...)}
}
