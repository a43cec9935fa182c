package receipt

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
)

// Action is the audit log's name for the making of a receipt.
const Action = "rollout.receipt"

// Bound is what the audit entry of a receipt says under after: the digests of the
// statement and of its parts. So the log holds the one receipt of a rollout, and
// tells which part of a changed one is not as it was.
type Bound struct {
	Statement string            `json:"statement"` // hex SHA-256 of the payload
	Parts     map[string]string `json:"parts"`     // by name, "predicate.witness"
}

// Sign makes a receipt's envelope, as JSON, and the audit entry to be committed
// with it.
func Sign(s Statement, signer Signer, now time.Time) (envelope []byte, entry davit.AuditEntry, err error) {
	payload, err := s.encode()
	if err != nil {
		return nil, entry, fmt.Errorf("encoding the receipt: %w", err)
	}
	sealed, err := seal(payload, signer)
	if err != nil {
		return nil, entry, err
	}
	if envelope, err = json.Marshal(sealed); err != nil {
		return nil, entry, fmt.Errorf("encoding the receipt's envelope: %w", err)
	}
	parts, err := partsOf(payload)
	if err != nil {
		return nil, entry, err
	}
	bound := Bound{Statement: digest(payload).SHA256, Parts: map[string]string{}}
	for name, raw := range parts {
		bound.Parts[name] = digest(raw).SHA256
	}
	after, err := json.Marshal(bound)
	if err != nil {
		return nil, entry, fmt.Errorf("encoding the receipt's digests: %w", err)
	}
	r := s.Predicate.Rollout
	entry = davit.AuditEntry{
		At: now.UTC(), Actor: "davit", Action: Action, Application: r.Application, Environment: r.Environment,
		Rollout: r.ID, Reason: string(s.Predicate.Outcome), After: after,
	}
	for _, release := range s.Predicate.Releases {
		if release.Role == "target" {
			entry.Release = release.ID
		}
	}
	return envelope, entry, nil
}

// partsOf takes a payload apart: the statement's fields, and those of its
// predicate, byte for byte.
func partsOf(payload []byte) (map[string]json.RawMessage, error) {
	var fields, inner map[string]json.RawMessage
	if err := json.Unmarshal(payload, &fields); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(fields["predicate"], &inner); err != nil {
		return nil, fmt.Errorf("the predicate: %w", err)
	}
	delete(fields, "predicate")
	for name, raw := range inner {
		fields["predicate."+name] = raw
	}
	return fields, nil
}
