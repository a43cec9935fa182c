package api

import (
	"time"

	"github.com/davit-dev/davit"
)

// FlagProtectionList is the protected environments of an application.
type FlagProtectionList struct {
	Protections []davit.FlagProtection `json:"protections"`
}

// FlagProtecting asks for an environment to be protected.
type FlagProtecting struct {
	By      []davit.Approver `json:"by,omitempty" maxItems:"100" doc:"who may approve: user anna, uid 1000, token ci, token release-*; all whom the server knows when left out"`
	Count   int              `json:"count,omitempty" minimum:"1" maximum:"100" default:"1" doc:"how many others than the author have to approve"`
	Within  davit.Duration   `json:"within,omitempty" doc:"how long a proposal waits for them; 24h when left out"`
	Comment string           `json:"comment,omitempty" maxLength:"1024" doc:"why, for the audit log"`
}

// FlagProtected is what came of protecting an environment, or of removing that.
type FlagProtected struct {
	Protection *davit.FlagProtection `json:"protection" doc:"as it is now"`
	Proposal   *davit.FlagProposal   `json:"proposal,omitempty" doc:"what waits for approval; nothing was changed yet"`
}

// ProtectionWithin is how long proposals wait when nothing else is said: as approvals
// of deployments do.
const ProtectionWithin = 24 * time.Hour

// FlagProposalList is proposals of an application, newest first.
type FlagProposalList struct {
	Proposals []davit.FlagProposal `json:"proposals"`
	Next      string               `json:"next,omitempty" doc:"the next page's after; left out on the last page"`
}

// FlagAnswer is a person's answer to a proposal.
type FlagAnswer struct {
	Comment string `json:"comment,omitempty" maxLength:"1024" doc:"why, for the audit log; needed to reject"`
}
