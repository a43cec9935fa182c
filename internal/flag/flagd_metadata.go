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
)

// toMetadata returns a flag's metadata with what flagd has no place for.
func toMetadata(f *davit.Flag) (map[string]any, error) {
	made := maps.Clone(f.Metadata)
	if made == nil {
		made = map[string]any{}
	}
	for name, text := range map[string]string{
		metaDescription: f.Description, metaOwner: f.Owner, metaKind: string(f.Kind),
	} {
		if text != "" {
			made[name] = text
		}
	}
	if len(f.Tags) > 0 {
		tags, err := json.Marshal(f.Tags)
		if err != nil {
			return nil, fmt.Errorf("encoding tags: %w", err)
		}
		made[metaTags] = string(tags)
	}
	if f.Lifetime > 0 {
		made[metaLifetime] = f.Lifetime.String()
	}
	if f.ClientSide {
		made[metaClientSide] = true
	}
	return made, nil
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
	if len(f.Metadata) == 0 {
		f.Metadata = nil
	}
	return nil
}
