package load

import (
	"iter"
	"strconv"
	"strings"
)

// Orders compares the keys that were confirmed with those that were kept.
type Orders struct {
	Confirmed int64 `json:"confirmed"`
	Missing   int64 `json:"missing"` // confirmed, and not kept
	Doubled   int64 `json:"doubled"` // kept more often than once
}

// key returns the key of a request.
func (g *Generator) key(number int64) string {
	return g.options.Prefix + "-" + strconv.FormatInt(number, 10)
}

// Compare reads the keys that the target kept, once they are complete, and
// tells what is missing and doubled among those of this generator.
func (g *Generator) Compare(kept iter.Seq[string]) Orders {
	g.recorder.mu.Lock()
	defer g.recorder.mu.Unlock()
	var orders Orders
	var seen bitset
	for key := range kept {
		digits, own := strings.CutPrefix(key, g.options.Prefix+"-")
		number, err := strconv.ParseInt(digits, 10, 64)
		if !own || err != nil || number < 0 || number >= g.recorder.numbers {
			continue
		}
		if seen.has(number) {
			orders.Doubled++
		}
		seen.set(number)
	}
	for number := range g.recorder.confirmed.all() {
		orders.Confirmed++
		if !seen.has(number) {
			orders.Missing++
		}
	}
	return orders
}

// bitset is a set of numbers from 0.
type bitset []uint64

func (b *bitset) set(n int64) {
	for int64(len(*b)) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

func (b bitset) has(n int64) bool { return n/64 < int64(len(b)) && b[n/64]>>(n%64)&1 == 1 }

// all returns the numbers in the set, ascending.
func (b bitset) all() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for i := range int64(len(b)) * 64 {
			if b.has(i) && !yield(i) {
				return
			}
		}
	}
}
