package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// create makes an empty store beside path and renames it when it is whole, so
// that a store under its name is never half made.
func create(ctx context.Context, path string) error {
	draft := path + ".new"
	err := draw(ctx, draft)
	if err == nil {
		err = os.Rename(draft, path)
	}
	if err != nil {
		return explain(errors.Join(err, discard(draft)), path, "creating it")
	}
	if err := syncFile(filepath.Dir(path)); err != nil {
		return explain(err, path, "creating it")
	}
	return nil
}

// draw writes an empty store with the newest schema.
func draw(ctx context.Context, draft string) error {
	if err := discard(draft); err != nil { // of an earlier creation that died
		return err
	}
	file, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's path
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	// With a rollback journal, which is the default, all that is committed is in
	// the file. A write-ahead log might be left beside it, by a full disk.
	db, err := connect(draft, 1)
	if err != nil {
		return err
	}
	if err := errors.Join(migrate(ctx, db), db.Close()); err != nil {
		return err
	}
	return syncFile(draft)
}

// discard removes what there is of a draft.
func discard(draft string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(draft + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncFile makes a file, or the names in a directory, durable.
func syncFile(path string) error {
	file, err := os.Open(path) //nolint:gosec // the operator's path
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("syncing %s: %w", path, err)
	}
	return nil
}
