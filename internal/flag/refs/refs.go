// Package refs looks for the keys of feature flags in source code.
package refs

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Found is what a source tree says about flags.
type Found struct {
	// Named tells where the keys of flags stand as texts, by key.
	Named map[string][]Place `json:"named"`
	// Unnamed are the flags that no code names, in order.
	Unnamed []string `json:"unnamed"`
	// Unknown are keys that code asks OpenFeature for and that no flag has.
	Unknown []Unknown `json:"unknown"`
}

// Place is a line of a file.
type Place struct {
	File string `json:"file"` // from the tree's root, with slashes
	Line int    `json:"line"`
}

// Unknown is a key that no flag has, and where it is asked for.
type Unknown struct {
	Key string `json:"key"`
	Place
}

// Bounds of what is taken for a source file.
const (
	fileMost = 1 << 20 // bytes
	keyMost  = 256     // bytes, as keys of flags have
)

// skipped are folders of code that others wrote. Those whose name begins with a dot
// are skipped too.
var skipped = []string{"node_modules", "vendor", "third_party", "testdata"}

// asked finds the key in a call of OpenFeature's SDKs: getBooleanValue('key'),
// client.BooleanValue(ctx, "key"), get_boolean_value("key"), useFlag("key").
var asked = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:(?:(?:get|use)_?)?(?:boolean|string|number|integer|int|float|double|object)_?(?:flag_?)?(?:value|details)(?:_?details)?(?:_?async)?|useFlag)` +
		`(?:<[^<>()\n]*>)?\(\s*(?:[\w.]+(?:\(\))?\s*,\s*)?(?:flag_?key\s*[=:]\s*)?["'` + "`" + `]([\w.\-/:@]{1,256})["'` + "`" + `]\s*,`)
})

// Scan looks through a source tree for keys.
func Scan(ctx context.Context, tree fs.FS, keys []string) (*Found, error) {
	found := &Found{Named: map[string][]Place{}, Unnamed: []string{}, Unknown: []Unknown{}}
	known := map[string]bool{}
	for _, key := range keys {
		known[key] = true
	}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains(skipped, d.Name())):
			return fs.SkipDir
		case !d.Type().IsRegular() || !source(name):
			return nil
		}
		if info, err := d.Info(); err != nil || info.Size() > fileMost {
			return err
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return fmt.Errorf("looking for flags: %w", err)
		}
		found.file(name, text, known)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if found.Named[key] == nil {
			found.Unnamed = append(found.Unnamed, key)
		}
	}
	slices.Sort(found.Unnamed)
	return found, nil
}

// source reports whether a file may hold code: texts about code, and what tools
// write, name flags without using them.
func source(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".md", ".txt", ".rst", ".adoc", ".log", ".lock", ".map", ".svg", ".csv":
		return false
	}
	return true
}

// file notes what a file says.
func (f *Found) file(name string, text []byte, known map[string]bool) {
	if bytes.IndexByte(text[:min(len(text), 8<<10)], 0) >= 0 {
		return // no text
	}
	line := 1
	for i, c := range text {
		switch c {
		case '\n':
			line++
		case '"', '\'', '`':
			rest := text[i+1 : min(i+2+keyMost, len(text))]
			if end := bytes.IndexByte(rest, c); end > 0 && known[string(rest[:end])] {
				key := string(rest[:end])
				f.Named[key] = append(f.Named[key], Place{name, line})
			}
		}
	}
	for _, at := range asked().FindAllSubmatchIndex(text, -1) {
		if key := string(text[at[2]:at[3]]); !known[key] {
			f.Unknown = append(f.Unknown, Unknown{key, Place{name, 1 + bytes.Count(text[:at[2]], []byte("\n"))}})
		}
	}
}
