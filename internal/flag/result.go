package flag

import "encoding/json"

// Reason says how an evaluation came to its answer, in OpenFeature's words.
type Reason string

// The reasons.
const (
	Static         Reason = "STATIC"          // everybody gets this
	TargetingMatch Reason = "TARGETING_MATCH" // a target or a rule applies to the user
	Split          Reason = "SPLIT"           // by percentage
	Default        Reason = "DEFAULT"         // no target or rule applies
	Disabled       Reason = "DISABLED"        // the flag is off, or its prerequisites do not hold
	Failed         Reason = "ERROR"
)

// ErrorCode says what went wrong, in OpenFeature's words.
type ErrorCode string

// The error codes.
const (
	FlagNotFound        ErrorCode = "FLAG_NOT_FOUND"
	ParseError          ErrorCode = "PARSE_ERROR" // the context is no JSON
	InvalidContext      ErrorCode = "INVALID_CONTEXT"
	TargetingKeyMissing ErrorCode = "TARGETING_KEY_MISSING" // and a split needs it
	TypeMismatch        ErrorCode = "TYPE_MISMATCH"
	General             ErrorCode = "GENERAL"
)

// Result is the answer of an evaluation.
type Result struct {
	Key string `json:"key"`
	// Variant is empty, and Value nil, when the application's own default is to be
	// taken.
	Variant string          `json:"variant,omitempty"`
	Value   json.RawMessage `json:"value,omitempty"` // shared: not to be changed
	Reason  Reason          `json:"reason"`
	// Rule is the ID of the rule that decided, or its number ("#0") when it has
	// none; empty when none did.
	Rule  string    `json:"rule,omitempty"`
	Error ErrorCode `json:"errorCode,omitempty"`
	// Message says for a person what went wrong, and is empty otherwise.
	Message string `json:"errorDetails,omitempty"`
	// Metadata is the flag's; shared: not to be changed.
	Metadata map[string]any `json:"metadata,omitempty"`

	decoded any
}

// Decoded returns the value as encoding/json decodes it: nil, bool, float64,
// string, []any or map[string]any. It is shared, and not to be changed.
func (r Result) Decoded() any { return r.decoded }
