package api

import (
	"encoding/json"
	"time"

	"github.com/davit-dev/davit"
)

// FlagList is a page of flags.
type FlagList struct {
	Flags []davit.FlagRecord `json:"flags"`
	// Next is what to ask for to get the next page; empty on the last one.
	Next string `json:"next,omitempty" doc:"the next page's after; left out on the last page"`
}

// FlagUsage tells when flags were last evaluated over OFREP by this server or an edge
// server, or in a program that tells, in any environment.
type FlagUsage struct {
	Since time.Time `json:"since" doc:"from when on it is noted"`
	// Flags holds those that were evaluated since then. One that was given out with
	// all others, to who does not tell which it uses, counts.
	Flags map[string]time.Time `json:"flags"`
	// Partial says that others answer for these flags too, of whom nothing is known now.
	Partial bool `json:"partial,omitempty" doc:"edge servers may answer for these flags too, and Redis does not say what they answered"`
}

// FlagHistory is a page of a flag's records, newest first.
type FlagHistory struct {
	Records []davit.FlagRecord `json:"records"`
	Next    int64              `json:"next,omitempty" doc:"the next page's before; left out on the last page"`
}

// FlagCreation asks for a new flag.
type FlagCreation struct {
	Flag     davit.Flag       `json:"flag"`
	Comment  string           `json:"comment,omitempty" maxLength:"1024" doc:"why, for the audit log"`
	Contexts []map[string]any `json:"contexts,omitempty" maxItems:"10000" doc:"with dryRun: whose answers to compare; without any, those of users seen lately"`
}

// FlagImport asks for flags to be taken over, all of them or none.
type FlagImport struct {
	Environment string       `json:"environment" minLength:"1" maxLength:"63" doc:"that they are taken over into; what flags say about others stays"`
	Flags       []davit.Flag `json:"flags" maxItems:"10000" doc:"as they are to be in the environment, each of another key"`
	// Segments that are there already have to say the same.
	Segments []davit.Segment `json:"segments,omitempty" maxItems:"1000" doc:"that the flags name; one that is there already has to say the same"`
	Comment  string          `json:"comment,omitempty" maxLength:"1024" doc:"why, for the audit log"`
}

// FlagImported is what came of flags that were taken over, in the order of the
// request.
type FlagImported struct {
	Flags    []davit.FlagOutcome `json:"flags"`
	Proposal *davit.FlagProposal `json:"proposal,omitempty" doc:"what waits for approval, of all of them; nothing was changed yet"`
}

// FlagInstructions ask for changes of a flag, made all or none.
type FlagInstructions struct {
	Instructions []davit.FlagInstruction `json:"instructions" minItems:"1" maxItems:"100"`
	Comment      string                  `json:"comment,omitempty" maxLength:"1024" doc:"why, for the audit log"`
	At           time.Time               `json:"at,omitzero" doc:"when to carry them out, on the flag as it is then; at once when left out"`
	Contexts     []map[string]any        `json:"contexts,omitempty" maxItems:"10000" doc:"with dryRun: whose answers to compare; without any, those of users seen lately"`
}

// FlagRevert asks for a flag to say what it said.
type FlagRevert struct {
	Revision int64            `json:"revision" minimum:"1" doc:"whose state to go back to"`
	Comment  string           `json:"comment,omitempty" maxLength:"1024" doc:"why, for the audit log"`
	Contexts []map[string]any `json:"contexts,omitempty" maxItems:"10000" doc:"with dryRun: whose answers to compare; without any, those of users seen lately"`
}

// FlagPreview asks what a change would do whose own request has no place for contexts:
// exactly one of Flag, Patch and Delete.
type FlagPreview struct {
	Flag     *davit.Flag      `json:"flag,omitempty" doc:"as a whole, as putFlag takes it"`
	Patch    json.RawMessage  `json:"patch,omitempty" doc:"a JSON merge patch, as patchFlag takes it"`
	Delete   bool             `json:"delete,omitempty" doc:"the flag is to go, as by deleteFlag"`
	Contexts []map[string]any `json:"contexts,omitempty" maxItems:"10000" doc:"whose answers to compare; without any, those of users seen lately"`
}

// FlagOutcomes is what an application tells of the variants that it served.
type FlagOutcomes struct {
	Environment string            `json:"environment" minLength:"1" maxLength:"63"`
	Outcomes    []davit.FlagTally `json:"outcomes" minItems:"1" maxItems:"100" doc:"of each variant, since the last report"`
}

// FlagEvaluation asks what somebody gets.
type FlagEvaluation struct {
	Environment string         `json:"environment" maxLength:"63"`
	Context     map[string]any `json:"context,omitempty" doc:"who asks: targetingKey and other attributes"`
}

// FlagExplanation is what somebody gets, and why.
type FlagExplanation struct {
	Key         string     `json:"key"`
	Environment string     `json:"environment"`
	Variant     string     `json:"variant,omitempty" doc:"left out when the application's own default is meant"`
	Value       any        `json:"value,omitempty"`
	Reason      string     `json:"reason" doc:"STATIC, TARGETING_MATCH, SPLIT, DEFAULT, DISABLED or ERROR"`
	Rule        string     `json:"rule,omitempty" doc:"that decided"`
	Error       string     `json:"errorCode,omitempty"`
	Message     string     `json:"errorDetails,omitempty"`
	Steps       []FlagStep `json:"steps"`
}

// FlagStep is something that was looked at in an evaluation.
type FlagStep struct {
	Depth int    `json:"depth" doc:"more than 0 for what another step rests on"`
	What  string `json:"what"`
	Holds bool   `json:"holds"`
	Why   string `json:"why"`
}

// AccessKeyList is the access keys of an application.
type AccessKeyList struct {
	Keys []davit.AccessKey `json:"keys"`
	Next string            `json:"next,omitempty" doc:"the next page's after; left out on the last page"`
}

// AccessKeyCreation asks for an access key.
type AccessKeyCreation struct {
	Environment string              `json:"environment" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"`
	Kind        davit.AccessKeyKind `json:"kind" enum:"server,client,read-only,admin"`
	Name        string              `json:"name" minLength:"1" maxLength:"63" pattern:"^[A-Za-z0-9][A-Za-z0-9._@-]*$" doc:"who uses it"`
	Lifetime    davit.Duration      `json:"lifetime,omitempty" doc:"for ever when left out"`
}

// AccessKeyRotation asks for an access key in place of another.
type AccessKeyRotation struct {
	Overlap davit.Duration `json:"overlap,omitempty" doc:"how long the old one goes on being taken"`
}

// NewAccessKey is an access key with its text, which is told once.
type NewAccessKey struct {
	davit.AccessKey
	Key string `json:"key" doc:"the key itself; nobody can tell it afterwards"`
}
