package engine

import (
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// A gate that may end the bake does when it has passed, and all of its kind;
// it does not end a watch, and it is waited for itself.
func TestAGateMayEndTheBake(t *testing.T) {
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	ending := func(name string) davit.Gate { return davit.Gate{Name: name, Kind: "some", EndsBake: true} }
	gates := []davit.Gate{ending("a"), ending("b"), davit.Bake(time.Hour), {Name: "timed", Kind: "other", Takes: davit.Duration(time.Minute)}}
	for name, test := range map[string]struct {
		passed []string
		watch  bool
		want   move
	}{
		"none has passed":      {[]string{"timed"}, false, stay},
		"one has":              {[]string{"timed", "a"}, false, stay},
		"both have":            {[]string{"timed", "a", "b"}, false, advance},
		"but another is timed": {[]string{"a", "b"}, false, stay},
		"in a watch":           {[]string{"timed", "a", "b"}, true, stay},
		"the bake is over":     {[]string{"timed", "bake"}, false, stay},
	} {
		r := &davit.Rollout{Phase: davit.Running, StartedAt: now, HeldAt: now, Plan: davit.Plan{
			Patience: davit.Duration(time.Hour), Stages: []davit.Stage{{Name: "canary", Gates: gates, Watch: test.watch}},
		}}
		for _, gate := range test.passed {
			r.Verdicts = append(r.Verdicts, davit.Verdict{Gate: gate, Outcome: davit.Pass})
		}
		if got := decide(r, progress{reached: true}, now.Add(time.Minute)); got.move != test.want {
			t.Errorf("%s: the move is %d, want %d", name, got.move, test.want)
		}
	}
}

// A deadline that passes says what the stage waited for, as far as that is known.
func TestADeadlineSaysWhatWasMissing(t *testing.T) {
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	r := &davit.Rollout{Phase: davit.Running, StartedAt: now, Step: davit.StepReady, Plan: davit.Plan{
		Deadline: davit.Duration(time.Minute), Stages: []davit.Stage{{Name: "canary", Gates: []davit.Gate{{Name: "errors", Kind: "errors"}}}},
	}}
	for _, test := range []struct {
		progress progress
		want     string
	}{
		{progress{}, "at step ready"},
		{progress{lacks: "web of v2 (web-1) is starting: 503"}, "at step ready: web of v2 (web-1) is starting: 503"},
		{progress{reached: true, lacks: "of before"}, "waiting for errors (no answer yet)"},
	} {
		want := `the deadline of 1m0s passed in stage "canary", ` + test.want
		if got := decide(r, test.progress, now.Add(time.Minute)); got.move != haulBack || got.cause != want {
			t.Errorf("%+v: move %d for %q, want %q", test.progress, got.move, got.cause, want)
		}
	}
}
