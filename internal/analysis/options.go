package analysis

import (
	"fmt"

	"github.com/davit-dev/davit"
)

// Options say what is compared, and what it takes to decide.
type Options struct {
	// Alpha bounds the chance that a candidate that is no worse is ever found
	// to be: over the whole rollout, all metrics, and all looks together.
	Alpha float64 `json:"alpha"`
	// PassAlpha bounds, for each stage and metric, the chance that a candidate
	// that is worse by more than the margin is ever found not to be.
	PassAlpha float64 `json:"passAlpha"`
	// MinRequests is how many requests of the candidate it takes to pass.
	MinRequests int64 `json:"minRequests"`
	// Bake is after how long a stage passes without evidence of harm, when the
	// requests were enough.
	Bake    davit.Duration `json:"bake"`
	Metrics []Metric       `json:"metrics"`
}

// Metric is an event among requests that is compared.
type Metric struct {
	Name string `json:"name"` // "errors", "slower than 300ms"
	// Margin is by how much the candidate's rate may exceed stable's and still
	// be called not worse: 0.005 is half a percentage point.
	Margin float64 `json:"margin"`
	// DryRun makes the metric measured and reported, without effect.
	DryRun bool `json:"dryRun,omitempty"`
}

// check returns what is wrong with the options, if something is.
func (o Options) check() error {
	switch {
	case !(o.Alpha > 0 && o.Alpha < 1):
		return fmt.Errorf("alpha must be between 0 and 1, not %g", o.Alpha)
	case !(o.PassAlpha > 0 && o.PassAlpha < 1):
		return fmt.Errorf("passAlpha must be between 0 and 1, not %g", o.PassAlpha)
	case len(o.Metrics) == 0:
		return fmt.Errorf("there is no metric to compare")
	case o.MinRequests < 1:
		return fmt.Errorf("minRequests must be 1 or more, not %d", o.MinRequests)
	}
	for _, m := range o.Metrics {
		if !(m.Margin >= 0 && m.Margin <= 1) {
			return fmt.Errorf("the margin of %s must be from 0 to 1, not %g", m.Name, m.Margin)
		}
	}
	return nil
}

// threshold returns the e-value at which a metric hauls back: alpha is shared
// among those that can.
func (o Options) threshold() float64 {
	effective := 0
	for _, m := range o.Metrics {
		if !m.DryRun {
			effective++
		}
	}
	return float64(max(effective, 1)) / o.Alpha
}
