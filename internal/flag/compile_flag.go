package flag

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/davit-dev/davit"
)

// flag compiles what is the same in all environments.
func (c *compiler) flag(f *davit.Flag, at place) *compiled {
	named(f.Key, "key", at)
	if len(f.Salt) > nameMost {
		at.field("salt").wrong("it is longer than %d bytes", nameMost)
	}
	switch f.Kind {
	case "", davit.FlagRelease, davit.FlagExperiment, davit.FlagOperational, davit.FlagPermission:
	default:
		at.field("kind").wrong("%q is none of release, experiment, operational, permission", f.Kind)
	}
	if f.Lifetime < 0 {
		at.field("lifetime").wrong("it is negative")
	}
	for key, value := range f.Metadata {
		switch value.(type) {
		case string, bool, float64:
		default:
			at.field("metadata").key(key).wrong("it is neither a text nor a number nor a boolean")
		}
	}
	return &compiled{
		given: *f, key: f.Key, kind: f.Type, clientSide: f.ClientSide, metadata: Told(f.Metadata),
		variants: variants(f, at),
	}
}

// named checks a key or a name.
func named(name, what string, at place) {
	switch {
	case name == "":
		at.wrong("the %s is empty", what)
	case len(name) > nameMost:
		at.wrong("the %s is longer than %d bytes", what, nameMost)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.TrimSpace(name) != name:
		at.wrong("the %s %q holds control characters, or begins or ends with space", what, name)
	}
}

// variants compiles the variants of a flag.
func variants(f *davit.Flag, at place) []variant {
	switch f.Type {
	case davit.FlagBoolean, davit.FlagString, davit.FlagNumber, davit.FlagObject:
	default:
		at.field("type").wrong("%q is none of boolean, string, number, object", f.Type)
		return nil
	}
	at = at.field("variants")
	if len(f.Variants) == 0 || len(f.Variants) > variantsMost {
		at.wrong("there are %d variants, and have to be 1 to %d", len(f.Variants), variantsMost)
	}
	compiled := make([]variant, 0, len(f.Variants))
	seen := make(map[string]bool, len(f.Variants))
	for i, v := range f.Variants {
		here := at.index(i)
		named(v.Name, "name", here)
		if seen[v.Name] {
			here.wrong("there are two variants of the name %q", v.Name)
		}
		seen[v.Name] = true
		compiled = append(compiled, value(f.Type, v, here.field("value")))
	}
	return compiled
}

// value compiles a variant.
func value(kind davit.FlagType, v davit.FlagVariant, at place) variant {
	made := variant{name: v.Name, raw: v.Value}
	if len(v.Value) > valueMost {
		at.wrong("it is longer than %d bytes", valueMost)
		return made
	}
	if err := json.Unmarshal(v.Value, &made.decoded); err != nil {
		at.wrong("it is no JSON: %v", err)
		return made
	}
	fits := false
	switch decoded := made.decoded.(type) {
	case bool:
		fits, made.boolean = kind == davit.FlagBoolean, decoded
	case string:
		fits = kind == davit.FlagString
	case float64:
		fits = kind == davit.FlagNumber
	case map[string]any, []any:
		fits = kind == davit.FlagObject
	}
	if !fits {
		at.wrong("it is no %s, which the flag's type is", kind)
	}
	return made
}

// variant returns the variant of a name; nil when there is none.
func (f *compiled) variant(name string) *variant {
	for i := range f.variants {
		if f.variants[i].name == name {
			return &f.variants[i]
		}
	}
	return nil
}

// known returns the variant of a name, and notes when there is none.
func (f *compiled) known(name string, at place) *variant {
	v := f.variant(name)
	if v == nil {
		at.wrong("flag %q has no variant %q", f.key, name)
	}
	return v
}
