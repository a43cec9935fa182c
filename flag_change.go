package davit

import (
	"encoding/json"
	"errors"
)

// ErrFlagRevision is wrapped by the error about an edit that does not match the
// flag's revision.
var ErrFlagRevision = errors.New("somebody has changed it")

// FlagEdit asks for a change of a flag.
type FlagEdit struct {
	Application, Key string
	Actor            string
	Action           string // for the audit log: "flag.create", "flag.change", …
	Comment          string // why
	// Match is the revision that the flag must have: 0 when there must be none, and
	// AnyFlagRevision for whichever there is, and AnyFlagOrNone whatever there is.
	Match int64
	// Scope, unless it is nil, is the key that the change is made with. It changes
	// no more than the settings of its environment.
	Scope *AccessKey
	// Alter returns the flag as it is to be, given what it is; the zero flag when
	// there is none.
	Alter func(Flag) (Flag, error)
	// Delete is for a flag that is to go; then Alter is not asked.
	Delete bool
	// Restore brings a flag back that was deleted, when it was: Match is then about the
	// record that deleted it.
	Restore bool
	// Propose makes a proposal of a change that needs approval, in place of refusing
	// it.
	Propose bool
	// Rollout, unless it is nil, is what asks: who has approved it has approved the
	// change. Return is for its way back, which was approved with it.
	Rollout *Rollout
	Return  bool
	// Schedule, unless it is nil, is what to do in place of Alter, and when.
	Schedule *FlagSchedule
	// DryRun changes nothing. Contexts are those whose answers are compared; without
	// any, those that were seen lately.
	DryRun   bool
	Contexts []map[string]any
	// RequestKey and RequestDigest name a request that may be repeated.
	RequestKey, RequestDigest string
}

// AnyFlagRevision matches a flag whatever its revision is, and AnyFlagOrNone does
// so when there is none as well.
const (
	AnyFlagRevision = -1
	AnyFlagOrNone   = -2
)

// FlagOutcome is what came of an edit, or would.
type FlagOutcome struct {
	Record     *FlagRecord      `json:"record"` // as it is now; with DryRun, as it would be
	Difference []FlagDifference `json:"difference"`
	// Changed is false when the flag was so already, or nothing was to be changed.
	Changed bool `json:"changed"`
	// Repeated says that the request was answered before, and not done again.
	Repeated bool `json:"repeated,omitempty"`
	// Protected are the environments for which it needs approval.
	Protected []string `json:"protected,omitempty" doc:"environments for which others have to approve it"`
	// Proposal is what waits now for approval, or for its time; nothing was changed.
	Proposal *FlagProposal `json:"proposal,omitempty" doc:"what waits for approval, or for its time; nothing was changed yet"`
	// Affected tells, by environment, how many contexts get another answer.
	Affected map[string]FlagAffected `json:"affected,omitempty"`
}

// FlagDifference is a place in a flag's JSON and what was and is there. Before is
// missing of what was added, After of what was removed.
type FlagDifference struct {
	Path   string          `json:"path"` // "environments.production.default.split.shares[0].weight"
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// FlagAffected is an estimate of who gets another answer.
type FlagAffected struct {
	Contexts int `json:"contexts" doc:"that were looked at: those of the request or, without any, of up to 1000 users seen lately"`
	Changed  int `json:"changed" doc:"of them, those that get another value"`
}

// FlagTally is what an application tells of a variant that it served: how many
// requests it did so in, and how many of them failed.
type FlagTally struct {
	Variant  string `json:"variant" maxLength:"255"`
	Requests int64  `json:"requests" minimum:"0"`
	Failures int64  `json:"failures" minimum:"0"`
}
