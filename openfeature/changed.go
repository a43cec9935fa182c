package openfeature

import (
	"maps"
	"reflect"
	"slices"

	"github.com/davit-dev/davit"
)

// changedSince returns the keys of the flags that may answer otherwise than before:
// those that say something else, and those that rest on a segment or another flag
// that does.
func (l *loaded) changedSince(before *loaded) []string {
	var was davit.FlagSnapshot
	if before != nil {
		was = before.from
	}
	now := l.from
	flags := differing(was.Flags, now.Flags, func(f *davit.Flag) string { return f.Key })
	segments := differing(was.Segments, now.Segments, func(s *davit.Segment) string { return s.Key })
	for more := true; more; { // segments rest on segments, and flags on flags
		more = false
		for i := range now.Segments {
			s := &now.Segments[i]
			if !segments[s.Key] && s.When != nil && names(s.When, segments) {
				segments[s.Key], more = true, true
			}
		}
	}
	for more := true; more; {
		more = false
		for i := range now.Flags {
			f := &now.Flags[i]
			if !flags[f.Key] && restsOn(f.Environments[now.Environment], flags, segments) {
				flags[f.Key], more = true, true
			}
		}
	}
	return slices.Sorted(maps.Keys(flags))
}

// differing returns the keys of what is new, gone or another.
func differing[T any](before, after []T, key func(*T) string) map[string]bool {
	was, keys := map[string]*T{}, map[string]bool{}
	for i := range before {
		was[key(&before[i])] = &before[i]
	}
	for i := range after {
		k := key(&after[i])
		if old := was[k]; old == nil || !reflect.DeepEqual(*old, after[i]) {
			keys[k] = true
		}
		delete(was, k)
	}
	for k := range was {
		keys[k] = true
	}
	return keys
}

// restsOn reports whether settings look at one of some flags or segments.
func restsOn(s davit.FlagSettings, flags, segments map[string]bool) bool {
	return slices.ContainsFunc(s.Prerequisites, func(p davit.FlagPrerequisite) bool { return flags[p.Flag] }) ||
		slices.ContainsFunc(s.Rules, func(r davit.FlagRule) bool { return r.When != nil && names(r.When, segments) })
}

// names reports whether a condition names one of some segments.
func names(c *davit.FlagCondition, segments map[string]bool) bool {
	inside := func(c davit.FlagCondition) bool { return names(&c, segments) }
	return segments[c.Segment] || slices.ContainsFunc(c.All, inside) || slices.ContainsFunc(c.Any, inside) ||
		c.Not != nil && names(c.Not, segments)
}
