package davit

import "time"

// Segment is a group of users that flags share, in all environments.
type Segment struct {
	Key         string   `json:"key"`
	Description string   `json:"description,omitempty"`
	Include     []string `json:"include,omitempty"` // targeting keys that are in
	Exclude     []string `json:"exclude,omitempty"` // targeting keys that are not, whatever else is said
	// When is met by the others that are in; nobody else is when it is nil.
	When *FlagCondition `json:"when,omitempty"`
}

// Difference returns where the JSON of two segments differs, as of flags.
func (s Segment) Difference(after Segment) ([]FlagDifference, error) { return difference(s, after) }

// SegmentRecord is a segment as one change left it. The records of a segment are
// its history; the newest is the segment.
type SegmentRecord struct {
	Application string  `json:"application"`
	Segment     Segment `json:"segment"`
	// Revision numbers the changes of the segment from 1, over a deletion too.
	Revision int64 `json:"revision"`
	// Sequence numbers the changes of all flags and segments; the store sets it.
	Sequence int64     `json:"sequence"`
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"`
	Action   string    `json:"action"` // of the audit entry: "segment.set", "segment.delete" or "flag.import"
	Comment  string    `json:"comment,omitempty"`
	Deleted  bool      `json:"deleted,omitempty"`
}

// SegmentEdit asks for a change of a segment.
type SegmentEdit struct {
	Application    string
	Segment        Segment // as it is to be; of one that is to go, the key
	Actor, Comment string
	// Match is the revision that the segment must have: AnyFlagRevision for whichever
	// there is, and AnyFlagOrNone whatever there is.
	Match  int64
	Delete bool
	// Propose makes a proposal of a change that needs approval, in place of refusing
	// it.
	Propose bool
	// DryRun changes nothing.
	DryRun bool
}

// SegmentOutcome is what came of an edit, or would.
type SegmentOutcome struct {
	Record     *SegmentRecord   `json:"record"` // as it is now; with DryRun, as it would be
	Difference []FlagDifference `json:"difference"`
	// Changed is false when the segment was so already, or nothing was to be changed.
	Changed bool `json:"changed"`
	// Protected and Proposal are as those of a FlagOutcome.
	Protected []string      `json:"protected,omitempty" doc:"environments for which others have to approve it"`
	Proposal  *FlagProposal `json:"proposal,omitempty" doc:"what waits for approval; nothing was changed yet"`
}
