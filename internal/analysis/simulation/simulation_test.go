package simulation

import (
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
	for _, w := range Alike() {
		t.Run(w.Name, func(t *testing.T) {
			results, err := Many(t.Context(), w, options(), false, rollouts, 1)
			if err != nil {
				t.Fatal(err)
			}
			if n := hauledBack(results); n > rollouts/100 {
				t.Errorf("%d of %d were hauled back", n, rollouts)
			}
		})
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
	results, err := Many(t.Context(), w, options(), true, 60, 1)
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
	if results, err = Many(t.Context(), w, options(), true, 60, 1); err != nil {
		t.Fatal(err)
	}
	early := 0
	for _, r := range results {
		if r.Promoted && r.Took < 9*time.Minute+59*time.Second {
			early++
		}
	}
	if early > 3 {
		t.Errorf("%d of 60 that are worse by more than the margin were let through early", early)
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
