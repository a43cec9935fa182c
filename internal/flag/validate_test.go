package flag_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// What is wrong is told with its place.
func TestValidate(t *testing.T) {
	const at = "flags[f].environments[production]"
	for name, c := range map[string]struct{ flags, segments, place, message string }{
		"key":                  {flags: `[{"key": " f", "type": "boolean"}]`, place: "flags[ f]", message: "space"},
		"two flags":            {flags: `[{"key": "f", "type": "boolean"}, {"key": "f", "type": "boolean"}]`, place: "flags[f]", message: "two flags"},
		"type":                 {flags: `[{"key": "f", "type": "int"}]`, place: "flags[f].type", message: `"int" is none of`},
		"kind":                 {flags: `[{"key": "f", "type": "boolean", "kind": "toy"}]`, place: "flags[f].kind", message: "toy"},
		"no variants":          {flags: `[{"key": "f", "type": "boolean"}]`, place: "flags[f].variants", message: "there are 0 variants"},
		"variant's type":       {flags: `[{"key": "f", "type": "boolean", "variants": [{"name": "on", "value": 1}]}]`, place: "flags[f].variants[0].value", message: "it is no boolean"},
		"two variants":         {flags: `[{"key": "f", "type": "number", "variants": [{"name": "on", "value": 1}, {"name": "on", "value": 2}]}]`, place: "flags[f].variants[1]", message: "two variants"},
		"metadata":             {flags: `[{"key": "f", "type": "number", "variants": [{"name": "on", "value": 1}], "metadata": {"a": []}}]`, place: "flags[f].metadata[a]", message: "neither"},
		"off":                  {flags: settings(`"off": "away"`), place: at + ".off", message: `no variant "away"`},
		"prerequisite":         {flags: settings(`"prerequisites": [{"flag": "g", "variants": ["on"]}]`), place: at + ".prerequisites[0].flag", message: `no flag "g"`},
		"prerequisite's own":   {flags: settings(`"prerequisites": [{"flag": "f", "variants": ["on"]}]`), place: at + ".prerequisites", message: "f needs f"},
		"prerequisite variant": {flags: settings(`"prerequisites": [{"flag": "f", "variants": ["away"]}]`), place: at + ".prerequisites[0].variants[0]", message: `no variant "away"`},
		"target":               {flags: settings(`"targets": [{"variant": "away", "keys": [""]}]`), place: at + ".targets[0].keys[0]", message: "empty"},
		"rule IDs":             {flags: settings(`"rules": [{"id": "a", "serve": {}}, {"id": "a", "serve": {}}]`), place: at + ".rules[1].id", message: "two rules"},
		"advanced":             {flags: settings(`"rules": [{"advanced": {"shout": []}}]`), place: at + ".rules[0].advanced", message: `no operation "shout"`},
		"advanced and more":    {flags: settings(`"rules": [{"advanced": "on", "serve": {"variant": "on"}}]`), place: at + ".rules[0]", message: "neither"},
		"serve":                {flags: settings(`"default": {"variant": "on", "split": {"shares": []}}`), place: at + ".default", message: "only one"},
		"weights":              {flags: settings(`"default": {"split": {"shares": [{"variant": "on", "weight": 0}]}}`), place: at + ".default.split.shares", message: "sum to 0"},
		"weight":               {flags: settings(`"default": {"split": {"shares": [{"variant": "on", "weight": -1}]}}`), place: at + ".default.split.shares[0].weight", message: "negative"},
		"share":                {flags: settings(`"default": {"split": {"shares": [{"variant": "away", "weight": 1}]}}`), place: at + ".default.split.shares[0].variant", message: "no variant"},
		"attribute":            {flags: when(`{"attribute": "a..b", "op": "present"}`), place: at + ".rules[0].when.attribute", message: "empty name"},
		"operator":             {flags: when(`{"attribute": "a", "op": "is", "values": [1]}`), place: at + ".rules[0].when.op", message: `no operator "is"`},
		"no condition":         {flags: when(`{}`), place: at + ".rules[0].when", message: "0 of them"},
		"two conditions":       {flags: when(`{"segment": "s", "not": {"segment": "s"}}`), segments: `[{"key": "s"}]`, place: at + ".rules[0].when", message: "2 of them"},
		"values":               {flags: when(`{"any": [{"attribute": "a", "op": "less", "values": [1, "2"]}]}`), place: at + ".rules[0].when.any[0].values[1]", message: "2 is no number"},
		"expression":           {flags: when(`{"attribute": "a", "op": "matches", "values": ["a(?=b)"]}`), place: at + ".rules[0].when.values[0]", message: "RE2"},
		"long expression":      {flags: when(`{"attribute": "a", "op": "matches", "values": ["` + strings.Repeat("a", 1001) + `"]}`), place: at + ".rules[0].when.values[0]", message: "longer than 1000"},
		"range":                {flags: when(`{"attribute": "a", "op": "semver", "values": ["=>1"]}`), place: at + ".rules[0].when.values[0]", message: "no range"},
		"time":                 {flags: when(`{"attribute": "a", "op": "after", "values": ["tomorrow"]}`), place: at + ".rules[0].when.values[0]", message: "no time"},
		"network":              {flags: when(`{"attribute": "a", "op": "cidr", "values": ["10.0.0.0/33"]}`), place: at + ".rules[0].when.values[0]", message: "no network"},
		"segment":              {flags: when(`{"segment": "s"}`), place: at + ".rules[0].when.segment", message: `no segment "s"`},
		"deep":                 {flags: when(strings.Repeat(`{"not":`, 22) + `{"attribute": "a", "op": "present"}` + strings.Repeat("}", 22)), place: at + ".rules[0].when" + strings.Repeat(".not", 21), message: "deep"},
		"segment's circle":     {flags: `[]`, segments: `[{"key": "a", "when": {"segment": "b"}}, {"key": "b", "when": {"not": {"segment": "a"}}}]`, place: "segments[b].when.not.segment", message: "rests on itself"},
	} {
		t.Run(name, func(t *testing.T) {
			var segments []davit.Segment
			if c.segments != "" {
				if err := json.Unmarshal([]byte(c.segments), &segments); err != nil {
					t.Fatal(err)
				}
			}
			err := flag.Validate(flags(t, c.flags), segments)
			if davit.ErrorCode(err) != davit.CodeInvalid {
				t.Fatalf("Validate: %v", err)
			}
			problems, _ := errors.AsType[flag.Problems](err)
			for _, p := range problems {
				if p.Place == c.place && strings.Contains(p.Message, c.message) {
					return
				}
			}
			t.Errorf("%v, want %s: …%s…", problems, c.place, c.message)
		})
	}
	if err := flag.Validate(flags(t, order), []davit.Segment{{Key: "staff"}}); err != nil {
		t.Error(err)
	}
}

// settings are the flags [f] with settings for production.
func settings(s string) string {
	return `[{"key": "f", "type": "boolean", "variants": [{"name": "on", "value": true}], "environments": {"production": {"enabled": true, ` + s + `}}}]`
}

// when are the flags [f] with a rule.
func when(condition string) string {
	return settings(`"rules": [{"when": ` + condition + `, "serve": {"variant": "on"}}]`)
}

// Flags whose evaluation would take exponentially long are refused, in whatever
// order they are given.
func TestValidateRefusesPyramids(t *testing.T) {
	var pyramid []davit.Flag
	for level := range 20 {
		s := davit.FlagSettings{Enabled: true, Default: davit.FlagServe{Variant: "on"}}
		for range min(level, 1) * 2 {
			s.Prerequisites = append(s.Prerequisites, davit.FlagPrerequisite{Flag: fmt.Sprint(level - 1), Variants: []string{"on"}})
		}
		pyramid = append([]davit.Flag{boolean(fmt.Sprint(level), s)}, pyramid...)
	}
	if err := flag.Validate(pyramid, nil); err == nil || !strings.Contains(err.Error(), "takes evaluating more than") {
		t.Errorf("Validate: %v", err)
	}
	var segments []davit.Segment
	for level := range 20 {
		s := davit.Segment{Key: fmt.Sprint(level)}
		if level > 0 {
			below := davit.FlagCondition{Segment: fmt.Sprint(level - 1)}
			s.When = &davit.FlagCondition{Any: []davit.FlagCondition{below, below}}
		}
		segments = append(segments, s)
	}
	if err := flag.Validate(nil, segments); err == nil || !strings.Contains(err.Error(), "rests on more than") {
		t.Errorf("Validate: %v", err)
	}
}
