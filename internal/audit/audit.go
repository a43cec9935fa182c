// Package audit is the transparency log over the store: an RFC 6962 Merkle tree
// whose leaves are the audit entries, byte for byte.
//
// Every entry has a seal: a signed note over the tree that ends with it. So
// whoever has the entries and the public key can say which entry was the first
// to be changed; a signed root alone could only say that one was. The latest
// tree has a checkpoint, a signed note too (C2SP tlog-checkpoint). The first
// line of a seal differs from that of a checkpoint, so that the seals in an
// export cannot be made into the checkpoint of a shorter log.
//
// What a holder of neither the key nor an older export can do is found and
// located. What the holder of the key rewrites is found with a checkpoint that
// was kept elsewhere before: the log was rolled back, or forked.
package audit

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/davit-dev/davit"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxLeaf is the greatest length of an entry, in bytes: what the two bytes before
// an entry in a bundle (C2SP tlog-tiles) can say. Whoever verifies a log can bound
// what they read.
const MaxLeaf = 1<<16 - 1

// Log seals entries with a key. It keeps nothing: the tree is the store's.
type Log struct{ key *Key }

// New returns a log that seals with key.
func New(key *Key) *Log { return &Log{key} }

// VerifierKey returns the public key, in the form of a note verifier key.
func (l *Log) VerifierKey() string { return l.key.public }

// Seal appends entries to a log of size entries, whose signed checkpoint is
// given (nil when the log is empty) and whose tree hashes can be read. It
// numbers the entries, and returns a record for each and the checkpoint of the
// grown log. It refuses to append to a log whose checkpoint is not this key's
// or is not that of the hashes.
func (l *Log) Seal(entries []davit.AuditEntry, size int64, checkpoint []byte, hashes tlog.HashReader) (records []davit.AuditRecord, grown []byte, err error) {
	tree, err := l.resume(size, checkpoint, hashes)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		record, err := l.seal(entry, tree)
		if err != nil {
			return nil, nil, err
		}
		records = append(records, record)
	}
	head, err := tree.head()
	if err != nil {
		return nil, nil, err
	}
	grown, err = l.key.sign(checkpointLine, head)
	return records, grown, err
}

// resume takes the log up where its checkpoint says it is.
func (l *Log) resume(size int64, checkpoint []byte, hashes tlog.HashReader) (*frontier, error) {
	tree, err := load(size, hashes)
	if err != nil {
		return nil, fmt.Errorf("reading the tree: %w", err)
	}
	if size == 0 && checkpoint == nil {
		return tree, nil
	}
	head, err := tree.head()
	if err != nil {
		return nil, err
	}
	signed, err := open(checkpoint, l.key.verifier, checkpointLine)
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeRefused, Err: err,
			Message: "the audit log's checkpoint is not signed by this server's audit key, so nothing can be added to the log; nothing was changed",
			Hint:    "restore the audit key that belongs to the store"}
	}
	if signed != head {
		return nil, &davit.Error{Code: davit.CodeRefused,
			Message: fmt.Sprintf("the audit log has %d entries, which are not the %d that were signed, so nothing can be added to it; nothing was changed", size, signed.N),
			Hint:    "davit audit verify names the first bad entry; restore the store from a backup"}
	}
	return tree, nil
}

// seal makes an entry the tree's next leaf.
func (l *Log) seal(entry davit.AuditEntry, tree *frontier) (davit.AuditRecord, error) {
	entry.Index = tree.size
	leaf, err := leafOf(entry)
	if err != nil {
		return davit.AuditRecord{}, fmt.Errorf("encoding the entry %s: %w", entry.Action, err)
	}
	if len(leaf) > MaxLeaf {
		return davit.AuditRecord{}, &davit.Error{Code: davit.CodeInvalid,
			Message: fmt.Sprintf("the audit entry %s has %d bytes, more than the %d that an entry may have", entry.Action, len(leaf), MaxLeaf)}
	}
	added, err := tree.append(leaf)
	if err != nil {
		return davit.AuditRecord{}, err
	}
	head, err := tree.head()
	if err != nil {
		return davit.AuditRecord{}, err
	}
	note, err := l.key.sign(sealLine, head)
	if err != nil {
		return davit.AuditRecord{}, err
	}
	return davit.AuditRecord{Index: entry.Index, Leaf: leaf, Hashes: flatten(added), Seal: note}, nil
}

// leafOf returns an entry's bytes. In one that is too long, what was before and
// after is replaced by digests: hauling back must not fail because a state is
// large, and the digest still proves which one it was.
func leafOf(entry davit.AuditEntry) ([]byte, error) {
	leaf, err := entry.Leaf()
	if err != nil || len(leaf) <= MaxLeaf {
		return leaf, err
	}
	entry.Before, entry.After = digest(entry.Before), digest(entry.After)
	return entry.Leaf()
}

func digest(document json.RawMessage) json.RawMessage {
	if len(document) == 0 {
		return nil
	}
	return fmt.Appendf(nil, `{"sha256":"%x","bytes":%d}`, sha256.Sum256(document), len(document))
}

func flatten(hashes []tlog.Hash) []byte {
	flat := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		flat = slices.Concat(flat, h[:])
	}
	return flat
}
