package versionfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/davit-dev/davit"
)

func packageJSON(content []byte, _ davit.VersionFile) ([]Span, error) {
	return jsonStrings(content, []string{"version"})
}

// packageLock has the version twice: its own, and that of the root package.
func packageLock(content []byte, _ davit.VersionFile) ([]Span, error) {
	return jsonStrings(content, []string{"version"}, []string{"packages", "", "version"})
}

// jsonStrings returns the strings at the paths of a JSON document.
func jsonStrings(content []byte, paths ...[]string) ([]Span, error) {
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	var spans []Span
	var stack []string // the keys on the way; an array's is "[]"
	var keys []bool    // whether each level awaits a key
	for {
		before := int(d.InputOffset())
		token, err := d.Token()
		if errors.Is(err, io.EOF) && len(stack) == 0 {
			return spans, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading JSON: %w", err)
		}
		top := len(stack) - 1
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{', '[':
				key := "[]"
				if t == '{' {
					key = ""
				}
				stack, keys = append(stack, key), append(keys, t == '{')
			default:
				stack, keys = stack[:top], keys[:top]
				awaitKey(stack, keys)
			}
			continue
		case string:
			if top >= 0 && keys[top] {
				stack[top], keys[top] = t, false
				continue
			}
			if slices.ContainsFunc(paths, func(p []string) bool { return slices.Equal(p, stack) }) {
				end := int(d.InputOffset())
				start := before + bytes.IndexByte(content[before:end], '"')
				spans = append(spans, Span{Start: start + 1, End: end - 1, Version: t})
			}
		}
		awaitKey(stack, keys)
	}
}

// awaitKey says, after a value, that an object's next string is a key.
func awaitKey(stack []string, keys []bool) {
	if top := len(stack) - 1; top >= 0 && stack[top] != "[]" {
		keys[top] = true
	}
}
