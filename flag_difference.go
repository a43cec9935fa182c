package davit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Difference returns where the JSON of two flags differs, in the order of the
// names. Lists are compared element by element.
func (f Flag) Difference(after Flag) ([]FlagDifference, error) { return difference(f, after) }

// difference returns where the JSON of two values differs.
func difference(before, after any) ([]FlagDifference, error) {
	was, err := decoded(before)
	if err != nil {
		return nil, err
	}
	is, err := decoded(after)
	if err != nil {
		return nil, err
	}
	for _, side := range []any{was, is} { // so that each environment is told by itself
		if object, ok := side.(map[string]any); ok && object["environments"] == nil {
			object["environments"] = map[string]any{}
		}
	}
	return differ(nil, "", was, is), nil
}

// decoded returns a value as its JSON is decoded, with numbers as they stand there.
func decoded(value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encoding a flag: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var out any
	return out, decoder.Decode(&out)
}

// absent stands where there is nothing, not even null.
type absent struct{}

func differ(list []FlagDifference, path string, was, is any) []FlagDifference {
	a, isObject := was.(map[string]any)
	b, areObjects := is.(map[string]any)
	if isObject && areObjects {
		names := maps.Clone(a)
		maps.Copy(names, b)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			below := name
			if path != "" {
				below = path + "." + name
			}
			list = differ(list, below, member(a, name), member(b, name))
		}
		return list
	}
	c, isList := was.([]any)
	d, areLists := is.([]any)
	if isList && areLists {
		for i := range max(len(c), len(d)) {
			list = differ(list, path+"["+strconv.Itoa(i)+"]", element(c, i), element(d, i))
		}
		return list
	}
	before, after := encoded(was), encoded(is)
	if bytes.Equal(before, after) {
		return list
	}
	return append(list, FlagDifference{Path: path, Before: before, After: after})
}

func member(object map[string]any, name string) any {
	if value, there := object[name]; there {
		return value
	}
	return absent{}
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return absent{}
}

// encoded returns the JSON of what was decoded; nil when it is absent.
func encoded(value any) json.RawMessage {
	if value == (absent{}) {
		return nil
	}
	text, _ := json.Marshal(value) // it was decoded from JSON
	return text
}
