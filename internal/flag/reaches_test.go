package flag

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
)

// A range ends exactly where flagd's next bucket begins.
func TestReaches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(1, davit.MaxFlagWeight/9), 1, 9).Draw(t, "weights")
		var shares []davit.FlagShare
		total := 0
		for _, w := range weights {
			shares = append(shares, davit.FlagShare{Weight: w})
			total += w
		}
		bucket := func(hash uint64) int { return int(hash * uint64(total) >> 32) }
		sum := 0
		for i, r := range reaches(shares, total, func(string) *variant { return nil }) {
			sum += weights[i]
			if bucket(r.end-1) >= sum || bucket(r.end) < sum {
				t.Fatalf("range %d of %v ends at hash %d, in buckets %d and %d, want the first of bucket %d", i, weights, r.end, bucket(r.end-1), bucket(r.end), sum)
			}
		}
	})
}
