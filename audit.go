package davit

import (
	"bytes"
	"encoding/json"
	"time"
)

// AuditEntry records one decision or change and who made it. Entries are the
// leaves of a transparency log: they are numbered from 0 without a gap and
// never change. They hold no secret.
type AuditEntry struct {
	Index       int64           `json:"index"`
	At          time.Time       `json:"at"`
	Actor       string          `json:"actor"`  // "uid 1000 (anna)", "token ci", "davit"
	Action      string          `json:"action"` // "rollout.create", "rollout.stage", "rollout.haul_back", …
	Application string          `json:"application,omitempty"`
	Environment string          `json:"environment,omitempty"`
	Rollout     string          `json:"rollout,omitempty"`
	Release     ReleaseID       `json:"release,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	Before      json.RawMessage `json:"before,omitempty"`
	After       json.RawMessage `json:"after,omitempty"`
}

// Leaf returns the entry's bytes as the transparency log hashes them: its JSON
// with the fields in the order of their declaration, in UTF-8: Before and After
// may hold other bytes that came from outside.
func (e AuditEntry) Leaf() ([]byte, error) {
	leaf, err := json.Marshal(e)
	return bytes.ToValidUTF8(leaf, []byte("\uFFFD")), err
}

// AuditFilter chooses entries of the log. Empty fields choose all.
type AuditFilter struct {
	Application string `json:"application,omitempty"`
	Environment string `json:"environment,omitempty"`
	Rollout     string `json:"rollout,omitempty"`
	// Release is a release's ID, or the tag of one that was published.
	Release ReleaseID `json:"release,omitempty"`
	// From is the first index to look at.
	From int64 `json:"from,omitempty"`
	// Limit is how many entries to return at most; 0 leaves it to the store.
	Limit int `json:"limit,omitempty"`
}

// AuditRecord is an entry as the transparency log seals it and a store keeps
// it, byte for byte.
type AuditRecord struct {
	Index int64
	// Leaf is the entry's bytes, as hashed.
	Leaf []byte
	// Hashes are the tree hashes that the leaf completes, 32 bytes each: its
	// own, then those of ever larger subtrees.
	Hashes []byte
	// Seal is a signed note over the tree that ends with this entry.
	Seal []byte
}
