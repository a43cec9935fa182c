package flag_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// TestNextIsCompile changes flags and segments at random, wrongly at times: what
// comes after a snapshot is what is compiled from nothing.
func TestNextIsCompile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := &flag.Snapshot{}
		var flags []davit.Flag
		var segments []davit.Segment
		for range rapid.IntRange(1, 40).Draw(t, "changes") {
			wasFlags, wasSegments := slices.Clone(flags), slices.Clone(segments)
			if rapid.IntRange(0, 4).Draw(t, "what") == 0 {
				segments = drawSegments(t)
			} else {
				flags = drawChange(t, flags)
			}
			wanted, wrong := flag.Compile("production", flags, segments)
			next, err := now.Next(flags, segments)
			if now.Environment() == "" { // the first
				next, err = wanted, wrong
			}
			if fmt.Sprint(err) != fmt.Sprint(wrong) {
				t.Fatalf("%v, want %v", err, wrong)
			}
			if err != nil {
				flags, segments = wasFlags, wasSegments
				continue
			}
			if !slices.Equal(next.Keys(false), wanted.Keys(false)) || !slices.Equal(next.Keys(true), wanted.Keys(true)) {
				t.Fatalf("keys %v, want %v", next.Keys(false), wanted.Keys(false))
			}
			for _, key := range next.Keys(false) {
				for _, user := range users {
					ctx, err := flag.NewContext(map[string]any{"targetingKey": user}, time.Now())
					if err != nil {
						t.Fatal(err)
					}
					if got, want := next.Explain(key, ctx), wanted.Explain(key, ctx); !reflect.DeepEqual(got, want) {
						t.Fatalf("%s of %s: %+v, want %+v", key, user, got, want)
					}
				}
			}
			now = next
		}
	})
}

var users = []string{"a", "b", "c"}

// drawChange returns the flags with one of them changed, made or removed.
func drawChange(t *rapid.T, flags []davit.Flag) []davit.Flag {
	keys := []string{"one", "two", "three", "four"}
	key := rapid.SampledFrom(keys).Draw(t, "key")
	flags = slices.Clone(flags)
	at := slices.IndexFunc(flags, func(f davit.Flag) bool { return f.Key == key })
	if at >= 0 && rapid.IntRange(0, 5).Draw(t, "remove") == 0 {
		return slices.Delete(flags, at, at+1)
	}
	variants := []davit.FlagVariant{{Name: "x", Value: json.RawMessage(`"x"`)}, {Name: "y", Value: json.RawMessage(`"y"`)}, {Name: "z", Value: json.RawMessage(`"z"`)}}
	f := davit.Flag{Key: key, Type: davit.FlagString, Variants: variants[:min(3, rapid.IntRange(2, 5).Draw(t, "variants"))], ClientSide: rapid.Bool().Draw(t, "client side")}
	variant := rapid.SampledFrom([]string{"x", "x", "x", "y", "y", "z"})
	s := davit.FlagSettings{Enabled: rapid.IntRange(0, 3).Draw(t, "on") > 0, Off: "x", Default: davit.FlagServe{Variant: variant.Draw(t, "serves")}}
	if rapid.Bool().Draw(t, "prerequisite") {
		s.Prerequisites = []davit.FlagPrerequisite{{Flag: rapid.SampledFrom(keys).Draw(t, "of"), Variants: []string{variant.Draw(t, "serving")}}}
	}
	if rapid.Bool().Draw(t, "rule") {
		s.Rules = []davit.FlagRule{{When: &davit.FlagCondition{Segment: "testers"}, Serve: davit.FlagServe{Variant: variant.Draw(t, "serves")}}}
	}
	f.Environments = map[string]davit.FlagSettings{"production": s}
	if at >= 0 {
		flags[at] = f
		return flags
	}
	return append(flags, f)
}

// drawSegments returns some segments, or none.
func drawSegments(t *rapid.T) []davit.Segment {
	if rapid.IntRange(0, 3).Draw(t, "none") == 0 {
		return nil
	}
	return []davit.Segment{{Key: "testers", Include: rapid.SliceOfDistinct(rapid.SampledFrom(users), rapid.ID).Draw(t, "testers")}}
}
