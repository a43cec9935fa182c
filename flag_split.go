package davit

import "math"

// FlagWhole is the sum of the weights of splits that Davit makes: a share of 1 is
// 0.001 %.
const FlagWhole = 100_000

// MaxFlagWeight bounds the sum of a split's weights, as flagd does.
const MaxFlagWeight = math.MaxInt32

// TargetingKey is the attribute of a context that says who asks.
const TargetingKey = "targetingKey"

// FlagSplit serves variants to shares of the users. Who gets which is settled by
// a hash of the salt and an attribute, so that it stays the same. Each share is a
// range of that hash's values, in the order in which they stand, and so a variant
// may have several.
type FlagSplit struct {
	// By is the attribute that users are told apart by; the targeting key when
	// empty.
	By string `json:"by,omitempty"`
	// Salt overrides the flag's.
	Salt *string `json:"salt,omitempty"`
	// Otherwise is served to those that the attribute is missing of. When it is
	// empty, the evaluation fails for them.
	Otherwise string      `json:"otherwise,omitempty"`
	Shares    []FlagShare `json:"shares"`
}

// FlagShare is a variant and its weight. Its part of the users is its weight over
// the sum of all weights.
type FlagShare struct {
	Variant string `json:"variant"`
	Weight  int    `json:"weight"`
}

// Total returns the sum of the weights.
func (s FlagSplit) Total() int {
	total := 0
	for _, share := range s.Shares {
		total += share.Weight
	}
	return total
}
