package davit

import (
	"encoding/json"
	"time"
)

// Flag is a switch that an application asks for while it runs: which of its
// variants a user gets, in each environment. It is data; internal/flag compiles
// and evaluates it.
type Flag struct {
	Key         string   `json:"key"` // letters, digits and . _ - / : @, unique in the application
	Type        FlagType `json:"type"`
	Kind        FlagKind `json:"kind,omitempty"`
	Description string   `json:"description,omitempty"`
	Owner       string   `json:"owner,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	// Lifetime is how long the flag is expected to be needed; zero is as long as its
	// Kind says.
	Lifetime Duration `json:"lifetime,omitempty"`
	// ClientSide lets client keys, which anybody can read out of a web page, see
	// the flag.
	ClientSide bool `json:"clientSide,omitempty"`
	// Salt decides which users a percentage hits; the key when empty, so that
	// flags are independent of each other.
	Salt     string        `json:"salt,omitempty"`
	Variants []FlagVariant `json:"variants"`
	// Environments holds the settings by environment. In one that is left out the
	// flag is off, and applications take their own default.
	Environments map[string]FlagSettings `json:"environments,omitempty"`
	// Metadata goes to applications with every evaluation: texts, numbers and
	// booleans.
	Metadata  map[string]any `json:"metadata,omitempty"`
	CreatedAt time.Time      `json:"createdAt,omitzero"`
}

// FlagType is the type that all variants of a flag have.
type FlagType string

// The types of flags, as OpenFeature knows them.
const (
	FlagBoolean FlagType = "boolean"
	FlagString  FlagType = "string"
	FlagNumber  FlagType = "number"
	FlagObject  FlagType = "object"
)

// FlagKind says what a flag is for.
type FlagKind string

// The kinds of flags. Release and experiment flags are meant to go away.
const (
	FlagRelease     FlagKind = "release"
	FlagExperiment  FlagKind = "experiment"
	FlagOperational FlagKind = "operational"
	FlagPermission  FlagKind = "permission"
)

// Lifetime returns how long flags of the kind are expected to be needed when
// nothing else is said; zero is for good.
func (k FlagKind) Lifetime() time.Duration {
	const day = 24 * time.Hour
	switch k {
	case FlagRelease:
		return 40 * day
	case FlagExperiment:
		return 60 * day
	default:
		return 0
	}
}

// Ends returns when the flag is expected not to be needed any more; zero is never.
func (f *Flag) Ends() time.Time {
	lifetime := f.Lifetime.D()
	if lifetime == 0 {
		lifetime = f.Kind.Lifetime()
	}
	if lifetime == 0 || f.CreatedAt.IsZero() {
		return time.Time{}
	}
	return f.CreatedAt.Add(lifetime)
}

// FlagVariant is one of the answers of a flag.
type FlagVariant struct {
	Name        string          `json:"name"`
	Value       json.RawMessage `json:"value"` // of the flag's type
	Description string          `json:"description,omitempty"`
}

// BooleanVariants returns the variants that a boolean flag has by default: on and
// off.
func BooleanVariants() []FlagVariant {
	return []FlagVariant{{Name: "on", Value: json.RawMessage("true")}, {Name: "off", Value: json.RawMessage("false")}}
}

// Variant returns the variant of a name; nil when there is none.
func (f *Flag) Variant(name string) *FlagVariant {
	for i := range f.Variants {
		if f.Variants[i].Name == name {
			return &f.Variants[i]
		}
	}
	return nil
}
