package davit

import (
	"encoding/json"
	"strconv"
	"time"
)

// Gate is a condition that must hold before the next stage. It is data: a
// kind and its parameters, so that a plan can be printed, stored and taken up
// again by another server. Judges (in internal/engine) answer it.
type Gate struct {
	Name string `json:"name"` // unique within its stage
	Kind string `json:"kind"`
	// Says is the condition in words: "errors at most 1% of at least 100 requests".
	Says   string          `json:"says"`
	Params json.RawMessage `json:"params,omitempty"`
	// Takes is the least time that it needs to pass, such as a bake time.
	Takes Duration `json:"takes,omitempty"`
	// NeedsTraffic marks a gate that judges live traffic, and so applies only
	// where the candidate has a share.
	NeedsTraffic bool `json:"needsTraffic,omitempty"`
	// EndsBake marks a gate whose pass is evidence enough to end the stage's
	// bake time before it is over. It does not end a watch.
	EndsBake bool `json:"endsBake,omitempty"`
	// Limit is the longest time until its judge answers by its own rule, such
	// as a time-out. Until then it does not count as patience.
	Limit Duration `json:"limit,omitempty"`
	// OffClock marks a gate that waits for people: the deadline does not count
	// the time of its stage.
	OffClock bool `json:"offClock,omitempty"`
	// Guard marks a gate that passed in an earlier stage and goes on to be
	// judged: it can fail the stage, and does not hold it up.
	Guard bool `json:"guard,omitempty"`
	// Advisory marks a gate whose failure is recorded, and no more.
	Advisory bool `json:"advisory,omitempty"`
	// Contract marks a gate whose judging leaves data in a shape that the
	// release before cannot live with: there is no hauling back past it.
	Contract bool `json:"contract,omitempty"`
}

// Outcome is the answer of a gate.
type Outcome string

// The outcomes of a gate. No evidence is Inconclusive, never Pass.
const (
	Pass         Outcome = "pass"
	Fail         Outcome = "fail"
	Inconclusive Outcome = "inconclusive"
)

// Verdict is a gate's answer, with its evidence.
type Verdict struct {
	Gate     string          `json:"gate"`
	Outcome  Outcome         `json:"outcome"`
	Reason   string          `json:"reason"`             // one sentence, with the figures it rests on
	Evidence json.RawMessage `json:"evidence,omitempty"` // what was measured; its shape is the gate kind's own
	At       time.Time       `json:"at"`
}

// gate returns a gate of a kind with its parameters.
func gate(kind, name, says string, takes Duration, params any) Gate {
	encoded, err := json.Marshal(params)
	if err != nil { // the parameter types above hold nothing that JSON cannot
		panic(err)
	}
	return Gate{Name: name, Kind: kind, Says: says, Takes: takes, Params: encoded}
}

func rate(r float64) string { return strconv.FormatFloat(r*100, 'g', 4, 64) + "%" }
