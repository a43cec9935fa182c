package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// frontier is the right edge of a growing tree: the roots of its full subtrees,
// one at most a level. It is all that appending and the root need.
type frontier struct {
	size  int64
	roots [64]tlog.Hash // by level; there is one where size has a bit
}

// load reads the frontier of a tree of size leaves.
func load(size int64, hashes tlog.HashReader) (*frontier, error) {
	f := &frontier{size: size}
	var levels []int
	var indexes []int64
	for level := 62; level >= 0; level-- {
		if size>>level&1 == 1 {
			levels = append(levels, level)
			indexes = append(indexes, tlog.StoredHashIndex(level, size>>level-1))
		}
	}
	roots, err := hashes.ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	for i, level := range levels {
		f.roots[level] = roots[i]
	}
	return f, nil
}

// append adds a leaf and returns the hashes that it completes: its own, then
// those of ever larger subtrees.
func (f *frontier) append(leaf []byte) ([]tlog.Hash, error) {
	added, err := tlog.StoredHashes(f.size, leaf, f)
	if err != nil {
		return nil, fmt.Errorf("growing the tree: %w", err)
	}
	f.size++
	f.roots[len(added)-1] = added[len(added)-1]
	return added, nil
}

// head returns the tree's size and root.
func (f *frontier) head() (tlog.Tree, error) {
	root, err := tlog.TreeHash(f.size, f)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("computing the root: %w", err)
	}
	return tlog.Tree{N: f.size, Hash: root}, nil
}

// ReadHashes implements tlog.HashReader for the hashes of the frontier.
func (f *frontier) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		if n != f.size>>level-1 || f.size>>level&1 == 0 {
			return nil, fmt.Errorf("hash %d of level %d is not on the edge of a tree of %d", n, level, f.size)
		}
		hashes[i] = f.roots[level]
	}
	return hashes, nil
}
