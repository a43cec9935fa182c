package analysis

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// With one exponent and no event the bound is where (1-p+p exp(-l))^-n is 1/a;
// a mixture is between the best of them and that with its weight.
func TestUpperBoundWithoutEvents(t *testing.T) {
	const a = 0.025
	for _, n := range []int64{10, 100, 10_000} {
		high := RateInterval(n, 0, a).High
		best := -math.Expm1(math.Log(a) / float64(n)) // l without end: (1-p)^-n
		if high < best || high > 2*best+0.2/float64(n) {
			t.Errorf("after %d requests without an event the rate is at most %g; the best bet has %g", n, high, best)
		}
	}
}

func TestIntervalHoldsTheRateAndIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1_000_000).Draw(t, "n")
		s := rapid.Int64Range(0, n).Draw(t, "s")
		i, mirrored := RateInterval(n, s, 0.025), RateInterval(n, n-s, 0.025)
		rate := float64(s) / float64(n)
		if !(0 <= i.Low && i.Low <= rate && rate <= i.High && i.High <= 1) {
			t.Fatalf("%d of %d: %+v", s, n, i)
		}
		if math.Abs(i.Low-(1-mirrored.High)) > 1e-9 || math.Abs(i.High-(1-mirrored.Low)) > 1e-9 {
			t.Fatalf("%d of %d is %+v, the rest is %+v", s, n, i, mirrored)
		}
	})
}

func TestIntervalWithoutRequests(t *testing.T) {
	if i := RateInterval(0, 0, 0.05); i.Low != 0 || i.High != 1 {
		t.Errorf("%+v", i)
	}
}

// Looked at all the time, with a rate that wanders, an end is beyond the mean rate
// in no more runs than it may be.
func TestIntervalCoversAtEveryLook(t *testing.T) {
	const runs, requests, a = 200, 2000, 0.05
	rng := rand.New(rand.NewPCG(4, 2))
	low, high := 0, 0
	for range runs {
		sum, events, above, below := 0.0, int64(0), false, false
		for n := int64(1); n <= requests; n++ {
			p := 0.02 * (1 + math.Sin(float64(n)/200))
			sum += p
			if rng.Float64() < p {
				events++
			}
			if n%50 == 0 || n < 20 {
				i, mean := RateInterval(n, events, a), sum/float64(n)
				below, above = below || mean < i.Low, above || mean > i.High
			}
		}
		if below {
			low++
		}
		if above {
			high++
		}
	}
	if limit := int(a * runs); low > limit || high > limit {
		t.Errorf("of %d runs the mean was below the interval in %d and above it in %d; at most %d may be", runs, low, high, limit)
	}
}
