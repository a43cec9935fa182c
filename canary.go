package davit

import "fmt"

// CanaryOptions are the options of a canary rollout.
type CanaryOptions struct {
	Steps []CanaryStep `json:"steps,omitempty"`
	// DynamicStableScale has the stable release shrink with its share, instead of
	// staying at full size until the candidate is promoted. It saves instances, and
	// hauling back has to start them again first.
	DynamicStableScale bool `json:"dynamicStableScale,omitempty"`
}

// CanaryStep is a share of traffic and how long to judge the candidate there.
type CanaryStep struct {
	Weight int      `json:"weight"` // thousandths
	Bake   Duration `json:"bake,omitempty"`
}

// canary gives the candidate a growing share. The stable release stays at full
// size until the candidate is promoted, unless it is to shrink with its share; the
// candidate grows with its own.
func canary(r request, o CanaryOptions) ([]Stage, error) {
	var stages []Stage
	last, stable := 0, full
	for _, step := range o.Steps {
		if step.Weight <= last || step.Weight > Whole {
			return nil, &Error{
				Code:    CodeInvalid,
				Message: fmt.Sprintf("canary step %s after %s: weights must grow and end at 100%%", Percent(step.Weight), Percent(last)),
			}
		}
		last = step.Weight
		by := func(share int) func(int) int {
			return func(replicas int) int { return ceilDiv(replicas*share, Whole) }
		}
		if o.DynamicStableScale {
			rest := by(Whole - step.Weight)
			stable = func(replicas int) int { return max(rest(replicas), min(replicas, 1)) } // one stays to go back to
		}
		stages = append(stages, r.stage("canary "+Percent(step.Weight),
			sized(r.stable, Whole-step.Weight, stable), sized(r.target, step.Weight, by(step.Weight)),
			step.Weight, step.Bake.D()))
	}
	if last != Whole {
		return nil, &Error{
			Code:    CodeInvalid,
			Message: fmt.Sprintf("the last canary step is %s, so the candidate would never be promoted", Percent(last)),
			Hint:    "let the last step be 100",
		}
	}
	return append(stages, r.watch(sized(r.stable, 0, stable))...), nil
}
