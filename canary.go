package davit

import "fmt"

// CanaryOptions are the options of a canary rollout.
type CanaryOptions struct {
	Steps []CanaryStep `json:"steps,omitempty"`
}

// CanaryStep is a share of traffic and how long to judge the candidate there.
type CanaryStep struct {
	Weight int      `json:"weight"` // thousandths
	Bake   Duration `json:"bake,omitempty"`
}

// canary gives the candidate a growing share. The stable release stays at full
// size until the candidate is promoted; the candidate grows with its share.
func canary(r request, o CanaryOptions) ([]Stage, error) {
	var stages []Stage
	last := 0
	for _, step := range o.Steps {
		if step.Weight <= last || step.Weight > Whole {
			return nil, &Error{
				Code:    CodeInvalid,
				Message: fmt.Sprintf("canary step %s after %s: weights must grow and end at 100%%", Percent(step.Weight), Percent(last)),
			}
		}
		last = step.Weight
		byShare := func(replicas int) int { return ceilDiv(replicas*step.Weight, Whole) }
		stages = append(stages, r.stage("canary "+Percent(step.Weight),
			sized(r.stable, Whole-step.Weight, full), sized(r.target, step.Weight, byShare),
			step.Weight, step.Bake.D()))
	}
	if last != Whole {
		return nil, &Error{
			Code:    CodeInvalid,
			Message: fmt.Sprintf("the last canary step is %s, so the candidate would never be promoted", Percent(last)),
			Hint:    "let the last step be 100",
		}
	}
	return append(stages, r.watch(sized(r.stable, 0, full))...), nil
}
