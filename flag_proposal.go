package davit

import "time"

// FlagProposal is a change of flags that is not made yet: it waits for people to
// approve it, for its time, or for one after the other.
type FlagProposal struct {
	ID          string            `json:"id"`
	Application string            `json:"application"`
	State       FlagProposalState `json:"state"`
	// Revision numbers what happened to the proposal from 1.
	Revision int64  `json:"revision"`
	Actor    string `json:"actor"`
	Action   string `json:"action"` // of the change's audit entry: "flag.change", …
	Comment  string `json:"comment,omitempty"`
	// KeyID is of the access key that it was asked for with, and Not who made that key:
	// they may not approve it.
	KeyID string    `json:"keyId,omitempty"`
	Not   []string  `json:"not,omitempty"`
	At    time.Time `json:"at"`
	// Due is when the change is to be made; as soon as it is approved when zero.
	Due time.Time `json:"due,omitzero"`
	// ExpiresAt is when it is given up, unless it was approved; zero when nobody has to.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// Environments are the protected ones in which it changes what flags serve.
	Environments []string       `json:"environments,omitempty"`
	Approvals    []FlagApproval `json:"approvals,omitempty"`

	Summary string `json:"summary"` // what it is about, for people

	// What is to be changed is a protection, or what flags and segments are to be, or
	// what is to be done to a flag when it is due.
	Protection   *FlagProtection   `json:"protection,omitempty"`
	Flags        []FlagDraft       `json:"flags,omitempty"`
	Segments     []SegmentDraft    `json:"segments,omitempty"`
	Flag         string            `json:"flag,omitempty"`
	Instructions []FlagInstruction `json:"instructions,omitempty"`

	EndedAt time.Time `json:"endedAt,omitzero"`
	EndedBy string    `json:"endedBy,omitempty"`
	Why     string    `json:"why,omitempty"` // it ended so
}

// Bounds on proposals: how many of an application wait at once, and how long one is as
// JSON, in bytes.
const (
	FlagProposalsMost = 100
	FlagProposalMost  = 4 << 20
)

// FlagProposalState is how far a proposal is.
type FlagProposalState string

// The states of proposals. All but the first two are its end.
const (
	FlagProposed  FlagProposalState = "proposed"  // waits for approval
	FlagScheduled FlagProposalState = "scheduled" // waits for its time
	FlagApplied   FlagProposalState = "applied"
	FlagRejected  FlagProposalState = "rejected"
	FlagCancelled FlagProposalState = "cancelled" // when it was scheduled
	FlagExpired   FlagProposalState = "expired"   // nobody approved it in time
	FlagFailed    FlagProposalState = "failed"    // it could not be made any more
	FlagMissed    FlagProposalState = "missed"    // no server ran when it was due, nor soon after
)

// Ended reports whether nothing more comes of the proposal.
func (p *FlagProposal) Ended() bool { return p.State != FlagProposed && p.State != FlagScheduled }

// Wakes returns when something is to be done about the proposal without being asked;
// zero when it has ended.
func (p *FlagProposal) Wakes() time.Time {
	switch p.State {
	case FlagProposed:
		return p.ExpiresAt
	case FlagScheduled:
		return p.Due
	}
	return time.Time{}
}

// Lacks says what a protection asks for beyond the approvals of a proposal; "" when it
// has enough.
func (p *FlagProposal) Lacks(protection *FlagProtection) string {
	given := make([]string, 0, len(p.Approvals))
	for _, a := range p.Approvals {
		given = append(given, a.Actor)
	}
	return protection.lacks(p.Actor, p.Not, given)
}

// FlagApproval is one person's yes to a proposal.
type FlagApproval struct {
	Actor   string    `json:"actor"`
	Comment string    `json:"comment,omitempty"`
	At      time.Time `json:"at"`
}

// FlagDraft is a flag as a proposal makes it.
type FlagDraft struct {
	// Base is the revision that the flag has to be at; 0 when there is to be none.
	Base       int64            `json:"base"`
	Flag       Flag             `json:"flag"`
	Delete     bool             `json:"delete,omitempty"`
	Difference []FlagDifference `json:"difference"`
}

// SegmentDraft is a segment as a proposal makes it.
type SegmentDraft struct {
	Base       int64            `json:"base"` // as of a FlagDraft
	Segment    Segment          `json:"segment"`
	Delete     bool             `json:"delete,omitempty"`
	Difference []FlagDifference `json:"difference"`
}

// FlagSchedule asks for instructions to be carried out later, on the flag as it is
// then.
type FlagSchedule struct {
	At           time.Time
	Instructions []FlagInstruction
}
