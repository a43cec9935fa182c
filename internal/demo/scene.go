package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/load"
)

// ending is how a scene should end.
type ending string

const (
	promoted   ending = "promoted"
	refused    ending = "refused"     // hauled back without ever having served a request
	hauledBack ending = "hauled back" // after having failed under traffic
)

// scene is one deployment of the demo.
type scene struct {
	title    string
	strategy Strategy
	version  string
	want     ending
}

func scenes() []scene {
	return []scene{
		{"blue-green", BlueGreen, "v2", promoted},
		{"canary", Canary, "v3", promoted},
		{"rolling", Rolling, "v4", promoted},
		{"never ready", impatient, "v5-never-ready", refused},
		{"fails under traffic", Canary, "v5-failing", hauledBack},
	}
}

// settled is how many requests are watched after each scene, to see that the
// release that lost serves nobody any more.
const settled = 300

// Result is what was measured in one scene.
type Result struct {
	Title   string `json:"title"`
	Version string `json:"version"`
	Ending  string `json:"ending"` // "promoted", "refused", "hauled back", or the rollout's phase
	// Cause says why a release was refused or hauled back.
	Cause string `json:"cause,omitempty"`

	Sent int64 `json:"sent"`
	// Lost requests got no proper answer. The wrong answers that a bad release
	// gave itself before it was hauled back are Bad, and not among them.
	Lost       map[load.Kind]int64 `json:"lost,omitempty"`
	LostCount  int64               `json:"lostCount"`
	Bad        int64               `json:"bad"`
	LongestGap davit.Duration      `json:"longestGap"`
	P99        davit.Duration      `json:"p99"`

	// Switched is the time from the command to the last answer of the release
	// before, HauledBack that from the first bad answer until the router had
	// all traffic on the stable release and the bad one gave its last answer.
	Switched   davit.Duration `json:"switched,omitempty"`
	HauledBack davit.Duration `json:"hauledBack,omitempty"`
	// Took is how long the command took.
	Took davit.Duration `json:"took"`

	// Problems say what was not as it should be.
	Problems []string `json:"problems,omitempty"`
	// Behind is set when the load generator did not keep its rate.
	Behind bool `json:"behind,omitempty"`
}

// play deploys under traffic and judges what happened.
func (r *Rig) play(ctx context.Context, t *Traffic, s scene, before string) (Result, error) {
	mark := t.Mark()
	d, err := r.Deploy(ctx, s.strategy, s.version)
	if err != nil {
		return Result{}, err
	}
	// What is in flight when the command ends may still be of the loser.
	if err := t.Settle(ctx, settled/10); err != nil {
		return Result{}, err
	}
	decided := t.Snapshot()
	if err := t.Settle(ctx, settled); err != nil {
		return Result{}, err
	}
	all := t.Snapshot()
	result := measure(s, d, all.Since(mark), before)
	loser := before
	if s.want != promoted {
		loser = s.version
	}
	if late := all.Since(decided).Releases[loser]; late.Answered+late.Failed > 0 {
		result.problem("%s answered %d requests after it was over", loser, late.Answered+late.Failed)
	}
	return result, nil
}

// measure judges a scene by what came of its requests.
func measure(s scene, d *Deployment, window load.Snapshot, before string) Result {
	candidate := window.Releases[s.version]
	result := Result{
		Title: s.title, Version: s.version, Ending: outcome(d, candidate), Cause: d.Rollout.Cause,
		Sent: window.Sent, Lost: window.Lost, LostCount: window.TotalLost(),
		LongestGap: davit.Duration(window.LongestGap), P99: davit.Duration(window.Latency.Quantile(0.99)),
		Took: davit.Duration(d.Ended.Sub(d.Began)), Behind: window.Behind(),
	}
	switch s.want {
	case promoted:
		result.Switched = span(d.Began, window.Releases[before].Last)
		if candidate.Answered == 0 {
			result.problem("%s answered nothing", s.version)
		}
	case hauledBack:
		result.Bad = candidate.Failed
		result.LostCount -= candidate.Failed
		result.HauledBack = span(candidate.FirstFailed, later(candidate.Last, d.BackAt()))
	}
	if result.Ending != string(s.want) {
		result.problem("%s should have been %s, and is %s (exit code %d): %s%s", s.version, s.want, result.Ending, d.Exit, d.Rollout.Cause, d.Stderr)
	}
	if result.LostCount > 0 {
		result.problem("%d requests were lost: %v", result.LostCount, window.Lost)
		for _, sample := range window.Samples {
			if sample.Release != s.version || s.want != hauledBack {
				result.problem("lost at %s: %s by %q: %s", sample.At.Format(time.TimeOnly), sample.Request, sample.Release, sample.Detail)
			}
		}
	}
	return result
}

// outcome names how a deployment ended.
func outcome(d *Deployment, candidate load.Release) string {
	switch {
	case d.Exit == exitPromoted:
		return string(promoted)
	case d.Exit == exitHauledBack && candidate.Answered+candidate.Failed == 0:
		return string(refused)
	case d.Exit == exitHauledBack:
		return string(hauledBack)
	}
	return string(d.Rollout.Phase)
}

// span returns the time between two moments, 0 when one is not known.
func span(from, to time.Time) davit.Duration {
	if from.IsZero() || to.IsZero() {
		return 0
	}
	return davit.Duration(max(to.Sub(from), 0))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (r *Result) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}
