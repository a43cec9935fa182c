// Package davit holds the ideas that Davit is made of, and nothing that
// touches the world: releases, states, plans, gates, rollouts.
//
// A plan is a list of stages. A stage is a desired state and the gates that
// must hold before the next one. Hauling back is converging to the state the
// rollout started from.
//
// The package imports the standard library alone. What runs instances, splits
// traffic, stores and serves lives in adapters under internal/.
package davit

import (
	"fmt"
	"time"
)

// Duration is a time.Duration that reads and writes as text ("1m30s") in JSON.
type Duration time.Duration

// D returns d as a time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String formats d as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes d in the form of time.Duration.String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("reading a duration: %w", err)
	}
	*d = Duration(parsed)
	return nil
}
