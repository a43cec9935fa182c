package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/davit-dev/davit"
	"modernc.org/sqlite"
)

// backupPages is how many pages are copied before the context is looked at.
const backupPages = 4096

// backupDrafts is the pattern of the copies that are made beside the store.
const backupDrafts = ".backup-*"

// Backup writes a copy of the store to w: one file, with every commit that was
// acknowledged before. Commits go on meanwhile. The copy is made beside the store
// first, so that a slow w holds nothing up; that takes as much room again. There
// is one backup at a time; a second is a *davit.Error of CodeConflict.
func (s *Store) Backup(ctx context.Context, w io.Writer) (err error) {
	if !s.backup.TryLock() {
		return &davit.Error{Code: davit.CodeConflict, Message: "another backup of the store is being made", Hint: "wait until it is done"}
	}
	defer s.backup.Unlock()
	draft, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+backupDrafts) // readable to its owner alone
	if err != nil {
		return explain(err, s.path, "making a backup")
	}
	defer func() { err = errors.Join(err, draft.Close(), discard(draft.Name())) }()
	if err := s.copyTo(ctx, draft.Name()); err != nil {
		return explain(err, s.path, "making a backup")
	}
	if _, err := io.Copy(w, draft); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

// copyTo copies one state of the store to an empty file: that of the transaction
// in which the copying connection reads.
func (s *Store) copyTo(ctx context.Context, path string) (err error) {
	conn, err := s.read.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // which ends a reading, and fails when ctx has ended it
	var commits int64
	if err := tx.QueryRowContext(ctx, "SELECT commits FROM head").Scan(&commits); err != nil {
		return err
	}
	return conn.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(name string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the driver makes no backups")
		}
		copying, err := source.NewBackup((&url.URL{Scheme: "file", OmitHost: true, Path: path}).String() + "?mode=rw&_synchronous=OFF")
		if err != nil {
			return err
		}
		more := true
		for more && err == nil {
			if more, err = copying.Step(backupPages); err == nil {
				err = ctx.Err()
			}
		}
		return errors.Join(err, copying.Finish())
	})
}

// tidy removes what backups have left that a dead server was making.
func tidy(path string) error {
	drafts, err := filepath.Glob(filepath.Join(filepath.Dir(path), filepath.Base(path)+backupDrafts))
	if err != nil {
		return err
	}
	for _, draft := range drafts {
		if err := os.Remove(draft); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
