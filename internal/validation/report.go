package validation

import (
	"time"

	"github.com/davit-dev/davit"
)

// Outcome is how a check ended.
type Outcome string

// The outcomes of a check.
const (
	Passed       Outcome = "pass"
	Failed       Outcome = "fail"
	Skipped      Outcome = "skipped"      // it does not apply; its reason says why
	Inconclusive Outcome = "inconclusive" // it could not be told, through no fault of the application
)

// Result is what one check found.
type Result struct {
	ID       string         `json:"id"`
	Category Category       `json:"category"`
	Severity davit.Severity `json:"severity"`
	Outcome  Outcome        `json:"outcome"`
	Reason   string         `json:"reason"` // one sentence
	Proves   string         `json:"proves"`
	Hint     string         `json:"hint,omitempty"` // of one that failed
	Evidence []Evidence     `json:"evidence,omitempty"`
	Tries    int            `json:"tries"`
	Took     davit.Duration `json:"took"`
}

// Report is what a suite found, in the order of the checks.
type Report struct {
	Target  string         `json:"target"`
	Version string         `json:"version,omitempty"` // that should answer
	At      time.Time      `json:"at"`
	Took    davit.Duration `json:"took"`
	Counts  Counts         `json:"counts"`
	Results []Result       `json:"results"`
}

// Counts counts the results of a report.
type Counts struct {
	Passed       int `json:"passed"`
	Failed       int `json:"failed"` // all of them
	Required     int `json:"failedRequired"`
	Skipped      int `json:"skipped"`
	Inconclusive int `json:"inconclusive"`
}

func (r *Report) count() {
	r.Counts = Counts{}
	for _, result := range r.Results {
		switch result.Outcome {
		case Passed:
			r.Counts.Passed++
		case Failed:
			r.Counts.Failed++
			if result.Severity == davit.Required {
				r.Counts.Required++
			}
		case Skipped:
			r.Counts.Skipped++
		case Inconclusive:
			r.Counts.Inconclusive++
		}
	}
}

// Verdict returns what the report means for a release: a required check that
// failed fails it; nothing that passed, or a required check that could not be
// told, is no evidence.
func (r *Report) Verdict() davit.Outcome {
	for _, result := range r.Results {
		if result.Outcome == Failed && result.Severity == davit.Required {
			return davit.Fail
		}
	}
	for _, result := range r.Results {
		if result.Outcome == Inconclusive && result.Severity == davit.Required {
			return davit.Inconclusive
		}
	}
	if r.Counts.Passed == 0 {
		return davit.Inconclusive
	}
	return davit.Pass
}
