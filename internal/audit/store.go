package audit

import (
	"bytes"
	"context"

	"github.com/davit-dev/davit"
)

// VerifyStore checks a log where it lies: as Verify, and that the tree hashes
// of the store are those of its entries. The store may be in use.
func VerifyStore(ctx context.Context, source Source, verifierKey string, older ...[]byte) (Report, error) {
	c, err := newChain(verifierKey, older)
	if err != nil {
		return Report{}, err
	}
	first, err := source.AuditRecords(ctx, 0, 1) // before the checkpoint, which so cannot be missing for being too new
	if err != nil {
		return Report{}, err
	}
	checkpoint, err := source.AuditCheckpoint(ctx)
	if err != nil {
		return Report{}, err
	}
	if checkpoint == nil {
		return c.unsigned(len(first) > 0)
	}
	tree, err := open(checkpoint, c.verifier, checkpointLine)
	if err != nil { // the entries still say how far they are sound
		tree.N = 1<<63 - 1
	}
	err = pages(ctx, source, tree, func(records []davit.AuditRecord) error {
		page := make([]opened, len(records))
		parallel(len(records), func(i int) { page[i] = c.open(records[i].Leaf, records[i].Seal) })
		for i, r := range records {
			if f := c.stored(page[i], r); f != nil {
				return f
			}
		}
		return nil
	})
	if err != nil {
		return Report{}, err
	}
	report, f := c.end(checkpoint)
	if f != nil {
		return Report{}, f
	}
	return report, nil
}

// stored checks the next entry of a store, and its tree hashes.
func (c *chain) stored(o opened, r davit.AuditRecord) *Fault {
	if r.Index > c.tree.size {
		return fault(Missing, c.tree.size, "entry %d is missing: entry %d follows the one before", c.tree.size, r.Index)
	}
	added, f := c.next(o)
	if f == nil && !bytes.Equal(r.Hashes, flatten(added)) {
		f = fault(Changed, r.Index, "the stored tree hashes of entry %d were changed", r.Index)
	}
	return f
}

// unsigned judges a log without a checkpoint, which is sound when it is empty
// and never was longer.
func (c *chain) unsigned(entries bool) (Report, error) {
	if entries {
		return Report{}, fault(Missing, 0, "the log has entries and no checkpoint")
	}
	head, err := c.tree.head()
	if err != nil {
		return Report{}, err
	}
	if f := c.compare(head); f != nil {
		return Report{}, f
	}
	if len(c.older) > 0 {
		return Report{}, fault(RolledBack, 0, "the log was rolled back: it had %d entries when the older checkpoint was signed, and has none now", c.older[len(c.older)-1].N)
	}
	return Report{Origin: c.verifier.Name(), Root: head.Hash.String()}, nil
}
