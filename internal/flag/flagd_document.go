package flag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// Bounds of flagd's documents.
const (
	flagdBytes = 64 << 20
	flagdDepth = 100
)

// flagdDocument is a flag definition of flagd, schema v0.
type flagdDocument struct {
	Schema     string                     `json:"$schema,omitempty"`
	Flags      map[string]flagdFlag       `json:"flags"`
	Evaluators map[string]json.RawMessage `json:"$evaluators,omitempty"`
	Metadata   map[string]any             `json:"metadata,omitempty"`

	rest map[string]json.RawMessage // members that are not flagd's
}

// flagdFlag is a flag of it.
type flagdFlag struct {
	Key            string                     `json:"key,omitempty"` // in the form with a list of flags
	State          string                     `json:"state"`
	Variants       map[string]json.RawMessage `json:"variants"`
	DefaultVariant *string                    `json:"defaultVariant,omitempty"`
	Targeting      json.RawMessage            `json:"targeting,omitempty"`
	Metadata       map[string]any             `json:"metadata,omitempty"`

	rest map[string]json.RawMessage // members that are not flagd's
}

// The members of flagd's documents and flags.
var (
	flagdMembers     = []string{"$schema", "flags", "$evaluators", "metadata"}
	flagdFlagMembers = []string{"key", "state", "variants", "defaultVariant", "targeting", "metadata"}
)

// UnmarshalJSON reads a flag with the members that are not flagd's.
func (f *flagdFlag) UnmarshalJSON(src []byte) error {
	type plain flagdFlag
	if err := json.Unmarshal(src, (*plain)(f)); err != nil {
		return err
	}
	var err error
	f.rest, err = others(src, flagdFlagMembers)
	return err
}

// MarshalJSON writes it with them.
func (f flagdFlag) MarshalJSON() ([]byte, error) {
	type plain flagdFlag
	return joined(plain(f), f.rest)
}

// others returns the members of an object but for some; nil when there are none.
func others(src []byte, known []string) (rest map[string]json.RawMessage, err error) {
	if err := json.Unmarshal(src, &rest); err != nil {
		return nil, err
	}
	maps.DeleteFunc(rest, func(name string, _ json.RawMessage) bool {
		return slices.ContainsFunc(known, func(known string) bool { return strings.EqualFold(name, known) })
	})
	if len(rest) == 0 {
		return nil, nil
	}
	return rest, nil
}

// joined writes an object that has members, and more of them.
func joined(v any, rest map[string]json.RawMessage) (json.RawMessage, error) {
	text, err := encode(v, "")
	if err != nil || len(rest) == 0 {
		return text, err
	}
	more, err := encode(rest, "")
	if err != nil {
		return nil, err
	}
	text[len(text)-1] = ','
	return append(text, more[1:]...), nil
}

// flagdSchema is the address of the schema that is written.
const flagdSchema = "https://flagd.dev/schema/v0/flags.json"

// The states of flagd's flags.
const (
	flagdEnabled  = "ENABLED"
	flagdDisabled = "DISABLED"
)

// readFlagd decodes a document, with its flags as an object or as a list.
func readFlagd(src []byte) (*flagdDocument, error) {
	invalid := func(format string, args ...any) error {
		return &davit.Error{
			Code: davit.CodeInvalid, Message: "this is no flag definition of flagd: " + fmt.Sprintf(format, args...),
			Hint: "see https://flagd.dev/reference/flag-definitions",
		}
	}
	if len(src) > flagdBytes || nested(src) > flagdDepth {
		return nil, invalid("it is longer than %d bytes, or more than %d deep", flagdBytes, flagdDepth)
	}
	var raw struct {
		flagdDocument
		Flags json.RawMessage `json:"flags"`
	}
	if err := json.Unmarshal(src, &raw); err != nil {
		return nil, invalid("%v", err)
	}
	made := raw.flagdDocument
	var err error
	if made.rest, err = others(src, flagdMembers); err != nil {
		return nil, invalid("%v", err)
	}
	flags := bytes.TrimSpace(raw.Flags)
	if len(flags) == 0 || flags[0] != '[' {
		if err := json.Unmarshal(append([]byte{}, flags...), &made.Flags); err != nil || made.Flags == nil {
			return nil, invalid("flags: %v", orMissing(err))
		}
		return &made, nil
	}
	var listed []flagdFlag
	if err := json.Unmarshal(flags, &listed); err != nil {
		return nil, invalid("flags: %v", err)
	}
	made.Flags = make(map[string]flagdFlag, len(listed))
	for i, f := range listed {
		if _, twice := made.Flags[f.Key]; twice || f.Key == "" {
			return nil, invalid("flags[%d]: the key %q is empty, or there twice", i, f.Key)
		}
		made.Flags[f.Key] = f
	}
	return &made, nil
}

func orMissing(err error) any {
	if err == nil {
		return "there is none"
	}
	return err
}
