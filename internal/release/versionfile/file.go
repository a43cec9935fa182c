// Package versionfile finds the version inside files of many kinds and replaces
// it in place. Everything else in a file stays as it is, byte for byte, because
// only the bytes of the version are ever replaced.
package versionfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/davit-dev/davit"
)

// maxBytes bounds the files that are looked at.
const maxBytes = 64 << 20

// Span is a place in a file that holds a version.
type Span struct {
	Start, End int // bytes
	Version    string
	Name       string // of the package that has it, in a Cargo.lock
}

// ErrNone says that a file of the kind holds no version of its own, such as a
// package that inherits its workspace's.
var ErrNone = errors.New("it holds no version")

// locator finds the versions in a file.
type locator func(content []byte, f davit.VersionFile) ([]Span, error)

// kinds are all locators by kind.
func kinds() map[string]locator {
	return map[string]locator{
		"package.json": packageJSON, "package-lock.json": packageLock, "pyproject.toml": pyproject,
		"Cargo.toml": cargo, "Cargo.lock": cargoLock, "pom.xml": pom, "gradle": gradle, "msbuild": msbuild,
		"Chart.yaml": chart, "VERSION": plain, "go": goConstant, "openapi": openAPI, "terraform": terraform,
		"regex": pattern, "marker": marker,
	}
}

// kind returns the kind of a file by its name, marker when no other is known.
func kindOf(f davit.VersionFile) string {
	if f.Kind != "" {
		return f.Kind
	}
	if f.Pattern != "" {
		return "regex"
	}
	base := path.Base(f.Path)
	if _, ok := kinds()[base]; ok {
		return base
	}
	switch ext := path.Ext(base); {
	case base == "npm-shrinkwrap.json":
		return "package-lock.json"
	case base == "build.gradle" || base == "build.gradle.kts" || base == "gradle.properties":
		return "gradle"
	case slices.Contains([]string{".csproj", ".fsproj", ".vbproj", ".props"}, ext):
		return "msbuild"
	case ext == ".go":
		return "go"
	case ext == ".tf":
		return "terraform"
	case slices.Contains([]string{"openapi.yaml", "openapi.yml", "openapi.json"}, base):
		return "openapi"
	}
	return "marker"
}

// Locate returns where the file's content holds its versions, in order.
func Locate(content []byte, f davit.VersionFile) ([]Span, error) {
	if len(content) > maxBytes {
		return nil, fmt.Errorf("%s is larger than %d bytes", f.Path, maxBytes)
	}
	find, ok := kinds()[kindOf(f)]
	if !ok {
		return nil, fmt.Errorf("%s: there is no kind %q of version file", f.Path, f.Kind)
	}
	mark := len(content)
	content = bytes.TrimPrefix(content, []byte("\uFEFF")) // the readers of few formats know it
	mark -= len(content)
	spans, err := find(content, f)
	for i := range spans {
		spans[i].Start, spans[i].End = spans[i].Start+mark, spans[i].End+mark
	}
	if err == nil && len(spans) == 0 {
		err = ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the version in %s: %w", f.Path, err)
	}
	slices.SortFunc(spans, func(a, b Span) int { return a.Start - b.Start })
	return spans, nil
}

// Replace returns the content with another version in the spans, which are in
// order and do not overlap.
func Replace(content []byte, spans []Span, version string) []byte {
	var b bytes.Buffer
	at := 0
	for _, s := range spans {
		b.Write(content[at:s.Start])
		b.WriteString(version)
		at = s.End
	}
	b.Write(content[at:])
	return b.Bytes()
}

// names are the files that Detect looks for; patterns by path.Match.
var names = []string{
	"package.json", "package-lock.json", "npm-shrinkwrap.json", "pyproject.toml", "Cargo.toml", "Cargo.lock", "pom.xml",
	"build.gradle", "build.gradle.kts", "gradle.properties", "*.csproj", "*.fsproj", "*.vbproj", "Directory.Build.props",
	"Chart.yaml", "VERSION", "version.go", "internal/version/version.go", "openapi.yaml", "openapi.yml", "openapi.json",
	"variables.tf", "version.tf",
}

// Detect returns the files of a folder that hold a version, by their names.
func Detect(folder fs.FS) ([]davit.VersionFile, error) {
	var files []davit.VersionFile
	for _, name := range names {
		matches, err := fs.Glob(folder, name)
		if err != nil {
			return nil, fmt.Errorf("looking for version files: %w", err)
		}
		for _, match := range matches {
			content, err := fs.ReadFile(folder, match)
			if err != nil {
				return nil, fmt.Errorf("looking for version files: %w", err)
			}
			f := davit.VersionFile{Path: match}
			switch _, err := Locate(content, f); {
			case err == nil:
				files = append(files, f)
			case !errors.Is(err, ErrNone):
				return nil, err
			}
		}
	}
	return files, nil
}

// number is a semantic version as other texts hold it.
const number = `\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?`

var wholeNumber = onUse(`^` + number + `$`)

// plain is a file that holds nothing but the version.
func plain(content []byte, _ davit.VersionFile) ([]Span, error) {
	text := strings.TrimSpace(string(content))
	start := strings.Index(string(content), text)
	if rest, ok := strings.CutPrefix(text, "v"); ok {
		text, start = rest, start+1
	}
	if !wholeNumber().MatchString(text) {
		return nil, nil
	}
	return []Span{{Start: start, End: start + len(text), Version: text}}, nil
}

// pattern goes by the regular expression of the configuration.
func pattern(content []byte, f davit.VersionFile) ([]Span, error) {
	expression, err := regexp.Compile(f.Pattern)
	if err != nil || expression.NumSubexp() == 0 {
		return nil, fmt.Errorf("the pattern %q must be a regular expression with a group around the version", f.Pattern)
	}
	return matches(content, expression), nil
}

// matches returns the spans of the group named version, or of the first.
func matches(content []byte, expression *regexp.Regexp) []Span {
	group := max(1, expression.SubexpIndex("version"))
	var spans []Span
	for _, m := range expression.FindAllSubmatchIndex(content, -1) {
		if start, end := m[2*group], m[2*group+1]; start >= 0 {
			spans = append(spans, Span{Start: start, End: end, Version: string(content[start:end])})
		}
	}
	return spans
}

// Marker is the comment on a line whose version is the package's.
const Marker = "davit:version"

var markedLine = onUse(`(?m)^.*(?:#|//|--|/\*|;|%|\bREM|\bdnl)[ \t]*` + Marker + `\b.*$`)

var anyNumber = onUse(`\bv?(` + number + `)\b`)

// marker returns the versions on lines with the marker in a comment.
func marker(content []byte, _ davit.VersionFile) ([]Span, error) {
	var spans []Span
	for _, line := range markedLine().FindAllIndex(content, -1) {
		for _, at := range anyNumber().FindAllSubmatchIndex(content[line[0]:line[1]], -1) {
			start, end := line[0]+at[2], line[0]+at[3]
			spans = append(spans, Span{Start: start, End: end, Version: string(content[start:end])})
		}
	}
	return spans, nil
}

// onUse is a regular expression that is compiled when it is used first: not by
// every command as it starts.
func onUse(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
