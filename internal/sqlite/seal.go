package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
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

// readHashes reads tree hashes by their stored index, all in one query. The hash
// of a subtree lies with the last of its entries, which completes it.
func readHashes(ctx context.Context, q querier, indexes []int64) ([]tlog.Hash, error) {
	at := make([][2]int64, len(indexes)) // entry, position in its hashes
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		at[i] = [2]int64{(n+1)<<level - 1, int64(level)*tlog.HashSize + 1}
	}
	list, err := json.Marshal(at)
	if err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, `SELECT j.key, substr(a.hashes, j.value ->> 1, ?) FROM json_each(?) j CROSS JOIN audit a ON a.number = j.value ->> 0`,
		tlog.HashSize, string(list))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	hashes, found := make([]tlog.Hash, len(indexes)), 0
	for ; rows.Next(); found++ {
		var i int
		var hash []byte
		if err := rows.Scan(&i, &hash); err != nil {
			return nil, err
		}
		if copy(hashes[i][:], hash) != tlog.HashSize {
			return nil, fmt.Errorf("entry %d has no hash at byte %d", at[i][0], at[i][1])
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if found != len(indexes) {
		return nil, fmt.Errorf("the store has %d of %d tree hashes", found, len(indexes))
	}
	return hashes, nil
}
