package davit

import (
	"fmt"
	"slices"
)

// Hold is a gate that a rollout has to pass at a moment, in a stage of its own.
// That stage keeps the state of the one before it, so a hold needs nothing of
// the engine but what every stage has, and what it waits for comes before the
// next step and not beside it.
type Hold struct {
	At   Moment `json:"at"`
	Gate Gate   `json:"gate"`
}

// holding puts the holds between the stages of a plan.
type holding struct {
	request
	stages []Stage
	before Stage // the strategy's last one; the origin at first
}

// held returns the stages with those of the policy's holds between them.
func held(r request, origin State, stages []Stage) []Stage {
	h := holding{request: r, before: Stage{State: origin}}
	promoted := Plan{Stages: stages}.PromotedAt()
	for i, s := range stages {
		if i == 0 {
			h.at(BeforeStart, false)
		}
		h.grow(s)
		h.stages, h.before = append(h.stages, s), s
		if i == promoted {
			h.at(BeforePromotion, false)
			h.at(AfterPromotion, true)
		}
	}
	h.at(AfterWatch, true)
	return h.stages
}

// at adds the holds of one moment.
func (h *holding) at(kind MomentKind, watch bool) {
	for _, hold := range h.policy.Holds {
		if hold.At.Kind == kind {
			h.add(hold, string(kind), watch)
		}
	}
}

// grow adds the holds before a stage in which the candidate's share grows. Where
// the strategy does not bring the candidate up before its first traffic, this
// does, so that who is asked can look at what it is about; but not where stable
// would have to make room for it, as in a rolling update.
func (h *holding) grow(next Stage) {
	from, to := h.before.State.Split[h.target.ID], next.State.Split[h.target.ID]
	for _, hold := range h.policy.Holds {
		if !hold.At.grows(from, to) {
			continue
		}
		if h.before.State.Size(h.target.ID).Total() == 0 && h.beside(next) {
			preview := Stage{Name: "preview", Gates: h.gates(0, 0), State: State{
				Run: next.State.Run, Split: h.before.State.Split, Candidate: h.target.ID,
			}}
			h.stages, h.before = append(h.stages, preview), preview
		}
		h.add(hold, "before "+next.Name, false)
	}
}

// beside reports whether the next stage runs the candidate beside all that
// serves now.
func (h *holding) beside(next Stage) bool {
	return next.State.covers(h.before.State)
}

// add adds the stage of one hold. What watched the candidate in the stage before
// goes on, and can still fail the rollout.
func (h *holding) add(hold Hold, when string, watch bool) {
	s := Stage{Name: hold.Gate.Name + " " + when, State: h.before.State, Watch: watch}
	for _, g := range h.before.Gates {
		if g.Kind == GateInstances || g.NeedsTraffic {
			g.Guard = true
			s.Gates = append(s.Gates, g)
		}
	}
	s.Gates = append(s.Gates, hold.Gate)
	h.stages = append(h.stages, s)
}

// after returns the gates of the holds of a moment at which no stage is left.
func (p Policy) after(kind MomentKind) []Gate {
	var gates []Gate
	for _, hold := range p.Holds {
		if hold.At.Kind == kind {
			gates = append(gates, hold.Gate)
		}
	}
	return gates
}

// distinct refuses gates of one stage that bear the same name: the verdict of
// one would stand for both.
func distinct(stage string, gates []Gate) error {
	for i, g := range gates {
		if slices.ContainsFunc(gates[:i], func(other Gate) bool { return other.Name == g.Name }) {
			return &Error{
				Code: CodeInvalid, Message: fmt.Sprintf("stage %q has two gates of the name %q", stage, g.Name),
				Hint: "give one of them another name",
			}
		}
	}
	return nil
}
