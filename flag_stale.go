package davit

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// FlagStale is a flag that may have had its time, and why.
type FlagStale struct {
	Key   string   `json:"key"`
	Owner string   `json:"owner,omitempty"`
	Why   []string `json:"why"`
}

// Stale says why a flag may have had its time: its lifetime is over; or it has not
// changed since a time, and everybody gets the same answer in every environment that
// it says something about, unless it is meant for good; or nobody has asked for it
// since that time. evaluated is when somebody last did, as far as is known: from when
// on it is noted, for a flag that nobody did ask for. It is zero when nothing is
// known. Stale returns nil when nothing speaks for that.
func (r *FlagRecord) Stale(now, since, evaluated time.Time) *FlagStale {
	f := &r.Flag
	s := &FlagStale{Key: f.Key, Owner: f.Owner}
	if end := f.Ends(); !end.IsZero() && end.Before(now) {
		s.Why = append(s.Why, "its lifetime ended on "+end.UTC().Format(time.DateOnly))
	}
	forGood := f.Kind == FlagOperational || f.Kind == FlagPermission
	if answer, all := f.sameForAll(); all && !forGood && r.At.Before(since) {
		s.Why = append(s.Why, fmt.Sprintf("everybody has got %s since %s", answer, r.At.UTC().Format(time.DateOnly)))
	}
	if !evaluated.IsZero() && evaluated.Before(since) && f.CreatedAt.Before(since) {
		s.Why = append(s.Why, "nobody has asked for it since "+evaluated.UTC().Format(time.DateOnly))
	}
	if s.Why == nil {
		return nil
	}
	return s
}

// sameForAll reports whether everybody gets the same answer in each environment, and
// which ones those are.
func (f *Flag) sameForAll() (answer string, same bool) {
	answers := map[string]bool{}
	for _, settings := range f.Environments {
		variant, same := settings.only()
		if !same {
			return "", false
		}
		if variant == "" {
			variant = "the application's default"
		}
		answers[variant] = true
	}
	names := slices.Sorted(maps.Keys(answers))
	for i, name := range names {
		if i > 0 {
			answer += " or, elsewhere, "
		}
		answer += name
	}
	return answer, len(names) > 0
}

// only returns the variant that everybody gets, and whether there is one; it is
// empty when that is the application's own default.
func (s *FlagSettings) only() (variant string, same bool) {
	if !s.Enabled {
		return s.Off, true
	}
	if len(s.Prerequisites) > 0 || len(s.Rules) > 0 || slices.ContainsFunc(s.Targets, func(t FlagTarget) bool {
		return len(t.Keys) > 0 && t.Variant != s.Default.Variant
	}) {
		return "", false
	}
	if s.Default.Split == nil {
		return s.Default.Variant, true
	}
	for _, share := range s.Default.Split.Shares {
		switch {
		case share.Weight == 0:
		case variant != "" && variant != share.Variant:
			return "", false
		default:
			variant = share.Variant
		}
	}
	return variant, variant != "" && len(s.Targets) == 0
}
