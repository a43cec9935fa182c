package davit

// FlagCondition is a condition over the context of an evaluation. It is exactly
// one of: All, Any, Not, Segment, or a comparison of an Attribute.
type FlagCondition struct {
	All     []FlagCondition `json:"all,omitempty"`
	Any     []FlagCondition `json:"any,omitempty"`
	Not     *FlagCondition  `json:"not,omitempty"`
	Segment string          `json:"segment,omitempty"` // the user is in the segment of that key

	// Attribute is a path in the context: "targetingKey", "user.plan", "roles.0".
	// A backslash takes a dot as it is.
	Attribute string       `json:"attribute,omitempty"`
	Op        FlagOperator `json:"op,omitempty"`
	// Values are what the attribute is compared with. When there are several, one
	// is enough.
	Values []any `json:"values,omitempty"`
}

// FlagOperator compares an attribute of the context with values. An attribute
// that is not there, or of another type, meets no comparison.
type FlagOperator string

// The operators of conditions.
const (
	OpEquals     FlagOperator = "equals"     // the same text, number or boolean
	OpIn         FlagOperator = "in"         // equal to one of the values
	OpContains   FlagOperator = "contains"   // a text holds the value; a list has it as element
	OpStartsWith FlagOperator = "startsWith" // of texts
	OpEndsWith   FlagOperator = "endsWith"   // of texts
	OpMatches    FlagOperator = "matches"    // a regular expression of RE2 finds something in the text
	OpLess       FlagOperator = "less"       // of numbers
	OpAtMost     FlagOperator = "atMost"     // of numbers
	OpMore       FlagOperator = "more"       // of numbers
	OpAtLeast    FlagOperator = "atLeast"    // of numbers
	OpBefore     FlagOperator = "before"     // of times: RFC 3339, dates, or Unix time in seconds
	OpAfter      FlagOperator = "after"      // of times
	OpSemver     FlagOperator = "semver"     // a version is in a range: ">=1.2.0 <2.0.0", "^1.4", "~2.1.3 || 3.x"
	OpPresent    FlagOperator = "present"    // it is there and not null; takes no values
	OpText       FlagOperator = "text"       // it is a text; takes no values
	OpCIDR       FlagOperator = "cidr"       // an IP address is in a network: "10.0.0.0/8"; "::ffff:10.0.0.0/104" is the same
)
