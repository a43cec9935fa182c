package sqlite

import (
	"context"
	"encoding/json"
	"time"

	"github.com/davit-dev/davit"
)

// AccessKeys lists all access keys, oldest first.
func (s *Store) AccessKeys(ctx context.Context) ([]*davit.AccessKey, error) {
	list, err := queryDocs[*davit.AccessKey](ctx, s.read, "SELECT doc FROM access_keys ORDER BY number")
	return list, s.readError(err)
}

// CommitAccessKeys writes access keys, new ones and changed ones, and the audit
// entry that tells of them in one transaction.
func (s *Store) CommitAccessKeys(ctx context.Context, entry davit.AuditEntry, keys ...*davit.AccessKey) error {
	return explain(s.commit(ctx, &davit.Change{Audit: []davit.AuditEntry{entry}}, func(w *writer) error {
		for _, key := range keys {
			doc, err := document(key)
			if err != nil {
				return err
			}
			changed, err := w.exec(ctx, "UPDATE access_keys SET doc = ? WHERE id = ?", doc, key.ID)
			if err == nil && !changed {
				_, err = w.exec(ctx, "INSERT INTO access_keys (doc) VALUES (?)", doc)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}), s.path, "storing access keys")
}

// TouchAccessKeys notes when access keys were last used, by ID.
func (s *Store) TouchAccessKeys(ctx context.Context, used map[string]time.Time) error {
	return explain(s.commit(ctx, &davit.Change{}, func(w *writer) error {
		for id, at := range used {
			text, err := json.Marshal(at)
			if err != nil {
				return err
			}
			if _, err := w.exec(ctx, "UPDATE access_keys SET doc = json_set(doc, '$.lastUsedAt', json(?)) WHERE id = ?", string(text), id); err != nil {
				return err
			}
		}
		return nil
	}), s.path, "noting the use of access keys")
}
