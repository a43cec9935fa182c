package flag

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/davit-dev/davit"
)

// keptFlag is what a flag says that flagd has no words for. It travels beside what
// flagd reads, with a digest of that: as long as nobody changed it, the flag comes
// back as it was.
type keptFlag struct {
	Digest string `json:"digest"`
	// Rests are the flags that it rests on, whose definitions the digest covers too:
	// what they say is written out in its targeting.
	Rests []string `json:"rests,omitempty"`
	// Unsaid says that flagd cannot say what the flag serves, and has it disabled.
	Unsaid   bool                `json:"unsaid,omitempty"`
	Salt     string              `json:"salt,omitempty"`
	Variants []keptVariant       `json:"variants"` // in their order
	Settings *davit.FlagSettings `json:"settings,omitempty"`
	// Metadata is the flag's own under names that mean something to an import.
	Metadata map[string]any `json:"metadata,omitempty"`
}

type keptVariant struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// keptSegment is a segment, with a digest of what flagd reads of it and of those that
// it names. The digest is empty when flagd cannot read it.
type keptSegment struct {
	Digest  string        `json:"digest,omitempty"`
	Rests   []string      `json:"rests,omitempty"`
	Segment davit.Segment `json:"segment"`
}

// keptDocument is what a definition of flagd says beside its flags that Davit has no
// place for.
type keptDocument struct {
	Evaluators map[string]json.RawMessage `json:"evaluators,omitempty"`
	Fields     map[string]json.RawMessage `json:"fields,omitempty"`
}

// digest returns the digest of JSON, whatever its spacing and order of members; empty
// when it cannot be told.
func digest(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	var plain any
	if json.Unmarshal(text, &plain) != nil {
		return ""
	}
	if text, err = json.Marshal(plain); err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// digest returns that of a flag in a state, and of the flags that it rests on; empty
// when one of them is not there.
func (d *flagdDocument) digest(key, state string, rests []string) string {
	seen := make([]any, 0, len(rests)+1)
	for i, key := range append([]string{key}, rests...) {
		f, there := d.Flags[key]
		if !there {
			return ""
		}
		if i > 0 {
			state = f.State
		}
		seen = append(seen, []any{state, f.Variants, f.DefaultVariant, f.Targeting})
	}
	return digest(seen)
}

// digestOfSegment is digest for a shared rule, and those of segments that it rests on.
func (d *flagdDocument) digestOfSegment(key string, rests []string) string {
	source, there := d.Evaluators[key]
	if !there {
		return ""
	}
	seen := []any{source}
	for _, key := range rests {
		seen = append(seen, d.Evaluators[key])
	}
	return digest(seen)
}

// readKept reads text that travelled as metadata. A member that this version does not
// know is refused, for it would be lost.
func readKept(text string, into any) error {
	if nested([]byte(text)) > flagdDepth {
		return fmt.Errorf("it is more than %d deep", flagdDepth)
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// settings returns the settings as they were when what flagd reads is what it was; nil
// for none. A flag that was turned on or off since is otherwise as it was.
func (k *keptFlag) settings(d *flagdDocument, key string) (s *davit.FlagSettings, ok bool) {
	if k.Digest == "" {
		return nil, false
	}
	state := d.Flags[key].State
	if d.digest(key, state, k.Rests) == k.Digest {
		return k.Settings, true
	}
	other := flagdEnabled
	if state == flagdEnabled {
		other = flagdDisabled
	}
	if k.Unsaid || k.Settings == nil || d.digest(key, other, k.Rests) != k.Digest {
		return nil, false
	}
	turned := *k.Settings
	turned.Enabled = state == flagdEnabled
	if !turned.Enabled {
		turned.Off = "" // flagd leaves it to the application
	}
	return &turned, true
}

// dress gives variants the order and the descriptions that they had.
func (k *keptFlag) dress(variants []davit.FlagVariant) {
	place := make(map[string]int, len(k.Variants))
	for i, v := range k.Variants {
		place[v.Name] = i + 1
	}
	for i := range variants {
		if at := place[variants[i].Name]; at > 0 {
			variants[i].Description = k.Variants[at-1].Description
		}
	}
	last := len(k.Variants) + 1
	slices.SortStableFunc(variants, func(a, b davit.FlagVariant) int {
		return cmp.Compare(cmp.Or(place[a.Name], last), cmp.Or(place[b.Name], last))
	})
}

// fit keeps of what was said what still fits settings that somebody changed for flagd:
// the off variant, targets, and the names of rules that say the same.
func (k *keptFlag) fit(s *davit.FlagSettings, has func(variant string) bool) {
	if k.Settings == nil {
		return
	}
	if s.Enabled && s.Off == "" && has(k.Settings.Off) {
		s.Off = k.Settings.Off
	}
	targets := slices.Clone(k.Settings.Targets)
	for len(s.Rules) > 0 {
		r := s.Rules[0]
		at := slices.IndexFunc(targets, func(t davit.FlagTarget) bool { return targeted(r, t) })
		if at < 0 {
			break
		}
		t := targets[at]
		t.Keys = nil
		for _, value := range r.When.Values {
			t.Keys = append(t.Keys, value.(string))
		}
		s.Targets, s.Rules, targets = append(s.Targets, t), s.Rules[1:], slices.Delete(targets, at, at+1)
	}
	rules := slices.Clone(k.Settings.Rules)
	for i := range s.Rules {
		r := &s.Rules[i]
		at := slices.IndexFunc(rules, func(was davit.FlagRule) bool {
			return digest([]any{was.When, was.Serve, was.Advanced}) == digest([]any{r.When, r.Serve, r.Advanced})
		})
		if at >= 0 {
			*r = rules[at]
			rules = slices.Delete(rules, at, at+1)
		}
	}
}

// targeted reports whether a rule is how flagd has a target, with whatever keys.
func targeted(r davit.FlagRule, t davit.FlagTarget) bool {
	c := r.When
	return c != nil && c.Attribute == cmp.Or(t.Attribute, targetingKey) && (c.Op == davit.OpIn || c.Op == davit.OpEquals) &&
		r.Serve == davit.FlagServe{Variant: t.Variant} && !slices.ContainsFunc(c.Values, func(value any) bool {
		text, isText := value.(string)
		return !isText || text == ""
	})
}

// segmentsIn adds the keys of the segments that a condition names.
func segmentsIn(c *davit.FlagCondition, into map[string]bool) {
	if c == nil {
		return
	}
	if c.Segment != "" {
		into[c.Segment] = true
	}
	segmentsIn(c.Not, into)
	for _, list := range [][]davit.FlagCondition{c.All, c.Any} {
		for i := range list {
			segmentsIn(&list[i], into)
		}
	}
}

// keep gives a flag's definition what flagd has no words for, unless an import of it
// comes to the same without.
func (ex *exporter) keep(d *flagdDocument, im *importer, f *davit.Flag, unsaid bool) error {
	made := d.Flags[f.Key]
	want := f.In(ex.environment)
	want.CreatedAt = davit.Flag{}.CreatedAt
	want.Metadata = maps.Clone(f.Metadata)
	delete(want.Metadata, metaDocument)
	if got, _, err := im.flag(ex.environment, f.Key, made, nil); err == nil && !unsaid {
		if difference, err := want.Difference(got); err == nil && len(difference) == 0 {
			return nil
		}
	}
	kept := keptFlag{Unsaid: unsaid, Salt: f.Salt, Rests: ex.rests(f)}
	for _, v := range f.Variants {
		kept.Variants = append(kept.Variants, keptVariant{v.Name, v.Description})
	}
	if s, there := f.Environments[ex.environment]; there {
		kept.Settings = &s
	}
	for name, value := range f.Metadata {
		if slices.Contains(metaFlags, name) {
			if kept.Metadata == nil {
				kept.Metadata = map[string]any{}
			}
			kept.Metadata[name] = value
		}
	}
	kept.Digest = d.digest(f.Key, made.State, kept.Rests)
	text, err := encode(kept, "")
	made.Metadata[metaFlag] = string(text)
	return err
}

// rests returns the keys of the flags that a flag rests on, directly or not.
func (ex *exporter) rests(f *davit.Flag) []string {
	seen := map[string]bool{}
	var visit func(f *davit.Flag)
	visit = func(f *davit.Flag) {
		for _, p := range f.Environments[ex.environment].Prerequisites {
			if !seen[p.Flag] {
				seen[p.Flag] = true
				visit(ex.flags[p.Flag])
			}
		}
	}
	visit(f)
	return slices.Sorted(maps.Keys(seen))
}

// keepSegments returns the segments that flagd cannot say as they are; empty when there
// are none.
func (ex *exporter) keepSegments(d *flagdDocument, plain []davit.Segment) (string, error) {
	imported := make(map[string]davit.Segment, len(plain))
	for _, s := range plain {
		imported[s.Key] = s
	}
	var all []keptSegment
	for _, key := range slices.Sorted(maps.Keys(ex.segments)) {
		s := ex.segments[key]
		if came, there := imported[key]; there {
			if difference, err := s.Difference(came); err == nil && len(difference) == 0 {
				continue
			}
		}
		seen := map[string]bool{}
		var visit func(s *davit.Segment)
		visit = func(s *davit.Segment) {
			named := map[string]bool{}
			segmentsIn(s.When, named)
			for key := range named {
				if !seen[key] {
					seen[key] = true
					visit(ex.segments[key])
				}
			}
		}
		visit(s)
		rests := slices.Sorted(maps.Keys(seen))
		all = append(all, keptSegment{Digest: d.digestOfSegment(key, rests), Rests: rests, Segment: *s})
	}
	if len(all) == 0 {
		return "", nil
	}
	text, err := encode(all, "")
	return string(text), err
}
