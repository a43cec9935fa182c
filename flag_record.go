package davit

import "time"

// FlagRecord is a flag as one change left it. The records of a flag are its
// history; the newest is the flag.
type FlagRecord struct {
	Application string `json:"application"`
	Flag        Flag   `json:"flag"`
	// Revision numbers the changes of the flag from 1, over a deletion too, so that
	// no two states of a key ever have the same one.
	Revision int64 `json:"revision"`
	// Sequence numbers the changes of all flags; the store sets it.
	Sequence int64     `json:"sequence"`
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"`
	Action   string    `json:"action"` // of the audit entry: "flag.create", "flag.change", …
	Comment  string    `json:"comment,omitempty"`
	Deleted  bool      `json:"deleted,omitempty"`
}

// FlagCommit is a change of a flag or of a segment, for a store to write in one transaction with
// the audit entry that tells of it.
type FlagCommit struct {
	Record  *FlagRecord    // Revision must be the stored one plus 1
	Segment *SegmentRecord // in place of Record, for a segment
	// Proposal and Protection are in place of Record too.
	Proposal   *FlagProposal
	Protection *FlagProtection
	Entry      AuditEntry
	// Request, unless it is nil, is remembered: asked again, it is answered and not
	// done again. A commit of nothing else has no entry.
	Request *FlagRequest
}

// Changes reports whether the commit is of more than a request to remember.
func (c FlagCommit) Changes() bool {
	return c.Record != nil || c.Segment != nil || c.Proposal != nil || c.Protection != nil
}

// Sequence returns the number that the store gave the change.
func (c FlagCommit) Sequence() int64 {
	if c.Segment != nil {
		return c.Segment.Sequence
	}
	return c.Record.Sequence
}

// FlagRequestKept is how long a request is remembered that its sender may repeat.
const FlagRequestKept = 24 * time.Hour

// FlagRequest is a request to change a flag that its sender may repeat.
type FlagRequest struct {
	Key    string // the sender's, unique for the actor
	Actor  string
	Digest string // of what was asked
	// Application, Flag and Revision name the record that the change left; Proposal,
	// unless it is empty, what was left in place of it.
	Application string
	Flag        string
	Revision    int64
	Proposal    string
	Unchanged   bool // the flag was so already
	At          time.Time
}
