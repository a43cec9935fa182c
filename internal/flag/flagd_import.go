package flag

import (
	"cmp"
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
	// Protection is who approves changes where the definition was exported; nil when
	// it does not say.
	Protection *davit.ApprovalParams `json:"protection,omitempty"`
	// Advanced are the keys of flags whose targeting rules of Davit cannot say, and
	// which is kept as it was.
	Advanced []string `json:"advanced"`
	// Left is what there was no place for.
	Left []Problem `json:"left"`
}

// ImportFlagd reads a flag definition of flagd, for one environment. Targeting
// becomes rules where they say the same, with one difference: where flagd's
// evaluation fails because values of the wrong types are compared, a rule does not
// apply. Percentages keep their users. What ExportFlagd wrote becomes what it was,
// as far as nobody changed what flagd reads of it. The error is a davit.Error of
// CodeInvalid.
func ImportFlagd(environment string, src []byte) (*Imported, error) {
	document, err := readFlagd(src)
	if err != nil {
		return nil, err
	}
	made := &Imported{Flags: []davit.Flag{}, Segments: []davit.Segment{}, Advanced: []string{}, Left: []Problem{}}
	im := newImporter(document)
	if err := im.addEvaluators(made); err != nil {
		return nil, err
	}
	shared := maps.Clone(document.Metadata)
	if text, isText := shared[metaProtection].(string); isText {
		if err := readKept(text, &made.Protection); err != nil {
			im.leave("metadata["+metaProtection+"]", "it cannot be read: "+err.Error())
		}
	}
	delete(shared, metaProtection)
	delete(shared, metaSegments)
	for _, key := range slices.Sorted(maps.Keys(document.Flags)) {
		f, advanced, err := im.flag(environment, key, document.Flags[key], shared)
		if err != nil {
			return nil, &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("flags[%s] cannot be imported", key), Err: err}
		}
		if own := document.Flags[key].Key; own != "" && own != key {
			im.leave("flags["+key+"].key", "it says another key: "+own)
		}
		made.Flags = append(made.Flags, f)
		if advanced {
			made.Advanced = append(made.Advanced, key)
		}
	}
	if err := im.keepDocument(made, shared); err != nil {
		return nil, err
	}
	made.Left = append(made.Left, im.left...)
	if err := Validate(made.Flags, made.Segments); err != nil {
		return nil, err
	}
	return made, nil
}

// importer maps flagd's targeting onto rules.
type importer struct {
	document   *flagdDocument
	evaluators map[string]any  // that can be referred to
	expanded   map[string]any  // the same without references
	segments   map[string]bool // that there are
	left       []Problem

	flagd    flagdFlag // the one being mapped
	key      string
	own      string // its salt
	fallback string // its default variant
}

func newImporter(d *flagdDocument) *importer {
	return &importer{document: d, evaluators: map[string]any{}, expanded: map[string]any{}, segments: map[string]bool{}}
}

// leave notes what there is no place for.
func (im *importer) leave(place, why string) {
	im.left = append(im.left, Problem{Place: place, Message: why})
}

// addEvaluators expands the shared rules, and makes segments of those that were, or
// are conditions.
func (im *importer) addEvaluators(made *Imported) error {
	for name, source := range im.document.Evaluators {
		var v any
		if err := json.Unmarshal(source, &v); err != nil {
			return fmt.Errorf("reading $evaluators[%s]: %w", name, err)
		}
		im.evaluators[name] = v
	}
	kept := im.keptSegments()
	for _, name := range slices.Sorted(maps.Keys(im.evaluators)) {
		budget := expandMost
		expanded, err := im.expand(im.evaluators[name], 0, &budget)
		if err != nil {
			return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("$evaluators[%s] cannot be imported", name), Err: err}
		}
		im.expanded[name] = expanded
		k, was := kept[name]
		delete(kept, name)
		if was && k.Digest != "" && k.Digest == im.document.digestOfSegment(name, k.Rests) {
			made.Segments = append(made.Segments, k.Segment)
			im.segments[name] = true
			continue
		}
		if when, ok := im.condition(expanded); ok && depthOf(&when) <= depthMost {
			s := davit.Segment{Key: name, Description: "imported from $evaluators", When: &when}
			if was {
				s.Description = k.Segment.Description
			}
			made.Segments = append(made.Segments, s)
			im.segments[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		if kept[name].Digest != "" {
			im.leave("metadata["+metaSegments+"]["+name+"]", "its shared rule is not there any more")
			continue
		}
		made.Segments = append(made.Segments, kept[name].Segment)
		im.segments[name] = true
	}
	return nil
}

// keptSegments reads the segments that travelled as metadata.
func (im *importer) keptSegments() map[string]keptSegment {
	made := map[string]keptSegment{}
	text, isText := im.document.Metadata[metaSegments].(string)
	if !isText {
		return made
	}
	var list []keptSegment
	if err := readKept(text, &list); err != nil {
		im.leave("metadata["+metaSegments+"]", "it cannot be read: "+err.Error())
		return made
	}
	for _, k := range list {
		made[k.Segment.Key] = k
	}
	return made
}

// keepDocument keeps what a definition says beside its flags with the first of them.
func (im *importer) keepDocument(made *Imported, shared map[string]any) error {
	kept := keptDocument{Evaluators: map[string]json.RawMessage{}, Fields: im.document.rest}
	for name, expanded := range im.expanded {
		if im.segments[name] {
			continue
		}
		text, err := encode(expanded, "")
		if err != nil {
			return err
		}
		kept.Evaluators[name] = text
	}
	text, err := encode(kept, "")
	if err != nil {
		return err
	}
	why := "there is no flag to keep it with"
	switch {
	case len(kept.Evaluators)+len(kept.Fields) == 0 && len(made.Flags) > 0:
		return nil
	case len(text) > valueMost:
		why = fmt.Sprintf("all that Davit has no place for is longer than %d bytes", valueMost)
	case len(made.Flags) > 0:
		f := &made.Flags[0]
		if f.Metadata == nil {
			f.Metadata = map[string]any{}
		}
		f.Metadata[metaDocument] = string(text)
		return nil
	default:
		for _, name := range slices.Sorted(maps.Keys(shared)) {
			im.leave("metadata["+name+"]", why)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(kept.Evaluators)) {
		im.leave("$evaluators["+name+"]", why)
	}
	for _, name := range slices.Sorted(maps.Keys(kept.Fields)) {
		im.leave(name, why)
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
		value, err := encode(given.Variants[name], "")
		if err != nil {
			return f, false, err
		}
		f.Variants = append(f.Variants, davit.FlagVariant{Name: name, Value: value})
	}
	if f.Type, err = typeOf(f.Variants); err != nil {
		return f, false, err
	}
	kept, err := im.metadata(&f, shared)
	if err != nil {
		return f, false, err
	}
	im.own = cmp.Or(f.Salt, key)
	if given.State != flagdEnabled && given.State != flagdDisabled {
		return f, false, fmt.Errorf("the state %q is neither %s nor %s", given.State, flagdEnabled, flagdDisabled)
	}
	if s, same := kept.settings(im.document, key); same && im.knows(s) {
		if s == nil {
			return f, false, nil
		}
		f.Environments = map[string]davit.FlagSettings{environment: *s}
		return f, slices.ContainsFunc(s.Rules, func(r davit.FlagRule) bool { return r.Advanced != nil }), nil
	}
	if kept.Unsaid {
		im.leave("flags["+key+"].metadata["+metaFlag+"]", "what flagd reads of the flag was changed, and is taken in place of its rules")
	}
	settings := davit.FlagSettings{Enabled: given.State == flagdEnabled, Default: davit.FlagServe{Variant: im.fallback}}
	advanced, err = im.targeting(&settings, given.Targeting)
	kept.fit(&settings, im.has)
	f.Environments = map[string]davit.FlagSettings{environment: settings}
	return f, advanced, err
}

// metadata gives a flag its metadata, and what travelled as that.
func (im *importer) metadata(f *davit.Flag, shared map[string]any) (kept keptFlag, err error) {
	maps.Copy(f.Metadata, shared)
	maps.Copy(f.Metadata, im.flagd.Metadata)
	if text, isText := f.Metadata[metaFlag].(string); isText {
		if err := readKept(text, &kept); err != nil {
			im.leave("flags["+f.Key+"].metadata["+metaFlag+"]", "it cannot be read: "+err.Error())
			kept = keptFlag{}
		}
		delete(f.Metadata, metaFlag)
	}
	if err := fromMetadata(f); err != nil {
		return kept, err
	}
	f.Salt = kept.Salt
	kept.dress(f.Variants)
	maps.Copy(f.Metadata, kept.Metadata)
	if im.flagd.rest != nil {
		text, err := encode(im.flagd.rest, "")
		if err != nil {
			return kept, err
		}
		f.Metadata[metaFields] = string(text)
	}
	if len(f.Metadata) == 0 {
		f.Metadata = nil
	}
	return kept, nil
}

// knows reports whether the segments that settings name are there.
func (im *importer) knows(s *davit.FlagSettings) bool {
	if s == nil {
		return true
	}
	named := map[string]bool{}
	for _, r := range s.Rules {
		segmentsIn(r.When, named)
	}
	for key := range named {
		if !im.segments[key] {
			return false
		}
	}
	return true
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
