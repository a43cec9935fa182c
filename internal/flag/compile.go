package flag

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"github.com/davit-dev/davit"
)

// Bounds on what is compiled, far above what people write.
const (
	nameMost      = 256     // bytes of a key, a name, an attribute
	valueMost     = 1 << 16 // bytes of a variant's value
	variantsMost  = 1000
	sharesMost    = 1000
	depthMost     = 20     // of conditions within conditions
	costMost      = 10_000 // conditions that one rests on, in segments too
	othersMost    = 1000   // flags that are evaluated to evaluate one
	expressionMax = 1000   // bytes of a regular expression or a range of versions
)

// compiler makes a snapshot, and notes what is wrong.
type compiler struct {
	environment string
	given       map[string]*davit.Segment
	segments    map[string]*segment // nil while it is being compiled
	flags       map[string]*compiled
}

// Compile turns the flags of an environment into a snapshot. It returns an error
// of davit.CodeInvalid that wraps Problems when they are not valid. The flags and
// segments must not be changed afterwards.
func Compile(environment string, flags []davit.Flag, segments []davit.Segment) (*Snapshot, error) {
	return (&Snapshot{environment: environment}).Next(flags, segments)
}

// Next is Compile for what comes after a snapshot, in its environment. What is as it
// was is not compiled again.
func (s *Snapshot) Next(flags []davit.Flag, segments []davit.Segment) (*Snapshot, error) {
	var found Problems
	next := compile(s, flags, segments, &found)
	if err := found.err(); err != nil {
		return nil, err
	}
	return next, nil
}

// Validate says what is wrong with flags and segments, in all environments. It
// returns an error of davit.CodeInvalid that wraps Problems.
func Validate(flags []davit.Flag, segments []davit.Segment) error {
	var found Problems
	environments := map[string]bool{"": true} // what is wrong in none is found too
	for _, f := range flags {
		for name := range f.Environments {
			environments[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(environments)) {
		compile(&Snapshot{environment: name}, flags, segments, &found)
	}
	slices.SortFunc(found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(found).err()
}

func compile(before *Snapshot, flags []davit.Flag, segments []davit.Segment, found *Problems) *Snapshot {
	c := &compiler{
		environment: before.environment,
		given:       make(map[string]*davit.Segment, len(segments)),
		segments:    make(map[string]*segment, len(segments)),
		flags:       make(map[string]*compiled, len(flags)),
	}
	kept := before.kept(flags, segments)
	if kept == nil {
		c.allSegments(segments, place{"segments", found})
	} else {
		c.segments = before.segments
	}
	at := place{"flags", found}
	for i := range flags {
		key := flags[i].Key
		switch {
		case c.flags[key] != nil:
			at.key(key).wrong("there are two flags of this key")
		case kept[key]:
			c.flags[key] = before.flags[key]
		default:
			c.flags[key] = c.flag(&flags[i], at.key(key))
		}
	}
	s := &Snapshot{environment: c.environment, flags: c.flags, keys: slices.Sorted(maps.Keys(c.flags)), segments: c.segments, ofSegments: segments}
	for i := range flags {
		if settings, ok := flags[i].Environments[c.environment]; ok && !kept[flags[i].Key] {
			here := at.key(flags[i].Key).field("environments").key(c.environment)
			c.settings(c.flags[flags[i].Key], &flags[i], &settings, here)
		}
	}
	c.circles(flags, at)
	for _, key := range s.keys {
		if s.flags[key].clientSide {
			s.clientKeys = append(s.clientKeys, key)
		}
	}
	return s
}

// kept returns the keys of the flags whose compiled form can stay: they are as they
// were, and so is all that they rest on. It is nil when segments are not as they were.
func (s *Snapshot) kept(flags []davit.Flag, segments []davit.Segment) map[string]bool {
	if len(s.flags) == 0 || !reflect.DeepEqual(s.ofSegments, segments) {
		return nil
	}
	kept := make(map[string]bool, len(flags))
	var resting []*davit.Flag // on others
	for i := range flags {
		f := &flags[i]
		was := s.flags[f.Key]
		kept[f.Key] = was != nil && !kept[f.Key] && reflect.DeepEqual(was.given, *f)
		if kept[f.Key] && len(was.prerequisites) > 0 {
			resting = append(resting, f)
		}
	}
	for again := true; again; {
		again = false
		for _, f := range resting {
			if kept[f.Key] && !restsOnKept(s.flags[f.Key], kept) {
				kept[f.Key], again = false, true
			}
		}
	}
	return kept
}

// restsOnKept reports whether all flags that one needs directly are kept.
func restsOnKept(f *compiled, kept map[string]bool) bool {
	return !slices.ContainsFunc(f.prerequisites, func(p prerequisite) bool { return !kept[p.flag.key] })
}
