package analysis

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func TestNullIsHypergeometric(t *testing.T) {
	choose := func(n, k int64) float64 {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(k + 1))
		c, _ := math.Lgamma(float64(n - k + 1))
		return a - b - c
	}
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.Int64Range(0, 500).Draw(t, "n"), rapid.Int64Range(0, 500).Draw(t, "m")
		k := rapid.Int64Range(0, n+m).Draw(t, "k")
		lowest, logs := block{tally{n, min(n, k)}, tally{m, k - min(n, k)}}.null()
		if lowest+int64(len(logs))-1 != min(n, k) {
			t.Fatalf("%d values from %d on", len(logs), lowest)
		}
		for i, got := range logs {
			x := lowest + int64(i)
			if want := choose(n, x) + choose(m, k-x) - choose(n+m, k); math.Abs(got-want) > 1e-7*max(1, math.Abs(want)) {
				t.Fatalf("log P0(%d) of %d and %d with %d is %g, want %g", x, n, m, k, got, want)
			}
		}
	})
}

// With one failure in each block the likelihood ratio has a closed form: r over
// 1 - s + s r where the candidate failed, 1 over it where stable did.
func TestCapitalOfSingleFailures(t *testing.T) {
	const share = 0.05
	c := newCapital(share)
	for range 3 {
		c.bet(block{tally{5, 1}, tally{95, 0}})
	}
	c.bet(block{tally{5, 0}, tally{95, 1}})
	want := 0.0
	for _, l := range newCapital(share).ratios {
		r := math.Exp(l)
		want += r * r * r / math.Pow(1-share+share*r, 4) / gridSize
	}
	if got := math.Exp(c.log()); math.Abs(got/want-1) > 1e-9 {
		t.Errorf("the e-value is %g, want %g", got, want)
	}
}

// Under the null a block is a fair bet: over all ways to deal its failures, the
// expected capital is what it was.
func TestBetsAreFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.Int64Range(0, 60).Draw(t, "n"), rapid.Int64Range(0, 60).Draw(t, "m")
		k := rapid.Int64Range(0, n+m).Draw(t, "k")
		share := rapid.Float64Range(0.001, 0.999).Draw(t, "share")
		lowest, null := block{tally{n, min(n, k)}, tally{m, k - min(n, k)}}.null()
		mean := 0.0
		for i, p := range null {
			x := lowest + int64(i)
			c := newCapital(share)
			c.bet(block{tally{n, x}, tally{m, k - x}})
			mean += math.Exp(p + c.log())
		}
		if math.Abs(mean-1) > 1e-9 {
			t.Fatalf("the expected capital is %g", mean)
		}
	})
}

func TestWeightsSumToOne(t *testing.T) {
	sum, stages := 0.0, 10_000
	for i := range stages {
		sum += weight(i)
	}
	if rest := 0.1 / float64(stages); sum > 1+1e-12 || sum < 1-2*rest {
		t.Errorf("the weights of %d stages sum to %g", stages, sum)
	}
}

// A release that fails as one that serves alone, or that fails together with
// the other, proves nothing.
func TestNoEvidence(t *testing.T) {
	for name, b := range map[string]block{
		"nothing to compare with":  {candidate: tally{1000, 500}},
		"nothing of the candidate": {stable: tally{1000, 500}},
		"all fail":                 {candidate: tally{50, 50}, stable: tally{950, 950}},
		"none fails":               {candidate: tally{50, 0}, stable: tally{950, 0}},
	} {
		h := newHarm()
		for i := range 100 {
			h.observe(b, start.Add(time.Duration(i)*time.Second))
		}
		h.end()
		if h.log > 1e-9 {
			t.Errorf("%s: e-value %g", name, math.Exp(h.log))
		}
	}
}

// The failures of a release that was well in the first stage are found soon in
// the second, whatever credit it had.
func TestAStageDoesNotLiveOnCredit(t *testing.T) {
	h, at := newHarm(), start
	for range 20_000 { // the candidate has none of the failures
		at = at.Add(10 * time.Millisecond)
		h.observe(block{tally{1, 0}, tally{19, 1}}, at)
	}
	if h.log > math.Log(0.2) {
		t.Fatalf("e-value %g of a candidate that is better", math.Exp(h.log))
	}
	h.stage()
	for range 5 {
		h.observe(block{tally{5, 3}, tally{15, 0}}, at)
	}
	if h.log < math.Log(100) {
		t.Errorf("15 failures of 25 gave an e-value of %g", math.Exp(h.log))
	}
}

// A block without a failure is not kept open for ever, so that a failure is not
// set against requests of another time.
func TestBlocksReachBackSoFar(t *testing.T) {
	h, at := newHarm(), start
	for range 100_000 {
		at = at.Add(10 * time.Millisecond)
		h.observe(block{tally{1, 0}, tally{1, 0}}, at)
	}
	open := h.old.plus(h.young).requests()
	if limit := int64(2*reach*2*fewest) + 4; open > limit || open < limit/2-8 {
		t.Errorf("%d requests are in the open block, want at most %d", open, limit)
	}
}
