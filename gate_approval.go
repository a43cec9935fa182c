package davit

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// GateApproval is the kind of gate that waits for people.
const GateApproval = "approval"

// ApprovalParams are the parameters of an approval gate: Count people who may
// do so approve, within a time.
type ApprovalParams struct {
	// By are those who may approve; all whom the server knows when it is empty.
	By []Approver `json:"by,omitempty"`
	// Author lets whoever asked for the rollout approve it too.
	Author bool `json:"author,omitempty"`
	// Not are actors who may not approve, whatever else is said: whoever made the key
	// that the rollout was asked for with.
	Not   []string `json:"not,omitempty"`
	Count int      `json:"count"` // at least 1
	// Within is how long the rollout waits, from when it came to the gate;
	// then the gate fails.
	Within Duration `json:"within"`
}

// Approvals returns a gate that waits for people.
func Approvals(name string, p ApprovalParams) Gate {
	g := gate(GateApproval, name, p.says(), 0, p)
	g.Limit, g.OffClock = p.Within, true
	return g
}

// Equal reports whether the same is asked of the same people.
func (p ApprovalParams) Equal(other ApprovalParams) bool {
	return slices.Equal(p.By, other.By) && p.Author == other.Author && slices.Equal(p.Not, other.Not) && p.Count == other.Count && p.Within == other.Within
}

func (p ApprovalParams) says() string {
	who := "anybody"
	if len(p.By) > 0 {
		names := make([]string, len(p.By))
		for i, a := range p.By {
			names[i] = string(a)
		}
		who = strings.Join(names, ", ")
	}
	if p.Count > 1 {
		who = fmt.Sprintf("%d of %s", p.Count, who)
	}
	if !p.Author {
		who += " but its author"
	}
	return fmt.Sprintf("approved by %s within %s", who, p.Within)
}

// Refuses says why an actor may not approve a rollout that author asked for; ""
// when they may.
func (p ApprovalParams) Refuses(actor, author string) string {
	switch {
	case !identified(actor):
		return "the server cannot tell who asks"
	case len(p.By) > 0 && !slices.ContainsFunc(p.By, func(a Approver) bool { return a.Matches(actor) }):
		return "it is not " + actor + " who may"
	case actor == author && !p.Author, slices.Contains(p.Not, actor):
		return actor + " asked for it, and another has to approve"
	}
	return ""
}

// Possible reports whether enough people may approve what author asks for.
func (p ApprovalParams) Possible(author string) bool {
	others := 0
	for _, a := range p.By {
		if strings.HasSuffix(string(a), "*") {
			return true
		}
		if (p.Author || !a.Matches(author)) && !slices.ContainsFunc(p.Not, a.Matches) {
			others++
		}
	}
	return len(p.By) == 0 || others >= p.Count
}

// identified reports whether an actor is somebody: a user or who has a token.
func identified(actor string) bool {
	return strings.HasPrefix(actor, "uid ") || strings.HasPrefix(actor, "token ")
}

// Approver names who may approve: "uid 1000" and "user anna" are a user of the
// server's machine, "token ci" is who has that token. A "*" at the end stands
// for any end: "token release-*".
type Approver string

// Matches reports whether an actor, as the server names it, is meant.
func (a Approver) Matches(actor string) bool {
	kind, name, _ := strings.Cut(string(a), " ")
	is, rest, ok := strings.Cut(actor, " ")
	if !ok {
		return false
	}
	if uid, user, named := strings.Cut(rest, " "); is == "uid" {
		rest = uid
		if kind == "user" && named {
			is, rest = "user", strings.TrimSuffix(strings.TrimPrefix(user, "("), ")")
		}
	}
	if start, open := strings.CutSuffix(name, "*"); open {
		return kind == is && strings.HasPrefix(rest, start)
	}
	return kind == is && name == rest
}

// Approval is one person's yes to a stage that waits for it.
type Approval struct {
	Stage  int       `json:"stage"` // index in the plan
	Actor  string    `json:"actor"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// Approved returns the approvals that the present stage has.
func (r *Rollout) Approved() []Approval {
	var given []Approval
	for _, a := range r.Approvals {
		if a.Stage == r.Stage {
			given = append(given, a)
		}
	}
	return given
}
