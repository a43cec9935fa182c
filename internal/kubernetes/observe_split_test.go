package kubernetes

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
)

// dealt returns the releases of answers by a split.
func dealt(random *rand.Rand, split davit.Split) func() davit.ReleaseID {
	return func() davit.ReleaseID {
		at := random.IntN(davit.Whole)
		for _, id := range []davit.ReleaseID{"a", "b"} {
			if at -= split[id]; at < 0 {
				return id
			}
		}
		return ""
	}
}

// between is the split that gives b so many thousandths.
func between(b int) davit.Split {
	split := davit.Split{}
	if b > 0 {
		split["b"] = b
	}
	if b < davit.Whole {
		split["a"] = davit.Whole - b
	}
	return split
}

// run looks at answers of one split, then of another, until the test is decided.
func run(test *splitTest, before func() davit.ReleaseID, change int, after func() davit.ReleaseID) bool {
	for n := range maxAnswers {
		if n < change {
			test.add(before())
		} else {
			test.add(after())
		}
		if test.shown() {
			return true
		}
	}
	return test.likely()
}

// The split that was in effect before is hardly ever taken for the new one, as long
// as it stays in effect; by the promise once in a hundred times, and the bound is
// not tight.
func TestSplitTestIsNotDeceived(t *testing.T) {
	const runs = 400
	for _, c := range []struct{ before, wanted int }{{0, 10}, {10, 20}, {50, 100}, {100, 50}, {250, 500}, {500, 450}, {950, 1000}, {1000, 0}, {500, 1000}, {20, 0}} {
		random := rand.New(rand.NewPCG(1, uint64(c.before*1001+c.wanted)))
		deceived := 0
		for range runs {
			answers := dealt(random, between(c.before))
			if run(newSplitTest(between(c.wanted), between(c.before)), answers, 0, answers) {
				deceived++
			}
		}
		if deceived > runs*2*mistrust {
			t.Errorf("%d while %d is in effect: deceived %d times of %d", c.wanted, c.before, deceived, runs)
		}
	}
}

// A split that comes into effect some time after the first answers is seen.
func TestSplitTestSees(t *testing.T) {
	const runs = 100
	for _, c := range []struct{ before, wanted, within int }{
		{0, 50, 2000}, {50, 250, 900}, {250, 500, 600}, {500, 1000, 450}, {1000, 0, 450}, {50, 0, 450}, {0, 1000, 450}, {0, 10, maxAnswers},
	} {
		random := rand.New(rand.NewPCG(2, uint64(c.before*1001+c.wanted)))
		seen := 0
		for range runs {
			test := newSplitTest(between(c.wanted), between(c.before))
			if run(test, dealt(random, between(c.before)), 200, dealt(random, between(c.wanted))) && test.known <= c.within {
				seen++
			}
		}
		if seen < runs*95/100 {
			t.Errorf("%d after %d: seen %d times of %d within %d answers", c.wanted, c.before, seen, runs, c.within)
		}
	}
}

// A Gateway that deals by another split than it was asked for is found out.
func TestSplitTestFindsWrongWeights(t *testing.T) {
	const runs = 100
	for _, c := range []struct{ before, wanted, real int }{{0, 50, 500}, {0, 100, 250}, {500, 250, 600}, {0, 500, 900}, {500, 1000, 900}} {
		random := rand.New(rand.NewPCG(3, uint64(c.before*1001+c.wanted)))
		wrong := 0
		for range runs {
			answers := dealt(random, between(c.real))
			if run(newSplitTest(between(c.wanted), between(c.before)), answers, 0, answers) {
				wrong++
			}
		}
		if wrong > 2 {
			t.Errorf("%d instead of %d is taken for it %d times of %d", c.real, c.wanted, wrong, runs)
		}
	}
}

// All or nothing is shown only when the last answers are all, or none, of a
// release; and strangers count for nothing.
func TestSplitTestOfAllOrNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		test := newSplitTest(davit.All("b"), between(rapid.IntRange(0, 999).Draw(t, "before")))
		row := 0
		for range rapid.IntRange(1, 1500).Draw(t, "answers") {
			switch rapid.IntRange(0, 300).Draw(t, "answer") {
			case 0:
				test.add("a")
				row = 0
			case 1:
				test.add("")
			default:
				test.add("b")
				row++
			}
			const fewest = 230 // ln(maxAnswers/mistrust) / -ln(1-stray)
			if test.shown() != (row >= fewest) && (row < fewest || row > fewest+1300) {
				t.Fatalf("shown is %t after %d of b in a row", test.shown(), row)
			}
		}
	})
}
