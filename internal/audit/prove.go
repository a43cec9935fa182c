package audit

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// KeyID names the key that the log is sealed with, as Public.KeyID.
func (l *Log) KeyID() string { return keyID(l.key.verifier.Name(), l.key.verifier.KeyHash()) }

// Sign signs a message that is no note: one that does not begin with the log's
// name and a line break or blank, as all notes do. So no signature of one can
// pass for the other's.
func (l *Log) Sign(message []byte) ([]byte, error) { return l.key.signer.Sign(message) }

// Inclusion proves that an entry is in the log.
type Inclusion struct {
	Leaf []byte // the entry's bytes
	// Proof is the tlog record proof in the tree of Checkpoint, a signed note.
	Proof      []tlog.Hash
	Checkpoint []byte
}

// Prove returns the proof that the entry of an index is in the log as it is now.
func (l *Log) Prove(ctx context.Context, source TileSource, index int64) (Inclusion, error) {
	checkpoint, err := l.Checkpoint(ctx, source)
	if err != nil {
		return Inclusion{}, err
	}
	tree, err := open(checkpoint, l.key.verifier, checkpointLine)
	if err != nil {
		return Inclusion{}, fmt.Errorf("reading the log's checkpoint: %w", err)
	}
	if index < 0 || index >= tree.N {
		return Inclusion{}, fmt.Errorf("the audit log of %d entries has no entry %d", tree.N, index)
	}
	records, err := source.AuditRecords(ctx, index, 1)
	if err != nil {
		return Inclusion{}, err
	}
	if len(records) == 0 || records[0].Index != index {
		return Inclusion{}, fmt.Errorf("the store has no entry %d", index)
	}
	proof, err := tlog.ProveRecord(tree.N, index, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		return source.AuditHashes(ctx, indexes)
	}))
	if err != nil {
		return Inclusion{}, fmt.Errorf("proving entry %d: %w", index, err)
	}
	return Inclusion{Leaf: records[0].Leaf, Proof: proof, Checkpoint: checkpoint}, nil
}
