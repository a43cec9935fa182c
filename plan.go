package davit

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Stage is a state to converge to and the gates to pass there.
type Stage struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	Gates []Gate `json:"gates,omitempty"`
	// Watch marks the stages after promotion. There, only a failing gate
	// hauls back: the decision to promote has been made, and missing evidence
	// does not undo it.
	Watch bool `json:"watch,omitempty"`
}

// Plan is the way from Origin to the last stage's state.
type Plan struct {
	Origin State   `json:"origin"`
	Stages []Stage `json:"stages"`
	// Home is how the environment is left once it is hauled back to Origin, where
	// autoscaled services are at their present size: they may shrink from there.
	// It is Origin itself when it is empty.
	Home State `json:"home,omitzero"`
	// Target is the release that the plan promotes; "" when it takes the
	// application down.
	Target ReleaseID `json:"target,omitempty"`
	// Stable is the release that serves in Origin; "" when nothing does.
	Stable ReleaseID `json:"stable,omitempty"`
	// Deadline bounds the time from the start to promotion.
	Deadline Duration `json:"deadline"`
	// Patience bounds how long a stage may stay inconclusive once its timed
	// gates have passed.
	Patience Duration `json:"patience"`
	// Back are the gates of what comes after hauling back, such as a hook that
	// tells people. Their verdicts are recorded, and change nothing any more.
	Back []Gate `json:"back,omitempty"`
}

// PromotedAt returns the index of the stage at whose passing the target is
// promoted: the last one that is no watch.
func (p Plan) PromotedAt() int {
	for i := len(p.Stages) - 1; i >= 0; i-- {
		if !p.Stages[i].Watch {
			return i
		}
	}
	return -1
}

// Least returns the time that the timed gates take until promotion, without
// starting and routing.
func (p Plan) Least() time.Duration {
	var sum time.Duration
	for _, stage := range p.Stages[:p.PromotedAt()+1] {
		sum += stage.Takes()
	}
	return sum
}

// Takes returns the longest time that one of the stage's timed gates needs.
// Gates are judged at the same time.
func (s Stage) Takes() time.Duration {
	var longest Duration
	for _, g := range s.Gates {
		longest = max(longest, g.Takes)
	}
	return longest.D()
}

// Limit returns the longest time that one of the stage's gates takes by its own
// rule, without those that only guard it.
func (s Stage) Limit() time.Duration {
	var longest Duration
	for _, g := range s.Gates {
		if !g.Guard {
			longest = max(longest, g.Limit)
		}
	}
	return longest.D()
}

// OffClock reports whether the deadline does not count the stage's time.
func (s Stage) OffClock() bool {
	return slices.ContainsFunc(s.Gates, func(g Gate) bool { return g.OffClock })
}

// Step is one step of converging. The order of the steps is what loses no
// request.
type Step string

// The steps of converging, in their order.
const (
	StepGrow   Step = "grow"   // declare all that is to run, keep all that runs
	StepReady  Step = "ready"  // wait until what the split needs is ready
	StepRoute  Step = "route"  // put the split in effect
	StepDrain  Step = "drain"  // wait for the requests of releases without a share
	StepShrink Step = "shrink" // stop what is not to run
	StepHold   Step = "hold"   // converged; the gates are judged
)

// Policy is how an environment wants to be deployed to.
type Policy struct {
	Strategy Strategy `json:"strategy"`
	// Gates hold in every stage they apply to.
	Gates []Gate `json:"gates,omitempty"`
	// Holds come between the strategy's stages.
	Holds []Hold `json:"holds,omitempty"`
	// Freezes are when nothing is deployed.
	Freezes        []Freeze    `json:"freezes,omitempty"`
	Deadline       Duration    `json:"deadline"`
	Patience       Duration    `json:"patience"`
	RollbackWindow Duration    `json:"rollbackWindow"`
	OnInterrupt    OnInterrupt `json:"onInterrupt"`
	OnDrift        OnDrift     `json:"onDrift,omitempty"`
	Witness        Witness     `json:"witness,omitzero"`
}

// OnInterrupt says what a restarted server does with a rollout it finds.
type OnInterrupt string

// The answers to an interrupted rollout.
const (
	InterruptResume   OnInterrupt = "resume"
	InterruptRollback OnInterrupt = "rollback"
)

// StrategyKind names a strategy.
type StrategyKind string

// The strategies.
const (
	KindBlueGreen StrategyKind = "blueGreen"
	KindCanary    StrategyKind = "canary"
	KindRolling   StrategyKind = "rolling"
)

// Strategy is a kind and its options; those of other kinds are ignored.
type Strategy struct {
	Kind      StrategyKind     `json:"kind"`
	BlueGreen BlueGreenOptions `json:"blueGreen,omitzero"`
	Canary    CanaryOptions    `json:"canary,omitzero"`
	Rolling   RollingOptions   `json:"rolling,omitzero"`
}

// NewPlan computes the plan to the target release. stable is the release that
// serves now, nil when none does; target is nil to take the application down.
// It returns an *Error of CodeInvalid for options that cannot keep their word.
//
// Whatever runs beside stable, such as what an earlier rollout left warm, is
// in no stage, and so goes away in the first.
func NewPlan(stable, target *Release, policy Policy) (Plan, error) {
	return NewPlanAt(nil, stable, target, policy)
}

// NewPlanAt is NewPlan for a stable release whose autoscaled services have another
// size at present than their least. The candidate gets as many, until it serves
// alone.
func NewPlanAt(present Size, stable, target *Release, policy Policy) (Plan, error) {
	plan := Plan{Deadline: policy.Deadline, Patience: policy.Patience}
	if stable != nil {
		home := stable.Full()
		stable = stable.at(present)
		plan.Stable = stable.ID
		plan.Origin = State{Run: map[ReleaseID]Size{stable.ID: stable.Full()}, Split: All(stable.ID)}
		if !maps.Equal(home, stable.Full()) {
			plan.Home = State{Run: map[ReleaseID]Size{stable.ID: home}, Split: All(stable.ID)}
		}
	}
	if target == nil {
		plan.Stages = []Stage{{Name: "down"}}
		return plan, nil
	}
	plan.Target = target.ID
	if err := servable(target); err != nil {
		return Plan{}, err
	}
	r := request{stable: stable, target: target.at(present), alone: target.Full(), policy: policy}
	var err error
	plan.Stages, err = stagesOf(r)
	if err != nil {
		return Plan{}, err
	}
	if plan.Target != plan.Stable { // nothing new is rolled out otherwise
		plan.Stages, plan.Back = held(r, plan.Origin, plan.Stages), policy.after(AfterHaulBack)
	}
	for _, s := range append(slices.Clone(plan.Stages), Stage{Name: "back", Gates: plan.Back}) {
		if err := distinct(s.Name, s.Gates); err != nil {
			return Plan{}, err
		}
	}
	return plan, nil
}

func stagesOf(r request) ([]Stage, error) {
	switch s := r.policy.Strategy; {
	case r.stable == nil:
		return first(r), nil
	case r.stable.ID == r.target.ID:
		return same(r), nil
	case s.Kind == KindBlueGreen:
		return blueGreen(r, s.BlueGreen), nil
	case s.Kind == KindCanary:
		return canary(r, s.Canary)
	case s.Kind == KindRolling:
		return rolling(r, s.Rolling)
	default:
		return nil, &Error{Code: CodeInvalid, Message: fmt.Sprintf("there is no strategy %q", s.Kind),
			Hint: "use blueGreen, canary or rolling"}
	}
}

// servable refuses a release with a service that should get traffic and has no
// instance to get it.
func servable(r *Release) error {
	for name, s := range r.Config.Services {
		if s.Traffic && s.Replicas < 1 {
			return &Error{Code: CodeInvalid, Message: fmt.Sprintf("service %s of %s takes traffic and has %d replicas", name, r.Version, s.Replicas),
				Hint: "give it 1 replica or more, or set traffic: false"}
		}
	}
	return nil
}
