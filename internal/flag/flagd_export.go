package flag

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// Exported is a flag definition of flagd.
type Exported struct {
	Definition json.RawMessage `json:"definition"`
	// Unsaid are the flags that are disabled in it, because flagd cannot say what they
	// do. What they say is in the definition all the same, for an import.
	Unsaid []Problem `json:"unsaid"`
}

// ExportFlagd writes the flags of an environment as a flag definition of flagd,
// from which applications get the same. What flagd has no place for, such as
// owners and who approves changes, travels as metadata, and ImportFlagd comes to
// the same flags and segments. The error is a davit.Error of CodeInvalid when the
// flags are not valid.
func ExportFlagd(environment string, flags []davit.Flag, segments []davit.Segment, protection *davit.ApprovalParams) (*Exported, error) {
	if _, err := Compile(environment, flags, segments); err != nil {
		return nil, err
	}
	ex := &exporter{
		environment: environment, shared: map[string]any{},
		flags: make(map[string]*davit.Flag, len(flags)), segments: make(map[string]*davit.Segment, len(segments)),
	}
	for i := range flags {
		ex.flags[flags[i].Key] = &flags[i]
	}
	for i := range segments {
		ex.segments[segments[i].Key] = &segments[i]
	}
	document := &flagdDocument{Schema: flagdSchema, Flags: map[string]flagdFlag{}, Evaluators: map[string]json.RawMessage{}, Metadata: map[string]any{}}
	made := &Exported{Unsaid: []Problem{}}
	for _, key := range slices.Sorted(maps.Keys(ex.flags)) {
		f, err := ex.flag(ex.flags[key])
		if err != nil {
			made.Unsaid = append(made.Unsaid, Problem{Place: "flags[" + key + "]", Message: err.Error()})
			f.State, f.DefaultVariant, f.Metadata[metaNote] = flagdDisabled, nil, err.Error()
		}
		document.Flags[key] = f
	}
	if err := ex.share(document); err != nil {
		return nil, err
	}
	if err := ex.keepAll(document, made.Unsaid, protection); err != nil {
		return nil, err
	}
	text, err := joined(document, document.rest)
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil {
		return nil, fmt.Errorf("encoding for flagd: %w", err)
	}
	made.Definition = indented.Bytes()
	return made, nil
}

// share writes the segments that flagd can say as shared rules, and what an earlier
// import kept of its definition.
func (ex *exporter) share(d *flagdDocument) error {
	for _, key := range slices.Sorted(maps.Keys(ex.segments)) {
		_, _ = ex.segment(key, false) // one that cannot be said is kept as it is
	}
	for name, shared := range ex.shared {
		text, err := encode(shared, "")
		if err != nil {
			return err
		}
		d.Evaluators[name] = text
	}
	for _, key := range slices.Sorted(maps.Keys(ex.flags)) {
		text, _ := ex.flags[key].Metadata[metaDocument].(string)
		var kept keptDocument
		if text == "" || readKept(text, &kept) != nil {
			continue
		}
		for name, source := range kept.Evaluators {
			if ex.segments[name] == nil && d.Evaluators[name] == nil {
				d.Evaluators[name] = source
			}
		}
		for name, value := range kept.Fields {
			if d.rest == nil {
				d.rest = map[string]json.RawMessage{}
			}
			if d.rest[name] == nil && !slices.ContainsFunc(flagdMembers, func(known string) bool { return strings.EqualFold(name, known) }) {
				d.rest[name] = value
			}
		}
	}
	return nil
}

// keepAll puts what flagd has no words for into the metadata of a document.
func (ex *exporter) keepAll(d *flagdDocument, unsaid []Problem, protection *davit.ApprovalParams) error {
	plain := &Imported{}
	im := newImporter(d)
	if err := im.addEvaluators(plain); err != nil {
		return err
	}
	segments, err := ex.keepSegments(d, plain.Segments)
	if err != nil {
		return err
	}
	if segments != "" {
		d.Metadata[metaSegments] = segments
		im = newImporter(d) // knows them
		if err := im.addEvaluators(&Imported{}); err != nil {
			return err
		}
	}
	for key, f := range ex.flags {
		disabled := slices.ContainsFunc(unsaid, func(p Problem) bool { return p.Place == "flags["+key+"]" })
		if err := ex.keep(d, im, f, disabled); err != nil {
			return err
		}
	}
	if protection != nil {
		text, err := encode(protection, "")
		if err != nil {
			return err
		}
		d.Metadata[metaProtection] = string(text)
	}
	return nil
}

// encode writes JSON without escaping what only HTML needs escaped.
func encode(v any, indent string) (json.RawMessage, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding for flagd: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// exporter writes targeting.
type exporter struct {
	environment string
	flags       map[string]*davit.Flag
	segments    map[string]*davit.Segment
	shared      map[string]any // segments that are referred to, for $evaluators
}

// flag writes one flag. A flag that is off but serves a variant is on for flagd,
// with targeting that nobody gets to.
func (ex *exporter) flag(f *davit.Flag) (made flagdFlag, err error) {
	made = flagdFlag{State: flagdEnabled, Variants: make(map[string]json.RawMessage, len(f.Variants))}
	for _, v := range f.Variants {
		made.Variants[v.Name] = v.Value
	}
	made.Metadata, made.rest = toMetadata(f)
	s := f.Environments[ex.environment]
	if !s.Enabled && s.Off == "" {
		made.State = flagdDisabled
	}
	a := answer{ex: ex, key: f.Key, settings: &s, null: fallbackOf(&s)}
	if a.null != "" {
		made.DefaultVariant = &a.null
	}
	targeting, err := a.targeting()
	if err != nil {
		return made, err
	}
	if !s.Enabled && s.Off != "" {
		targeting = jsonLogic("if", false, targeting, s.Off)
	}
	if targeting != nil {
		if _, isName := targeting.(string); isName { // targeting is an object
			targeting = jsonLogic("if", true, targeting, nil)
		}
		made.Targeting, err = encode(targeting, "")
	}
	return made, err
}

// fallbackOf returns the variant that flagd is to serve when targeting answers
// null; empty when that is to be the application's own default, because somewhere
// the flag leaves it to that.
func fallbackOf(s *davit.FlagSettings) string {
	own := s.Default == davit.FlagServe{} || s.Off == "" && len(s.Prerequisites) > 0
	splits := func(serve davit.FlagServe) bool {
		return serve.Split != nil && serve.Split.Otherwise == "" && certain(serve.Split) == ""
	}
	for _, r := range s.Rules {
		own = own || splits(r.Serve)
	}
	switch {
	case own || splits(s.Default):
		return ""
	case s.Default.Split != nil:
		return cmp.Or(s.Default.Split.Otherwise, certain(s.Default.Split))
	}
	return s.Default.Variant
}

// certain returns the variant of a split that gives everything to one, without
// asking for the user; empty for others.
func certain(s *davit.FlagSplit) string {
	if shares := weighted(s.Shares); len(shares) == 1 && s.Otherwise == "" {
		return shares[0].Variant
	}
	return ""
}

// jsonLogic returns an operation with its arguments.
func jsonLogic(name string, args ...any) map[string]any { return map[string]any{name: args} }

// variable returns what is at a path; null when nothing is.
func variable(path string) map[string]any { return map[string]any{"var": path} }
