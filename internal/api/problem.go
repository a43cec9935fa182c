package api

import (
	"errors"
	"net/http"

	"github.com/davit-dev/davit"
)

// Problem is an error on the wire: a problem details object (RFC 9457) with
// the code and hint of a davit.Error.
type Problem struct {
	Title  string     `json:"title" doc:"the HTTP status in words"`
	Status int        `json:"status" doc:"HTTP status"`
	Detail string     `json:"detail" doc:"what happened, to what and why"`
	Code   davit.Code `json:"code" doc:"what sort of thing went wrong" enum:"invalid,not_found,conflict,refused,unsupported,unavailable,internal"`
	Hint   string     `json:"hint,omitempty" doc:"what to do next"`
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status to answer with.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the media type of problems.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// NewProblem returns what to tell a client about err. Of an error that is not
// meant for people only that there is one is told; it belongs in the log.
func NewProblem(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	code := davit.ErrorCode(err)
	status := statusOf(code)
	p := &Problem{Title: http.StatusText(status), Status: status, Code: code}
	if e, ok := errors.AsType[*davit.Error](err); ok {
		p.Detail, p.Hint = err.Error(), e.Hint
	} else {
		p.Detail, p.Hint = "the server failed to answer", "its log says why"
	}
	return p
}

// Err returns the problem as the error that it was made of.
func (p *Problem) Err() *davit.Error {
	code := p.Code
	if code == "" {
		code = codeOf(p.Status)
	}
	return &davit.Error{Code: code, Message: p.Detail, Hint: p.Hint}
}

var statuses = []struct {
	code   davit.Code
	status int
}{
	{davit.CodeInvalid, http.StatusUnprocessableEntity},
	{davit.CodeInvalid, http.StatusBadRequest},
	{davit.CodeInvalid, http.StatusRequestEntityTooLarge},
	{davit.CodeInvalid, http.StatusUnsupportedMediaType},
	{davit.CodeNotFound, http.StatusNotFound},
	{davit.CodeInvalid, http.StatusPreconditionRequired},
	{davit.CodeConflict, http.StatusConflict},
	{davit.CodeConflict, http.StatusPreconditionFailed},
	{davit.CodeRefused, http.StatusForbidden},
	{davit.CodeRefused, http.StatusUnauthorized},
	{davit.CodeUnsupported, http.StatusNotImplemented},
	{davit.CodeUnsupported, http.StatusMethodNotAllowed},
	{davit.CodeUnavailable, http.StatusServiceUnavailable},
	{davit.CodeUnavailable, http.StatusBadGateway},
	{davit.CodeUnavailable, http.StatusGatewayTimeout},
	{davit.CodeUnavailable, http.StatusRequestTimeout},
}

// statusOf returns the status that tells a code: the first in the table.
func statusOf(code davit.Code) int {
	for _, s := range statuses {
		if s.code == code {
			return s.status
		}
	}
	return http.StatusInternalServerError
}

// codeOf returns the code of an answer that names none, such as a gateway's.
func codeOf(status int) davit.Code {
	for _, s := range statuses {
		if s.status == status {
			return s.code
		}
	}
	return davit.CodeInternal
}

// StatusProblem returns a problem for a status that something other than the
// engine decided on.
func StatusProblem(status int, detail, hint string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Code: codeOf(status), Hint: hint}
}
