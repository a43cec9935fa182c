package davit_test

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
)

func TestReweigh(t *testing.T) {
	share := func(variant string, weight int) davit.FlagShare {
		return davit.FlagShare{Variant: variant, Weight: weight}
	}
	for name, c := range map[string]struct{ old, want, shares []davit.FlagShare }{
		"first":   {nil, []davit.FlagShare{share("on", 5), share("off", 95)}, []davit.FlagShare{share("on", 5), share("off", 95)}},
		"raise":   {[]davit.FlagShare{share("on", 5000), share("off", 95000)}, []davit.FlagShare{share("on", 1), share("off", 3)}, []davit.FlagShare{share("on", 25000), share("off", 75000)}},
		"lower":   {[]davit.FlagShare{share("on", 25), share("off", 75)}, []davit.FlagShare{share("on", 5), share("off", 95)}, []davit.FlagShare{share("on", 5000), share("off", 95000)}},
		"add":     {[]davit.FlagShare{share("a", 50), share("b", 50)}, []davit.FlagShare{share("a", 45), share("b", 45), share("c", 10)}, []davit.FlagShare{share("a", 45000), share("c", 5000), share("b", 45000), share("c", 5000)}},
		"remove":  {[]davit.FlagShare{share("a", 50), share("b", 50)}, []davit.FlagShare{share("b", 1)}, []davit.FlagShare{share("b", 100000)}},
		"thirds":  {[]davit.FlagShare{share("a", 1), share("b", 1), share("c", 1)}, []davit.FlagShare{share("a", 1), share("b", 1), share("c", 1)}, []davit.FlagShare{share("a", 1), share("b", 1), share("c", 1)}},
		"reorder": {[]davit.FlagShare{share("a", 30), share("b", 70)}, []davit.FlagShare{share("b", 70), share("a", 30)}, []davit.FlagShare{share("a", 30000), share("b", 70000)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := davit.FlagSplit{Shares: c.old}.Reweigh(c.want)
			if err != nil || !slices.Equal(got.Shares, c.shares) {
				t.Errorf("%v, %v, want %v", got.Shares, err, c.shares)
			}
		})
	}
	for _, wrong := range [][]davit.FlagShare{nil, {share("on", 0)}, {share("on", -1), share("off", 2)}, {share("on", davit.MaxFlagWeight), share("off", 1)}} {
		if _, err := (davit.FlagSplit{}).Reweigh(wrong); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%v: %v", wrong, err)
		}
	}
}

// Reweigh gives every variant what was asked for, and moves no more users than the
// shrinking variants have to give up.
func TestReweighMovesTheFewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		split := davit.FlagSplit{Shares: drawShares(t, "old")}
		for step := range rapid.IntRange(1, 6).Draw(t, "steps") {
			want := drawShares(t, fmt.Sprintf("want %d", step))
			next, err := split.Reweigh(want)
			if err != nil {
				t.Fatal(err)
			}
			before, after, asked := parts(split.Shares), parts(next.Shares), parts(want)
			least := new(big.Rat)
			for variant, had := range before {
				if less := new(big.Rat).Sub(had, part(asked, variant)); less.Sign() > 0 {
					least.Add(least, less)
				}
			}
			for variant := range asked {
				if part(after, variant).Cmp(part(asked, variant)) != 0 {
					t.Fatalf("%v from %v: %s has %v, want %v", next.Shares, split.Shares, variant, part(after, variant), part(asked, variant))
				}
			}
			if moved := moved(split.Shares, next.Shares); moved.Cmp(least) != 0 {
				t.Fatalf("%v to %v moves %v of the users, and %v would do", split.Shares, next.Shares, moved, least)
			}
			split = next
		}
	})
}

// drawShares draws weights that sum to 100 or 1000, so that every step can be
// said exactly.
func drawShares(t *rapid.T, label string) []davit.FlagShare {
	variants := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 6).Draw(t, label+" variants")
	left := rapid.SampledFrom([]int{100, 1000}).Draw(t, label+" whole")
	var shares []davit.FlagShare
	for i, v := range variants {
		weight := left
		if i < len(variants)-1 {
			weight = rapid.IntRange(0, left).Draw(t, label+" weight")
		}
		shares = append(shares, davit.FlagShare{Variant: v, Weight: weight})
		left -= weight
	}
	return shares
}

func parts(shares []davit.FlagShare) map[string]*big.Rat {
	total := int64(davit.FlagSplit{Shares: shares}.Total())
	made := map[string]*big.Rat{}
	for _, s := range shares {
		made[s.Variant] = new(big.Rat).Add(part(made, s.Variant), big.NewRat(int64(s.Weight), total))
	}
	return made
}

func part(parts map[string]*big.Rat, variant string) *big.Rat {
	if p := parts[variant]; p != nil {
		return p
	}
	return new(big.Rat)
}

// moved returns the part of the users that get another variant.
func moved(before, after []davit.FlagShare) *big.Rat {
	scaleB, scaleA := int64(davit.FlagSplit{Shares: after}.Total()), int64(davit.FlagSplit{Shares: before}.Total())
	i, j, sum := 0, 0, int64(0)
	leftB, leftA := int64(before[0].Weight)*scaleB, int64(after[0].Weight)*scaleA
	for {
		step := min(leftB, leftA)
		if before[i].Variant != after[j].Variant {
			sum += step
		}
		for leftB -= step; leftB == 0; leftB = int64(before[i].Weight) * scaleB {
			if i++; i == len(before) {
				return big.NewRat(sum, scaleA*scaleB)
			}
		}
		for leftA -= step; leftA == 0; leftA = int64(after[j].Weight) * scaleA {
			j++
		}
	}
}
