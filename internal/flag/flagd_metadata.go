package flag

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/davit-dev/davit"
)

// What flagd has no place for travels as metadata under these names.
const (
	metaDescription = "davit.description"
	metaOwner       = "davit.owner"
	metaKind        = "davit.kind"
	metaTags        = "davit.tags" // a list in JSON
	metaLifetime    = "davit.lifetime"
	metaClientSide  = "davit.clientSide"
	metaFlag        = "davit.flag" // a keptFlag in JSON
	metaNote        = "davit.note" // why flagd cannot say the flag; for people

	// Of a whole definition.
	metaSegments   = "davit.segments"   // a list of keptSegment in JSON
	metaProtection = "davit.protection" // who approves changes, in JSON
)

// What Davit has no place for of a definition of flagd is kept as a flag's metadata
// under these names, for an export to give it back. Applications are not told it.
const (
	metaFields   = "flagd.fields"   // members of the flag, an object in JSON
	metaDocument = "flagd.document" // a keptDocument in JSON
)

// metaFlags are the names under which a flag's metadata may mean something to an import.
var metaFlags = []string{metaDescription, metaOwner, metaKind, metaTags, metaLifetime, metaClientSide, metaFlag, metaNote}

// Told returns of a flag's metadata what applications are told.
func Told(metadata map[string]any) map[string]any {
	_, fields := metadata[metaFields]
	_, document := metadata[metaDocument]
	if !fields && !document {
		return metadata
	}
	told := maps.Clone(metadata)
	delete(told, metaFields)
	delete(told, metaDocument)
	return told
}

// toMetadata returns a flag's metadata with what flagd has no place for, and the
// members that an import kept.
func toMetadata(f *davit.Flag) (made map[string]any, rest map[string]json.RawMessage) {
	made = maps.Clone(f.Metadata)
	if made == nil {
		made = map[string]any{}
	}
	for _, name := range append([]string{metaDocument}, metaFlags...) {
		delete(made, name)
	}
	for name, text := range map[string]string{
		metaDescription: f.Description, metaOwner: f.Owner, metaKind: string(f.Kind),
	} {
		if text != "" {
			made[name] = text
		}
	}
	if len(f.Tags) > 0 {
		tags, _ := json.Marshal(f.Tags) // of texts: it cannot fail
		made[metaTags] = string(tags)
	}
	if f.Lifetime > 0 {
		made[metaLifetime] = f.Lifetime.String()
	}
	if f.ClientSide {
		made[metaClientSide] = true
	}
	text, _ := made[metaFields].(string)
	given, err := others([]byte(text), flagdFlagMembers)
	if err != nil || given == nil {
		return made, nil
	}
	if again, err := encode(given, ""); err == nil && string(again) == text { // it was kept by an import
		delete(made, metaFields)
		rest = given
	}
	return made, rest
}

// fromMetadata takes out of a flag's metadata what toMetadata put there.
func fromMetadata(f *davit.Flag) error {
	take := func(name string) string {
		text, isText := f.Metadata[name].(string)
		if isText {
			delete(f.Metadata, name)
		}
		return text
	}
	f.Description, f.Owner, f.Kind = take(metaDescription), take(metaOwner), davit.FlagKind(take(metaKind))
	if tags := take(metaTags); tags != "" {
		if err := json.NewDecoder(strings.NewReader(tags)).Decode(&f.Tags); err != nil {
			return fmt.Errorf("reading the metadata %s: %w", metaTags, err)
		}
	}
	if lifetime := take(metaLifetime); lifetime != "" {
		if err := f.Lifetime.UnmarshalText([]byte(lifetime)); err != nil {
			return fmt.Errorf("reading the metadata %s: %w", metaLifetime, err)
		}
	}
	if clientSide, isBool := f.Metadata[metaClientSide].(bool); isBool {
		f.ClientSide = clientSide
		delete(f.Metadata, metaClientSide)
	}
	delete(f.Metadata, metaNote)
	return nil
}
