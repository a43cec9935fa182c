package audit

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/davit-dev/davit"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Report is what a sound log was found to be.
type Report struct {
	Origin string `json:"origin"`
	// Size is the number of entries, Root the base64 root hash over them.
	Size int64  `json:"size"`
	Root string `json:"root"`
	// Checkpoint is the signed note over them. Kept elsewhere, it later shows
	// whether the log was rolled back or forked.
	Checkpoint string `json:"checkpoint"`
}

// chain checks a log entry by entry, in the memory of its right edge.
type chain struct {
	verifier note.Verifier
	tree     frontier
	older    []tlog.Tree // by size
	agreed   int64       // the size of the last older tree that was found in the log
}

// newChain returns a chain that also wants to find the trees of older
// checkpoints in the log.
func newChain(verifierKey string, older [][]byte) (*chain, error) {
	verifier, err := note.NewVerifier(verifierKey)
	if err != nil {
		return nil, badPublicKey(err)
	}
	c := &chain{verifier: verifier}
	for i, checkpoint := range older {
		tree, err := open(checkpoint, verifier, checkpointLine)
		if err != nil {
			return nil, &davit.Error{Code: davit.CodeInvalid, Err: err,
				Message: fmt.Sprintf("older checkpoint %d is not one that the key of %s has signed", i+1, verifier.Name()),
				Hint:    "give a checkpoint as davit audit checkpoint prints it, unchanged"}
		}
		c.older = append(c.older, tree)
	}
	slices.SortFunc(c.older, func(a, b tlog.Tree) int { return int(min(max(a.N-b.N, -1), 1)) })
	return c, nil
}

// opened is an entry of which all that does not depend on the others was checked:
// that takes most of the time, and can be done for many at once.
type opened struct {
	leaf    []byte
	sealed  tlog.Tree
	broken  error // its seal is not one of the key
	index   int64 // what it calls itself
	strange error // it is not an entry
}

func (c *chain) open(leaf, seal []byte) opened {
	o := opened{leaf: leaf}
	o.sealed, o.broken = open(seal, c.verifier, sealLine)
	var entry davit.AuditEntry
	o.strange = json.Unmarshal(leaf, &entry)
	o.index = entry.Index
	return o
}

// next checks the next entry and returns the tree hashes that it completes.
func (c *chain) next(o opened) ([]tlog.Hash, *Fault) {
	n := c.tree.size
	if o.broken != nil {
		return nil, fault(Changed, n, "entry %d was changed: its seal is not one that the key has signed (%v)", n, o.broken)
	}
	if m := o.sealed.N - 1; m > n {
		return nil, fault(Missing, n, "entry %d is missing: entry %d stands in its place", n, m)
	} else if m < n {
		return nil, fault(Misplaced, n, "entry %d is out of place: entry %d stands there again", n, m)
	}
	added, err := c.tree.append(o.leaf)
	if err != nil {
		return nil, fault(Malformed, n, "entry %d: %v", n, err)
	}
	head, err := c.tree.head()
	if err != nil {
		return nil, fault(Malformed, n, "entry %d: %v", n, err)
	}
	if head != o.sealed {
		return nil, fault(Changed, n, "entry %d was changed: its bytes are not those that were sealed", n)
	}
	if o.strange != nil {
		return nil, fault(Malformed, n, "entry %d is not an entry: %v", n, o.strange)
	}
	if o.index != n {
		return nil, fault(Malformed, n, "entry %d calls itself entry %d", n, o.index)
	}
	return added, c.compare(head)
}

// compare holds the log against the older checkpoints of its present size.
func (c *chain) compare(head tlog.Tree) *Fault {
	for len(c.older) > 0 && c.older[0].N <= head.N {
		older := c.older[0]
		if older.N == head.N && older.Hash != head.Hash {
			return fault(Forked, head.N-1, "the log was forked: its first %d entries are not those of the older checkpoint; one of the entries %d to %d was changed and signed again",
				older.N, c.agreed, head.N-1)
		}
		c.agreed, c.older = older.N, c.older[1:]
	}
	return nil
}

// end checks that the log is as long as its checkpoint says.
func (c *chain) end(checkpoint []byte) (Report, *Fault) {
	n := c.tree.size
	signed, err := open(checkpoint, c.verifier, checkpointLine)
	if err != nil {
		return Report{}, fault(Changed, n, "the checkpoint after entry %d was changed: it is not one that the key has signed (%v)", n-1, err)
	}
	head, err := c.tree.head()
	if err != nil {
		return Report{}, fault(Malformed, n, "the checkpoint after entry %d: %v", n-1, err)
	}
	switch {
	case signed.N > n:
		return Report{}, fault(CutOff, n, "the log was cut off: %d entries were signed, and entry %d and those after it are missing", signed.N, n)
	case signed.N < n:
		return Report{}, fault(Changed, n, "the checkpoint was changed for an older one: it is over %d entries and follows %d", signed.N, n)
	case signed != head:
		return Report{}, fault(Forked, n-1, "the log was forked: its checkpoint is over other entries")
	}
	if f := c.compare(head); f != nil { // of an empty log
		return Report{}, f
	}
	if len(c.older) > 0 {
		return Report{}, fault(RolledBack, n, "the log was rolled back: it had %d entries when the older checkpoint was signed, and has %d now; entry %d is the first that is gone",
			c.older[len(c.older)-1].N, n, n)
	}
	return Report{Origin: c.verifier.Name(), Size: n, Root: head.Hash.String(), Checkpoint: string(checkpoint)}, nil
}
