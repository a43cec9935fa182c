package flag

import (
	"cmp"
	"maps"
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
	var found Problems
	s := compile(environment, flags, segments, &found)
	if err := found.err(); err != nil {
		return nil, err
	}
	return s, nil
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
		compile(name, flags, segments, &found)
	}
	slices.SortFunc(found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(found).err()
}

func compile(environment string, flags []davit.Flag, segments []davit.Segment, found *Problems) *Snapshot {
	c := &compiler{
		environment: environment,
		given:       make(map[string]*davit.Segment, len(segments)),
		segments:    make(map[string]*segment, len(segments)),
		flags:       make(map[string]*compiled, len(flags)),
	}
	c.allSegments(segments, place{"segments", found})
	at := place{"flags", found}
	for i := range flags {
		here := at.key(flags[i].Key)
		if c.flags[flags[i].Key] != nil {
			here.wrong("there are two flags of this key")
			continue
		}
		c.flags[flags[i].Key] = c.flag(&flags[i], here)
	}
	s := &Snapshot{environment: environment, flags: c.flags, keys: slices.Sorted(maps.Keys(c.flags))}
	for i := range flags {
		if settings, ok := flags[i].Environments[environment]; ok {
			here := at.key(flags[i].Key).field("environments").key(environment)
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
