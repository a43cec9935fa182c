// Package receipt makes and verifies the signed record of a rollout: an in-toto
// statement in a DSSE envelope, bound to the audit log by an entry that holds the
// digests of its parts. docs/reference/receipt.md describes its form.
package receipt

import (
	"encoding/json"
	"time"

	"github.com/davit-dev/davit"
)

// The types of a statement (in-toto attestation framework, version 1) and of its
// predicate.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://github.com/davit-dev/davit/receipt/v1"
)

// Statement says something about its subjects.
type Statement struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Predicate `json:"predicate"`
}

// Subject is an artifact, by its digest.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// Predicate is what is said of a rollout. Times are of the server's wall clock.
type Predicate struct {
	Rollout   Rollout   `json:"rollout"`
	Releases  []Release `json:"releases"`
	Requested Request   `json:"requested"`
	// Plan is what was meant to happen, Stages what did.
	Plan   davit.Plan `json:"plan"`
	Stages []Stage    `json:"stages"`
	// Commands are what operators said while it went on: approvals, aborts.
	Commands []Command `json:"commands,omitempty"`
	// Incidents are interruptions: servers that died, leases that lapsed,
	// platforms that failed.
	Incidents []Incident      `json:"incidents,omitempty"`
	Witness   *davit.Measured `json:"witness,omitempty"`
	Outcome   davit.Phase     `json:"outcome"`
	// Reason says why it was hauled back or failed.
	Reason  string  `json:"reason,omitempty"`
	Journal Journal `json:"journal"`
	Samples *Digest `json:"samples,omitempty"`
	Builder Builder `json:"builder"`
}

// Rollout is which rollout it is, and when it went through its phases.
type Rollout struct {
	ID          string            `json:"id"`
	Application string            `json:"application"`
	Environment string            `json:"environment"`
	Kind        davit.RolloutKind `json:"kind"`
	CreatedAt   time.Time         `json:"createdAt"`
	StartedAt   time.Time         `json:"startedAt,omitzero"`
	PromotedAt  time.Time         `json:"promotedAt,omitzero"`
	HauledAt    time.Time         `json:"hauledAt,omitzero"`
	EndedAt     time.Time         `json:"endedAt,omitzero"`
}

// Release is one that took part.
type Release struct {
	Role       string            `json:"role"` // "target" or "stable"
	ID         davit.ReleaseID   `json:"id"`
	Version    string            `json:"version"`
	Artifacts  map[string]string `json:"artifacts,omitempty"` // digests by service
	ConfigHash string            `json:"configHash"`
}

// Request is who asked for the rollout, and why.
type Request struct {
	Actor  string    `json:"actor"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// Stage is one that the rollout went through, or the way back.
type Stage struct {
	Index int       `json:"index"` // in the plan
	Name  string    `json:"name"`
	Back  bool      `json:"back,omitempty"` // hauling back from this stage
	From  time.Time `json:"from"`
	// Held is when its state was reached, Until when it was left.
	Held     time.Time `json:"held,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Splits   []Split   `json:"splits,omitempty"`
	Verdicts []Verdict `json:"verdicts,omitempty"`
	Omitted  int       `json:"omitted,omitempty"` // verdicts between the first and the last ones
}

// Split is a split that came into effect.
type Split struct {
	At    time.Time   `json:"at"`
	Split davit.Split `json:"split"`
}

// Verdict is a gate's answer that differed from the one before.
type Verdict struct {
	Gate    string        `json:"gate"`
	Outcome davit.Outcome `json:"outcome"`
	Reason  string        `json:"reason"`
	At      time.Time     `json:"at"`
	// Evidence is the digest of the evidence's JSON, as the journal has it.
	Evidence *Digest `json:"evidence,omitempty"`
}

// Command is an operator's word to the rollout.
type Command struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind,omitempty"`
	Actor   string    `json:"actor,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Message string    `json:"message"`
}

// Incident is something that interrupted the rollout.
type Incident struct {
	At      time.Time       `json:"at"`
	Kind    davit.EventKind `json:"kind"`
	Message string          `json:"message"`
}

// Journal is the digest of the rollout's journal when the receipt was made: of
// its events' JSON, a line each. The witness's lines, whose sum is in the
// predicate, are left out.
type Journal struct {
	Events int    `json:"events"`
	SHA256 string `json:"sha256"`
}

// Digest is a hex SHA-256.
type Digest struct {
	SHA256 string `json:"sha256"`
}

// Builder is the program that made the receipt.
type Builder struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// encode returns the statement's bytes, as they are signed.
func (s Statement) encode() ([]byte, error) { return json.Marshal(s) }
