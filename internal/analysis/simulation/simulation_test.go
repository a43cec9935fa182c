package simulation

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/davit-dev/davit/internal/analysis"
)

func options() analysis.Options {
	return analysis.Options{Alpha: 0.01, PassAlpha: 0.05, MinRequests: 100, Metrics: []analysis.Metric{{Name: "errors", Margin: 0.005}}}
}

// Looked at after every request, with and without bursts and autocorrelation, at
// most alpha of the rollouts of identical releases are hauled back.
func TestFalseAlarms(t *testing.T) {
	const rollouts = 100
	// Alpha, and three standard deviations that so few leave to chance.
	most := rollouts*options().Alpha + 3*math.Sqrt(rollouts*options().Alpha)
	for _, w := range Alike() {
		t.Run(w.Name, func(t *testing.T) {
			results, err := Many(t.Context(), w, options(), false, rollouts, 1)
			if err != nil {
				t.Fatal(err)
			}
			if n := hauledBack(results); float64(n) > most {
				t.Errorf("%d of %d were hauled back, want at most %.0f", n, rollouts, most)
			}
		})
	}
}

// What the sample is for: when every retry of a user counts, who by chance was
// dealt to the candidate raises false alarms.
func TestRetriesThatAllCountRaiseFalseAlarms(t *testing.T) {
	const rollouts = 100
	w := Alike()[5]
	w.Unthinned = true
	results, err := Many(t.Context(), w, options(), false, rollouts, 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := hauledBack(results); w.Retries == 0 || n < rollouts/10 {
		t.Errorf("%d of %d were hauled back in %q: is the sample needed?", n, rollouts, w.Name)
	}
}

// The check above can fail: of releases that are not alike nearly all are.
func TestHarmIsFoundInTime(t *testing.T) {
	for _, test := range []struct {
		rate float64
		most time.Duration
	}{{0.05, 11 * time.Second}, {0.5, time.Second}} {
		w := World{Rate: 100, Stages: []Stage{{0.05, 5 * time.Minute}}, Stable: 0.001, Candidate: test.rate}
		results, err := Many(t.Context(), w, options(), false, 301, 1)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(results, func(a, b Result) int { return int(a.Took - b.Took) })
		if median := results[len(results)/2].Took; hauledBack(results) != len(results) || median > test.most {
			t.Errorf("errors of %g: %d of %d found, after %s (median), want %s", test.rate, hauledBack(results), len(results), median, test.most)
		}
	}
}

// A release that is no worse need not wait; one that is worse by the margin is not
// let through more often than it may.
func TestEarlyPasses(t *testing.T) {
	w := World{Rate: 100, Stages: []Stage{{0.05, 10 * time.Minute}}, Stable: 0.001, Candidate: 0.001}
	results, err := Many(t.Context(), w, options(), true, 40, 1)
	if err != nil {
		t.Fatal(err)
	}
	var took time.Duration
	for _, r := range results {
		took += r.Took / time.Duration(len(results))
	}
	if took > 8*time.Minute {
		t.Errorf("an equal release takes %s of 10m on average", took)
	}
	w.Candidate = 0.0061
	if results, err = Many(t.Context(), w, options(), true, 40, 1); err != nil {
		t.Fatal(err)
	}
	early := 0
	for _, r := range results {
		if r.Promoted && r.Took < 9*time.Minute+50*time.Second {
			early++
		}
	}
	// 5% may be, and chance adds to so few.
	if early > 4 {
		t.Errorf("%d of 40 that are worse by more than the margin were let through early", early)
	}
}

func hauledBack(results []Result) int {
	n := 0
	for _, r := range results {
		if r.HauledBack {
			n++
		}
	}
	return n
}
