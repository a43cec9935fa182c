package flag

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// Imported is what a flag definition of flagd holds, as flags of Davit.
type Imported struct {
	Flags    []davit.Flag    `json:"flags"`
	Segments []davit.Segment `json:"segments"`
	// Advanced are the keys of flags whose targeting rules of Davit cannot say, and
	// which is kept as it was.
	Advanced []string `json:"advanced"`
}

// ImportFlagd reads a flag definition of flagd, for one environment. Targeting
// becomes rules where they say the same, with one difference: where flagd's
// evaluation fails because values of the wrong types are compared, a rule does not
// apply. Percentages keep their users. The error is a davit.Error of CodeInvalid.
func ImportFlagd(environment string, src []byte) (*Imported, error) {
	document, err := readFlagd(src)
	if err != nil {
		return nil, err
	}
	made := &Imported{Flags: []davit.Flag{}, Segments: []davit.Segment{}, Advanced: []string{}}
	im := &importer{evaluators: map[string]any{}, segments: map[string]bool{}}
	if err := im.addEvaluators(document, made); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(document.Flags)) {
		f, advanced, err := im.flag(environment, key, document.Flags[key], document.Metadata)
		if err != nil {
			return nil, &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("flags[%s] cannot be imported", key), Err: err}
		}
		made.Flags = append(made.Flags, f)
		if advanced {
			made.Advanced = append(made.Advanced, key)
		}
	}
	if err := Validate(made.Flags, made.Segments); err != nil {
		return nil, err
	}
	return made, nil
}

// importer maps flagd's targeting onto rules.
type importer struct {
	evaluators map[string]any  // that can be referred to, expanded
	segments   map[string]bool // those that became segments

	flagd    flagdFlag // the one being mapped
	key      string
	fallback string // its default variant
}

// addEvaluators expands the shared rules, and makes segments of those that are
// conditions.
func (im *importer) addEvaluators(document *flagdDocument, made *Imported) error {
	decoded := map[string]any{}
	for name, source := range document.Evaluators {
		var v any
		if err := json.Unmarshal(source, &v); err != nil {
			return fmt.Errorf("reading $evaluators[%s]: %w", name, err)
		}
		decoded[name] = v
	}
	im.evaluators = decoded
	for _, name := range slices.Sorted(maps.Keys(decoded)) {
		budget := expandMost
		expanded, err := im.expand(decoded[name], 0, &budget)
		if err != nil {
			return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("$evaluators[%s] cannot be imported", name), Err: err}
		}
		if when, ok := im.condition(expanded); ok && depthOf(&when) <= depthMost {
			made.Segments = append(made.Segments, davit.Segment{Key: name, Description: "imported from $evaluators", When: &when})
			im.segments[name] = true
		}
	}
	return nil
}

// expandMost bounds how large targeting may become by its references.
const expandMost = 100_000

// expand puts the shared rules in place of references to them.
func (im *importer) expand(v any, depth int, budget *int) (any, error) {
	if *budget--; depth > flagdDepth || *budget < 0 {
		return nil, errors.New("its references lead in a circle, or to too much")
	}
	switch v := v.(type) {
	case []any:
		made := make([]any, 0, len(v))
		for _, element := range v {
			expanded, err := im.expand(element, depth+1, budget)
			if err != nil {
				return nil, err
			}
			made = append(made, expanded)
		}
		return made, nil
	case map[string]any:
		if name, isRef := reference(v); isRef {
			shared, known := im.evaluators[name]
			if !known {
				return nil, fmt.Errorf("there is no $evaluators[%s]", name)
			}
			return im.expand(shared, depth+1, budget)
		}
		made := make(map[string]any, len(v))
		for name, element := range v {
			expanded, err := im.expand(element, depth+1, budget)
			if err != nil {
				return nil, err
			}
			made[name] = expanded
		}
		return made, nil
	}
	return v, nil
}

// reference returns the name that {"$ref": name} refers to.
func reference(v any) (string, bool) {
	object, _ := v.(map[string]any)
	name, isRef := object["$ref"].(string)
	return name, isRef && len(object) == 1
}

// flag maps one flag, and says whether its targeting is kept as it was.
func (im *importer) flag(environment, key string, given flagdFlag, shared map[string]any) (f davit.Flag, advanced bool, err error) {
	im.flagd, im.key, im.fallback = given, key, ""
	if given.DefaultVariant != nil {
		im.fallback = *given.DefaultVariant
	}
	f = davit.Flag{Key: key, Metadata: map[string]any{}}
	for _, name := range slices.Sorted(maps.Keys(given.Variants)) {
		f.Variants = append(f.Variants, davit.FlagVariant{Name: name, Value: given.Variants[name]})
	}
	if f.Type, err = typeOf(f.Variants); err != nil {
		return f, false, err
	}
	maps.Copy(f.Metadata, shared)
	maps.Copy(f.Metadata, given.Metadata)
	if err := fromMetadata(&f); err != nil {
		return f, false, err
	}
	settings := davit.FlagSettings{Enabled: given.State == flagdEnabled, Default: davit.FlagServe{Variant: im.fallback}}
	if !settings.Enabled && given.State != flagdDisabled {
		return f, false, fmt.Errorf("the state %q is neither %s nor %s", given.State, flagdEnabled, flagdDisabled)
	}
	advanced, err = im.targeting(&settings, given.Targeting)
	f.Environments = map[string]davit.FlagSettings{environment: settings}
	return f, advanced, err
}

// typeOf returns the type that all variants have.
func typeOf(variants []davit.FlagVariant) (davit.FlagType, error) {
	var kind davit.FlagType
	for _, v := range variants {
		var one davit.FlagType
		switch c := firstByte(v.Value); {
		case c == 't' || c == 'f':
			one = davit.FlagBoolean
		case c == '"':
			one = davit.FlagString
		case c == '{' || c == '[':
			one = davit.FlagObject
		case c == '-' || c >= '0' && c <= '9':
			one = davit.FlagNumber
		default:
			return "", fmt.Errorf("the variant %q is of no type that flags have", v.Name)
		}
		if kind != "" && kind != one {
			return "", fmt.Errorf("its variants are of several types: %s and %s", kind, one)
		}
		kind = one
	}
	if kind == "" {
		return "", errors.New("it has no variants")
	}
	return kind, nil
}

func firstByte(src json.RawMessage) byte {
	if trimmed := strings.TrimSpace(string(src)); trimmed != "" {
		return trimmed[0]
	}
	return 0
}

// targeting maps the targeting of a flag, and says whether it is kept as it was.
func (im *importer) targeting(settings *davit.FlagSettings, source json.RawMessage) (advanced bool, err error) {
	if len(source) == 0 {
		return false, nil
	}
	var decoded any
	if err := json.Unmarshal(source, &decoded); err != nil {
		return false, err
	}
	if decoded == nil || !truthy(decoded) {
		return false, nil
	}
	if off, rest, ok := switchedOff(decoded); ok && settings.Enabled && im.has(off) {
		settings.Enabled, settings.Off, decoded = false, off, rest
	}
	if rules, ok := im.rules(decoded, nil); ok && !slices.ContainsFunc(rules, tooDeep) {
		settings.Rules = rules
		im.simplify(settings)
		return false, nil
	}
	budget := expandMost
	expanded, err := im.expand(decoded, 0, &budget)
	if err != nil {
		return false, err
	}
	text, err := encode(expanded, "")
	if err != nil {
		return false, err
	}
	settings.Rules = []davit.FlagRule{{Advanced: text}}
	return true, nil
}

// switchedOff recognizes how ExportFlagd writes a flag that is off but has a
// variant for that.
func switchedOff(v any) (off string, rest any, ok bool) {
	branches, _ := operand(v, "if")
	if len(branches) != 3 || branches[0] != false {
		return "", nil, false
	}
	off, ok = branches[2].(string)
	return off, branches[1], ok
}

// simplify moves what the last rule serves to everybody to where Davit has it, if
// that says the same.
func (im *importer) simplify(settings *davit.FlagSettings) {
	n := len(settings.Rules) - 1
	if n < 0 || settings.Rules[n].When != nil {
		return
	}
	last := settings.Rules[n].Serve
	empty := func(r davit.FlagRule) bool { return r.Serve == davit.FlagServe{} }
	switch {
	case empty(settings.Rules[n]):
		settings.Rules = settings.Rules[:n]
	case last.Split != nil && !slices.ContainsFunc(settings.Rules, empty):
		settings.Rules, settings.Default = settings.Rules[:n], last
	}
}

// tooDeep reports whether a rule has conditions too deep in each other.
func tooDeep(r davit.FlagRule) bool { return r.When != nil && depthOf(r.When) > depthMost }

// depthOf returns how deep conditions are in a condition.
func depthOf(c *davit.FlagCondition) int {
	most := 0
	for _, list := range [][]davit.FlagCondition{c.All, c.Any} {
		for i := range list {
			most = max(most, depthOf(&list[i])+1)
		}
	}
	if c.Not != nil {
		most = max(most, depthOf(c.Not)+1)
	}
	return most
}

// has reports whether the flag has a variant.
func (im *importer) has(name string) bool {
	_, ok := im.flagd.Variants[name]
	return ok
}
