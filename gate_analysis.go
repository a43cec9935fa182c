package davit

import (
	"fmt"
	"strings"
)

// GateAnalysis is the kind of gate that compares the candidate with stable while
// both serve.
const GateAnalysis = "analysis"

// AnalysisParams are the parameters of an analysis gate.
type AnalysisParams struct {
	// Alpha bounds the chance that a candidate that is no worse than stable is
	// hauled back, over the whole rollout; PassAlpha, for each stage, that one
	// that is worse by more than a margin passes before the bake time is over.
	Alpha     float64 `json:"alpha"`
	PassAlpha float64 `json:"passAlpha"`
	// MinRequests is how many requests of the candidate it takes to pass.
	MinRequests int64  `json:"minRequests"`
	Service     string `json:"service,omitempty"` // "" all of them together

	Errors  AnalysisMetric    `json:"errors"`
	Latency []AnalysisLatency `json:"latency,omitempty"`
	Guards  AnalysisGuards    `json:"guards"`

	// Early ends the stage's bake time when the candidate is shown not to be
	// worse. Otherwise the stage takes its time.
	Early bool `json:"early,omitempty"`
	// DryRun has everything measured and reported, and nothing hauled back or held.
	DryRun bool `json:"dryRun,omitempty"`

	Source    AnalysisSource    `json:"source"`
	Synthetic AnalysisSynthetic `json:"synthetic,omitzero"`
}

// AnalysisMetric is how a metric is compared.
type AnalysisMetric struct {
	// Margin is by how much the candidate's rate may exceed stable's and still be
	// called not worse: 0.005 is half a percentage point.
	Margin float64 `json:"margin"`
	DryRun bool    `json:"dryRun,omitempty"` // measured and reported, without effect
}

// AnalysisLatency compares the share of requests that take longer than an
// objective: a time, or stable's own quantile when the rollout began.
type AnalysisLatency struct {
	Objective Duration `json:"objective,omitempty"`
	Quantile  float64  `json:"quantile,omitempty"` // used when Objective is 0
	AnalysisMetric
}

// Name returns the metric's name: "slower than 300ms", "slower than stable's p99".
func (l AnalysisLatency) Name() string {
	if l.Objective > 0 {
		return "slower than " + l.Objective.String()
	}
	return "slower than stable's p" + strings.TrimSuffix(rate(l.Quantile), "%")
}

// AnalysisGuards are limits that haul back at once, whatever stable does. The
// zero value of each is no limit.
type AnalysisGuards struct {
	Errors float64  `json:"errors,omitempty"` // share of the candidate's recent requests that may fail
	P99    Duration `json:"p99,omitempty"`    // of the candidate's recent requests
	// Memory is how many times the memory of stable's instances of the same
	// service those of the candidate may take, on average.
	Memory float64 `json:"memory,omitempty"`
}

// AnalysisSource is where the counts come from: the environment's router when
// neither URL is set.
type AnalysisSource struct {
	Prometheus string `json:"prometheus,omitempty"` // base URL of its API
	JSON       string `json:"json,omitempty"`       // URL that answers with JSON
	// Requests, Errors and Slow tell the cumulative counts of a release: as
	// PromQL expressions, or as JSON pointers into the answer. {{release}} and
	// {{version}} stand for the release's, in them and in the JSON URL.
	Requests string   `json:"requests,omitempty"`
	Errors   string   `json:"errors,omitempty"`
	Slow     string   `json:"slow,omitempty"` // of the one latency metric, if there is one
	Every    Duration `json:"every,omitempty"`
}

// AnalysisSynthetic has requests sent to both releases, by the preview header,
// while there are none by users.
type AnalysisSynthetic struct {
	Path string  `json:"path,omitempty"` // "" sends none
	Host string  `json:"host,omitempty"` // "" the listener's address
	Rate float64 `json:"rate,omitempty"` // requests a second, to each release
}

// Analysis returns a gate that compares the candidate with stable.
func Analysis(name string, p AnalysisParams) Gate {
	metrics := []string{"errors"}
	for _, l := range p.Latency {
		metrics = append(metrics, "answers "+l.Name())
	}
	says := fmt.Sprintf("not worse than stable: %s (alpha %s)", strings.Join(metrics, ", "), rate(p.Alpha))
	if p.Early {
		says += ", ends the bake when shown"
	}
	if p.DryRun {
		says += ", dry run"
	}
	g := gate(GateAnalysis, name, says, 0, p)
	g.NeedsTraffic = true
	g.EndsBake = p.Early && !p.DryRun
	return g
}
