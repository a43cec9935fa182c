package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// seal makes the change's audit entries leaves of the log, in the transaction
// of what they record.
func (w *writer) seal(ctx context.Context) error {
	if len(w.audit) == 0 {
		return nil
	}
	if w.store.audit == nil {
		return errors.New("this store was opened without an audit log")
	}
	var size int64
	var checkpoint []byte
	err := w.tx.QueryRowContext(ctx, "SELECT (SELECT coalesce(max(number) + 1, 0) FROM audit), checkpoint FROM head").Scan(&size, &checkpoint)
	if err != nil {
		return err
	}
	hashes := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) { return readHashes(ctx, w.tx, indexes) })
	records, grown, err := w.store.audit.Seal(w.audit, size, checkpoint, hashes)
	if err != nil {
		return err
	}
	for i, r := range records {
		_, err := w.tx.ExecContext(ctx, "INSERT INTO audit (number, leaf, hashes, seal) VALUES (?, ?, ?, ?)",
			r.Index, string(r.Leaf), r.Hashes, string(r.Seal))
		if err != nil {
			return err
		}
		w.audit[i].Index = r.Index
	}
	_, err = w.tx.ExecContext(ctx, "UPDATE head SET checkpoint = ?", string(grown))
	return err
}

// querier is a pool, a connection or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// readHashes reads tree hashes by their stored index. The hash of a subtree
// lies with the last of its entries, which completes it.
func readHashes(ctx context.Context, q querier, indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		number := (n+1)<<level - 1
		var hash []byte
		err := q.QueryRowContext(ctx, "SELECT substr(hashes, ?, ?) FROM audit WHERE number = ?",
			level*tlog.HashSize+1, tlog.HashSize, number).Scan(&hash)
		if err != nil {
			return nil, fmt.Errorf("reading the hash that entry %d completes at level %d: %w", number, level, err)
		}
		if copy(hashes[i][:], hash) != tlog.HashSize {
			return nil, fmt.Errorf("entry %d has no hash at level %d", number, level)
		}
	}
	return hashes, nil
}
