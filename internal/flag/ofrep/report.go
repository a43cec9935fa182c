package ofrep

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/book"
)

// Programs that evaluate by themselves tell at UsagePath which flags they did
// evaluate, {"flags": [KEY…]}, and at OutcomesPath how requests went that variants
// were served in, {"flag": KEY, "outcomes": [davit.FlagTally…]}. Who says ReportsHeader
// when it asks for a snapshot tells of its use there; all flags count as used by
// others. They are Davit's own, not the protocol's.
const (
	UsagePath     = "/ofrep/davit/v1/usage"
	OutcomesPath  = "/ofrep/davit/v1/outcomes"
	ReportsHeader = "Davit-Reports-Usage"
)

// talliesMost bounds the variants that one report is about.
const talliesMost = 100

// usage takes in which flags a program has evaluated. Those that are not there, or
// not any more, are passed over.
func (h *Handler) usage(w http.ResponseWriter, r *http.Request) {
	var told struct {
		Flags []string `json:"flags"`
	}
	grant := h.reported(w, r, &told)
	if grant == nil {
		return
	}
	view, now := h.book.View(grant.Application, grant.Environment), h.book.Now()
	for _, key := range told.Flags {
		if view.Has(key, false) {
			h.used(grant, key, now)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// outcomes takes in how requests went.
func (h *Handler) outcomes(w http.ResponseWriter, r *http.Request) {
	var told struct {
		Flag     string            `json:"flag"`
		Outcomes []davit.FlagTally `json:"outcomes"`
	}
	grant := h.reported(w, r, &told)
	if grant == nil {
		return
	}
	if h.Outcomes == nil {
		fail(w, http.StatusNotImplemented, "an edge server takes no outcomes: report them to davit serve")
		return
	}
	if told.Flag == "" || len(told.Outcomes) == 0 || len(told.Outcomes) > talliesMost {
		fail(w, http.StatusBadRequest, fmt.Sprintf("outcomes name a flag, and 1 to %d of its variants", talliesMost))
		return
	}
	err := h.Outcomes(grant.Application, grant.Environment, told.Flag, told.Outcomes)
	refused, ours := errors.AsType[*davit.Error](err)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case ours && refused.Code == davit.CodeNotFound:
		fail(w, http.StatusNotFound, refused.Message)
	case ours && refused.Code == davit.CodeInvalid:
		fail(w, http.StatusBadRequest, refused.Message)
	default:
		fail(w, http.StatusServiceUnavailable, "the outcomes could not be taken in now")
	}
}

// reported reads what a program tells, and answers the request when it cannot be
// read, or its key is not one that programs have to themselves.
func (h *Handler) reported(w http.ResponseWriter, r *http.Request, told any) *book.Grant {
	grant := h.grant(w, r)
	if grant == nil {
		return nil
	}
	if grant.Kind != davit.AccessServer && grant.Kind != davit.AccessAdmin {
		fail(w, http.StatusForbidden, "a "+string(grant.Kind)+" key reads flags, and does not tell how they are used")
		return nil
	}
	b := newBuffer()
	defer b.release()
	if err := b.read(w, r); err != nil {
		unread(w, err)
		return nil
	}
	if err := json.Unmarshal(b.in, told); err != nil {
		fail(w, http.StatusBadRequest, "the body is not what is to be told: "+err.Error())
		return nil
	}
	return grant
}
