package davit

import (
	"encoding/json"
	"slices"
	"time"
)

// Phase is where a rollout stands in its life.
type Phase string

// The phases of a rollout. The last three are ends.
const (
	Queued      Phase = "queued"       // waits for another rollout of its environment
	Running     Phase = "running"      // going through its stages
	Watching    Phase = "watching"     // promoted; stable is kept warm for the rollback window
	HaulingBack Phase = "hauling back" // converging to its origin
	Blocked     Phase = "blocked"      // to be hauled back, and past a contract step: held where it is, for a person to decide
	Promoted    Phase = "promoted"
	RolledBack  Phase = "rolled back"
	FailedPhase Phase = "failed" // refused or given up before anything changed, or, said loudly, not hauled back
)

// Ended reports whether the phase is an end.
func (p Phase) Ended() bool { return p == Promoted || p == RolledBack || p == FailedPhase }

// RolloutKind says what a rollout was asked to do.
type RolloutKind string

// The kinds of rollout.
const (
	KindDeploy   RolloutKind = "deploy"
	KindRollback RolloutKind = "rollback" // back to an earlier release after the watch has ended
	KindDown     RolloutKind = "down"     // to nothing
)

// Rollout is one attempt to move an environment to a release.
type Rollout struct {
	ID          string      `json:"id"`
	Application string      `json:"application"`
	Environment string      `json:"environment"`
	Kind        RolloutKind `json:"kind"`
	Plan        Plan        `json:"plan"`
	Policy      Policy      `json:"policy"`

	Phase Phase `json:"phase"`
	// Stage is the index of the plan's stage that is converged to or judged.
	Stage int  `json:"stage"`
	Step  Step `json:"step,omitempty"`
	// Paused keeps the rollout in its stage; gates still can haul it back.
	Paused bool `json:"paused,omitempty"`
	// Skip is the stage whose remaining bake an operator chose to skip, plus
	// one; 0 is none.
	Skip int `json:"skip,omitempty"`

	// Approvals are all that were given, in their order.
	Approvals []Approval `json:"approvals,omitempty"`
	// Waited is the time of the stages passed that the deadline does not count.
	Waited Duration `json:"waited,omitempty"`

	// Earlier is what Environment.Previous was before this rollout was
	// promoted, so that hauling back restores that too.
	Earlier ReleaseID `json:"earlier,omitempty"`

	// Actor asked for the rollout; Reason is theirs.
	Actor  string `json:"actor"`
	Reason string `json:"reason,omitempty"`
	// Forced is the contract step that an operator forced it past.
	Forced string `json:"forced,omitempty"`
	// OverrideFreeze lets it begin though the environment is frozen.
	OverrideFreeze bool `json:"overrideFreeze,omitempty"`
	// Cause says why it was hauled back, is blocked, or failed.
	Cause string `json:"cause,omitempty"`
	// Verdicts holds the last verdict of each gate of the present stage.
	Verdicts []Verdict `json:"verdicts,omitempty"`
	// Measured is what the witness has measured so far; nil before it began.
	Measured *Measured `json:"measured,omitempty"`

	CreatedAt  time.Time `json:"createdAt"`
	StartedAt  time.Time `json:"startedAt,omitzero"`  // left the queue
	StageAt    time.Time `json:"stageAt,omitzero"`    // began to converge to the present stage
	HeldAt     time.Time `json:"heldAt,omitzero"`     // the present stage's state was reached
	PromotedAt time.Time `json:"promotedAt,omitzero"` // its word was given
	HauledAt   time.Time `json:"hauledAt,omitzero"`   // the decision to haul back
	EndedAt    time.Time `json:"endedAt,omitzero"`

	// Revision counts the commits of this rollout. A store refuses one that
	// is not the next, so that two drivers cannot both go on.
	Revision int64 `json:"revision"`
}

// Deadline returns when the rollout has to be promoted; zero is never. While a
// stage waits for people, the deadline moves with it, as long as it may wait.
func (r *Rollout) Deadline() time.Time {
	if r.Plan.Deadline <= 0 {
		return time.Time{}
	}
	at := r.StartedAt.Add(r.Plan.Deadline.D() + r.Waited.D())
	if stage := r.Plan.Stages[r.Stage]; stage.OffClock() {
		at = at.Add(stage.Limit())
	}
	return at
}

// Harmed reports whether it is hauled back because a gate failed: not because somebody
// wanted it, or refused it, or because nothing was known for too long.
func (r *Rollout) Harmed() bool {
	if r.HauledAt.IsZero() || r.Stage >= len(r.Plan.Stages) {
		return false
	}
	gates := r.Plan.Stages[r.Stage].Gates
	return slices.ContainsFunc(r.Verdicts, func(v Verdict) bool {
		return v.Outcome == Fail && !v.At.After(r.HauledAt) && slices.ContainsFunc(gates, func(g Gate) bool {
			return g.Name == v.Gate && !g.Advisory && g.Kind != GateApproval
		})
	})
}

// Environment is what the store knows of a place where an application runs.
type Environment struct {
	Application string `json:"application"`
	Name        string `json:"name"`
	Platform    string `json:"platform"`
	Site        Site   `json:"site,omitzero"`
	// State is what should be running and serving now, as last decided.
	State State `json:"state"`
	// Stable serves; Previous served before it and is what a rollback after
	// the watch goes to.
	Stable   ReleaseID `json:"stable,omitempty"`
	Previous ReleaseID `json:"previous,omitempty"`
	// Contracted is the last step that contracted data here.
	Contracted *Contraction `json:"contracted,omitempty"`
	// Rollout is the one under way or watching; "" when there is none.
	Rollout  string `json:"rollout,omitempty"`
	Revision int64  `json:"revision"` // as in Rollout
}

// Event is one line of a rollout's journal: an intent, an outcome, a verdict, an
// operator's command. Events are numbered by the store over all rollouts and
// never change.
type Event struct {
	Seq         int64           `json:"seq"`
	At          time.Time       `json:"at"`
	Rollout     string          `json:"rollout"`
	Application string          `json:"application"`
	Environment string          `json:"environment"`
	Kind        EventKind       `json:"kind"`
	Stage       int             `json:"stage"`
	Step        Step            `json:"step,omitempty"`
	Message     string          `json:"message"` // for people
	Data        json.RawMessage `json:"data,omitempty"`
}

// EventKind is the sort of an event.
type EventKind string

// The kinds of event.
const (
	EventPhase   EventKind = "phase"   // the rollout entered a phase
	EventStage   EventKind = "stage"   // it began to converge to a stage
	EventRouted  EventKind = "routed"  // a split came into effect; Data is the Split
	EventHeld    EventKind = "held"    // the stage's state was reached
	EventVerdict EventKind = "verdict" // a gate's outcome changed; Data is the Verdict
	EventCommand EventKind = "command" // an operator's pause, resume, promote, abort, rollback
	EventLapsed  EventKind = "lapsed"  // the lease of a split ran out; Data is the split that was in effect before
	EventWitness EventKind = "witness" // what was measured so far; Data is the Measured
	EventTrouble EventKind = "trouble" // a runtime or router error; it is tried again
)
