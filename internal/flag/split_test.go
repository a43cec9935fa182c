package flag_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// split compiles a flag of a key that splits by targeting key alone.
func split(t testing.TB, key string, shares ...davit.FlagShare) *flag.Snapshot {
	t.Helper()
	f := davit.Flag{
		Key: key, Type: davit.FlagString,
		Environments: map[string]davit.FlagSettings{"production": {
			Enabled: true, Default: davit.FlagServe{Split: &davit.FlagSplit{Shares: shares}},
		}},
	}
	for _, s := range shares {
		if f.Variant(s.Variant) == nil {
			f.Variants = append(f.Variants, davit.FlagVariant{Name: s.Variant, Value: json.RawMessage(`"` + s.Variant + `"`)})
		}
	}
	return compile(t, []davit.Flag{f})
}

// user makes a context of a targeting key alone.
func user(t testing.TB, key string) *flag.Context {
	t.Helper()
	ctx, err := flag.NewContext(map[string]any{"targetingKey": key}, at)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// reference is the 32-bit murmur3 of a text with seed 0, written as plainly as it
// is published.
func reference(text string) uint32 {
	var h uint32
	rotl := func(x uint32, r int) uint32 { return x<<r | x>>(32-r) }
	for i := 0; i < len(text); i += 4 {
		var k uint32
		for j := range min(4, len(text)-i) {
			k |= uint32(text[i+j]) << (8 * j)
		}
		h ^= rotl(k*0xcc9e2d51, 15) * 0x1b873593
		if i+4 <= len(text) {
			h = rotl(h, 13)*5 + 0xe6546b64
		}
	}
	h ^= uint32(len(text))
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

func TestReference(t *testing.T) {
	for text, want := range map[string]uint32{"": 0, "a": 0x3c2569b2, "abc": 0xb3dd93fa, "Hello, world!": 0xc0363e43, "The quick brown fox jumps over the lazy dog": 0x2e4ff723} {
		if got := reference(text); got != want {
			t.Errorf("%q: %#x, want %#x", text, got, want)
		}
	}
}

// A user is in the bucket that flagd's fractional has for the flag's key and the
// targeting key, whatever the weights.
func TestSplitAsFractional(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		key := rapid.StringMatching(`[a-z0-9.-]{1,9}`).Draw(rt, "key")
		weights := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(0, davit.MaxFlagWeight/8)), 2, 8).Draw(rt, "weights")
		weights = append(weights, 1)
		total := 0
		var shares []davit.FlagShare
		for i, w := range weights {
			total += w
			shares = append(shares, davit.FlagShare{Variant: fmt.Sprintf("v%d", i), Weight: w})
		}
		s := split(t, key, shares...)
		for range 50 {
			who := rapid.String().Filter(func(s string) bool { return s != "" }).Draw(rt, "user")
			bucket := int(uint64(reference(key+who)) * uint64(total) >> 32)
			want, sum := "", 0
			for i, w := range weights {
				if sum += w; sum > bucket {
					want = fmt.Sprintf("v%d", i)
					break
				}
			}
			if got := s.Evaluate(key, user(t, who)); got.Variant != want {
				rt.Fatalf("%q of %q gets %s, want %s: %v", who, key, got.Variant, want, weights)
			}
		}
	})
}

// Raising a percentage, in steps down to 0.001 %, only adds users, and lowering it
// only removes some.
func TestSplitIsMonotone(t *testing.T) {
	const users = 20_000
	who := make([]*flag.Context, users)
	for i := range who {
		who[i] = user(t, fmt.Sprintf("user-%d", i))
	}
	rapid.Check(t, func(rt *rapid.T) {
		before := rapid.IntRange(1, davit.FlagWhole-1).Draw(rt, "before")
		after := min(davit.FlagWhole, before+rapid.OneOf(rapid.Just(1), rapid.IntRange(1, davit.FlagWhole)).Draw(rt, "more"))
		low := davit.FlagSplit{Shares: []davit.FlagShare{{Variant: "on", Weight: before}, {Variant: "off", Weight: davit.FlagWhole - before}}}
		high, err := low.Reweigh([]davit.FlagShare{{Variant: "on", Weight: after}, {Variant: "off", Weight: davit.FlagWhole - after}})
		if err != nil {
			rt.Fatal(err)
		}
		again, err := high.Reweigh(low.Shares)
		if err != nil {
			rt.Fatal(err)
		}
		a, b, c := split(t, "f", low.Shares...), split(t, "f", high.Shares...), split(t, "f", again.Shares...)
		added := 0
		for _, ctx := range who {
			was, is := a.Evaluate("f", ctx).Variant, b.Evaluate("f", ctx).Variant
			if was == "on" && is != "on" {
				rt.Fatalf("%s is on at %d and not at %d", ctx.TargetingKey(), before, after)
			}
			if was != is {
				added++
			}
			if c.Evaluate("f", ctx).Variant != was {
				rt.Fatalf("%s is not back where it was after %d, %d and %d", ctx.TargetingKey(), before, after, before)
			}
		}
		if most := float64(after-before)/davit.FlagWhole*users + 6*math.Sqrt(users/4); float64(added) > most {
			rt.Fatalf("%d users were added between %d and %d", added, before, after)
		}
	})
}

// Renaming a variant moves nobody, and a new one takes users only for itself.
func TestSplitWithOtherVariants(t *testing.T) {
	old := davit.FlagSplit{Shares: []davit.FlagShare{{Variant: "a", Weight: 40}, {Variant: "b", Weight: 60}}}
	wider, err := old.Reweigh([]davit.FlagShare{{Variant: "a", Weight: 30}, {Variant: "b", Weight: 50}, {Variant: "c", Weight: 20}})
	if err != nil {
		t.Fatal(err)
	}
	was := split(t, "f", old.Shares...)
	renamed := split(t, "f", davit.FlagShare{Variant: "z", Weight: 40}, davit.FlagShare{Variant: "b", Weight: 60})
	is := split(t, "f", wider.Shares...)
	moved := 0
	const users = 50_000
	for i := range users {
		ctx := user(t, fmt.Sprintf("user-%d", i))
		before, now := was.Evaluate("f", ctx).Variant, is.Evaluate("f", ctx).Variant
		if other := renamed.Evaluate("f", ctx).Variant; (other == "z") != (before == "a") {
			t.Fatalf("renaming a to z moves %s from %s to %s", ctx.TargetingKey(), before, other)
		}
		if before != now {
			moved++
			if now != "c" {
				t.Fatalf("adding c moves %s from %s to %s", ctx.TargetingKey(), before, now)
			}
		}
	}
	if share := float64(moved) / users; math.Abs(share-0.2) > 0.01 {
		t.Errorf("%.4f of the users moved, want 0.2", share)
	}
}

// The hash deals a million users evenly to 1,000 buckets, and two flags
// independently of each other. With 999 degrees of freedom chi-square is above
// 1,143 once in 1,000 times; the users are the same every time, so this does not
// depend on luck.
func TestSplitIsUniform(t *testing.T) {
	const users, buckets = 1_000_000, 1000
	shares := make([]davit.FlagShare, buckets)
	for i := range shares {
		shares[i] = davit.FlagShare{Variant: fmt.Sprint(i), Weight: 1}
	}
	flags := []string{"checkout-v2", "search"}
	one, other := split(t, flags[0], shares...), split(t, flags[1], davit.FlagShare{Variant: "on", Weight: 1}, davit.FlagShare{Variant: "off", Weight: 1})
	counts, both := map[string]int{}, map[string]int{}
	for i := range users {
		ctx := user(t, fmt.Sprintf("user-%d", i))
		v := one.Evaluate(flags[0], ctx).Variant
		counts[v]++
		if other.Evaluate(flags[1], ctx).Variant == "on" {
			both[v]++
		}
	}
	chi := func(counts map[string]int, users float64) (sum float64) {
		for i := range buckets {
			off := float64(counts[fmt.Sprint(i)]) - users/buckets
			sum += off * off / (users / buckets)
		}
		return sum
	}
	on := 0
	for _, n := range both {
		on += n
	}
	for name, got := range map[string]float64{"all users": chi(counts, users), "users of another flag": chi(both, float64(on))} {
		t.Logf("chi-square of %s is %.1f", name, got)
		if got > 1143 {
			t.Errorf("chi-square of %s is %.0f with 999 degrees of freedom", name, got)
		}
	}
}

// A split that leaves nothing open does not ask for the user.
func TestSplitWithoutKey(t *testing.T) {
	whole := split(t, "f", davit.FlagShare{Variant: "on", Weight: 3}, davit.FlagShare{Variant: "off", Weight: 0})
	if got := whole.Evaluate("f", nil); got.Variant != "on" || got.Error != "" {
		t.Errorf("%+v", got)
	}
	half := split(t, "f", davit.FlagShare{Variant: "on", Weight: 1}, davit.FlagShare{Variant: "off", Weight: 1})
	if got := half.Evaluate("f", user(t, "")); got.Error != flag.TargetingKeyMissing || got.Value != nil {
		t.Errorf("%+v", got)
	}
}
