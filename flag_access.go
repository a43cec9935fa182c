package davit

import "time"

// AccessKey lets a program read the flags of one environment of an application,
// or change them. It is shown once, when it is made; what is kept is a digest.
type AccessKey struct {
	ID          string        `json:"id"`
	Application string        `json:"application"`
	Environment string        `json:"environment"`
	Kind        AccessKeyKind `json:"kind"`
	Name        string        `json:"name"`             // for people: who uses it
	Digest      string        `json:"digest,omitempty"` // SHA-256 of the key, in hexadecimal
	CreatedAt   time.Time     `json:"createdAt"`
	CreatedBy   string        `json:"createdBy"`
	ExpiresAt   time.Time     `json:"expiresAt,omitzero"`  // never when zero
	LastUsedAt  time.Time     `json:"lastUsedAt,omitzero"` // to the minute
}

// Expired reports whether the key is not to be taken any more.
func (k *AccessKey) Expired(now time.Time) bool {
	return !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt)
}

// AccessKeyKind says what a key is good for.
type AccessKeyKind string

// The kinds of keys. All but client keys are secrets.
const (
	AccessServer   AccessKeyKind = "server"    // evaluates all flags
	AccessClient   AccessKeyKind = "client"    // evaluates the flags that are marked client-side; may stand in a web page
	AccessReadOnly AccessKeyKind = "read-only" // evaluates, and reads what flags say
	AccessAdmin    AccessKeyKind = "admin"     // changes flags too, as far as the environment goes
)

// Known reports whether there is such a kind.
func (k AccessKeyKind) Known() bool {
	switch k {
	case AccessServer, AccessClient, AccessReadOnly, AccessAdmin:
		return true
	}
	return false
}
