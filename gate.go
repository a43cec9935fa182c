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
