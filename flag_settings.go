package davit

import "encoding/json"

// FlagSettings say who gets what of a flag in one environment. They are looked at
// in the order of their fields: a flag that is not enabled serves Off; so does one
// whose prerequisites do not hold; then the first target that names the user
// decides, then the first rule that applies, then Default.
type FlagSettings struct {
	Enabled bool `json:"enabled"`
	// Off is the variant served when the flag is off. Empty leaves it to the
	// application's own default.
	Off           string             `json:"off,omitempty"`
	Prerequisites []FlagPrerequisite `json:"prerequisites,omitempty"`
	Targets       []FlagTarget       `json:"targets,omitempty"`
	Rules         []FlagRule         `json:"rules,omitempty"`
	Default       FlagServe          `json:"default"`
}

// FlagPrerequisite asks for another flag to be on and to serve one of some of its
// variants to the same user.
type FlagPrerequisite struct {
	Flag     string   `json:"flag"`
	Variants []string `json:"variants"`
}

// FlagTarget serves a variant to users by name: an allowlist.
type FlagTarget struct {
	Variant string   `json:"variant"`
	Keys    []string `json:"keys"`
	// Attribute is what the keys are of; the targeting key when empty.
	Attribute string `json:"attribute,omitempty"`
}

// FlagRule serves something to whoever meets its condition.
type FlagRule struct {
	// ID names the rule within its flag and environment; it may be left out.
	ID          string         `json:"id,omitempty"`
	Description string         `json:"description,omitempty"`
	When        *FlagCondition `json:"when,omitempty"` // everybody when nil
	Serve       FlagServe      `json:"serve,omitzero"` // empty: what the settings' Default says
	// Advanced is flagd's targeting in JsonLogic, in place of When and Serve. What
	// it answers is the name of a variant, or null, and then the next rule is
	// looked at.
	Advanced json.RawMessage `json:"advanced,omitempty"`
}

// FlagServe is a variant, or a split over several. Neither leaves it to the
// application's own default.
type FlagServe struct {
	Variant string     `json:"variant,omitempty"`
	Split   *FlagSplit `json:"split,omitempty"`
}
