package davit

import "errors"

// Code says what sort of thing went wrong, so that a caller (the CLI's exit
// code, the API's status) can decide without reading sentences.
type Code string

// The codes of Error.
const (
	CodeInvalid     Code = "invalid"     // the request or configuration is wrong
	CodeNotFound    Code = "not_found"   // the named thing does not exist
	CodeConflict    Code = "conflict"    // something else is in the way, such as a running rollout
	CodeRefused     Code = "refused"     // understood, and will not be done
	CodeUnsupported Code = "unsupported" // not on this machine or platform
	CodeUnavailable Code = "unavailable" // cannot be done now: disk full, peer away
	CodeInternal    Code = "internal"    // a defect of Davit's own
)

// Error is an error for a person: Message says what happened, to what and why,
// Hint says what to do next. Neither ever holds a secret. Err, if any, is the
// cause, kept for errors.Is and for the log.
type Error struct {
	Code    Code
	Message string
	Hint    string
	Err     error
}

// Error returns the message, followed by the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the code of the first *Error in err's chain, CodeInternal
// when there is none, and "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}
