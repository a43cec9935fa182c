package sqlite

import (
	"context"
	"strings"
	"time"

	"github.com/davit-dev/davit"
	"golang.org/x/mod/sumdb/tlog"
)

// auditPage is how many entries Audit returns when no limit is asked for.
const auditPage = 1000

// Audit lists entries of the audit log that the filter chooses, oldest first.
func (s *Store) Audit(ctx context.Context, filter davit.AuditFilter) ([]davit.AuditEntry, error) {
	where, args := []string{"number >= ?"}, []any{filter.From}
	for _, column := range []struct{ name, value string }{
		{"application", filter.Application}, {"environment", filter.Environment}, {"rollout", filter.Rollout},
		{"leaf ->> 'release'", string(filter.Release)},
	} {
		if column.value != "" {
			where, args = append(where, column.name+" = ?"), append(args, column.value)
		}
	}
	limit := filter.Limit
	if limit <= 0 {
		limit = auditPage
	}
	list, err := queryDocs[davit.AuditEntry](ctx, s.read,
		"SELECT leaf FROM audit WHERE "+strings.Join(where, " AND ")+" ORDER BY number LIMIT ?", append(args, limit)...)
	return list, s.readError(err)
}

// AuditCheckpoint returns the audit log's latest checkpoint, a signed note; nil
// when the log is empty.
func (s *Store) AuditCheckpoint(ctx context.Context) ([]byte, error) {
	var checkpoint []byte
	err := s.read.QueryRowContext(ctx, "SELECT checkpoint FROM head").Scan(&checkpoint)
	return checkpoint, s.readError(err)
}

// AuditRecords lists the sealed entries from index from on, limit at most, as
// they are stored.
func (s *Store) AuditRecords(ctx context.Context, from int64, limit int) (records []davit.AuditRecord, err error) {
	rows, err := s.read.QueryContext(ctx, "SELECT number, leaf, hashes, seal FROM audit WHERE number >= ? ORDER BY number LIMIT ?", from, max(limit, 0))
	if err != nil {
		return nil, s.readError(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r davit.AuditRecord
		if err := rows.Scan(&r.Index, &r.Leaf, &r.Hashes, &r.Seal); err != nil {
			return nil, s.readError(err)
		}
		records = append(records, r)
	}
	return records, s.readError(rows.Err())
}

// AuditHashes returns hashes of the audit log's tree by their stored index, as
// sumdb/tlog numbers them.
func (s *Store) AuditHashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	hashes, err := readHashes(ctx, s.read, indexes)
	return hashes, s.readError(err)
}

// RestoredAt returns when the store was last put back from a backup, as its audit
// log tells; the zero time when it never was.
func (s *Store) RestoredAt(ctx context.Context) (time.Time, error) {
	list, err := queryDocs[davit.AuditEntry](ctx, s.read,
		"SELECT leaf FROM audit WHERE application = '' AND environment = '' AND leaf ->> 'action' = 'store.restore' ORDER BY number DESC LIMIT 1")
	if err != nil || len(list) == 0 {
		return time.Time{}, s.readError(err)
	}
	return list[0].At, nil
}
