package versionfile

import (
	"strings"

	"github.com/davit-dev/davit"
)

// tomlValue is a string under a key of a table.
type tomlValue struct {
	table string // "[package]", "[[package]]"; "" before the first
	index int    // of the table in the file
	key   string
	span  Span
}

var (
	tomlTable  = onUse(`^\s*(\[\[?)\s*([^\]]+?)\s*(\]\]?)\s*(?:#.*)?$`)
	tomlString = onUse(`^\s*("?[A-Za-z0-9_.-]+"?)\s*=\s*(?:"([^"\\]*)"|'([^']*)')\s*(?:#.*)?$`)
)

// tomlStrings returns the one-line strings of a TOML document.
func tomlStrings(content []byte) []tomlValue {
	var values []tomlValue
	table, index, at, quote := "", 0, 0, ""
	for line := range strings.Lines(string(content)) {
		text := strings.TrimRight(line, "\r\n")
		switch m := tomlString().FindStringSubmatchIndex(text); {
		case quote != "":
			if strings.Contains(text, quote) {
				quote = ""
			}
		case opensLongString(text) != "":
			quote = opensLongString(text)
		case m != nil:
			group := 4
			if m[4] < 0 {
				group = 6
			}
			values = append(values, tomlValue{table, index, strings.Trim(text[m[2]:m[3]], `"`), Span{Start: at + m[group], End: at + m[group+1], Version: text[m[group]:m[group+1]]}})
		default:
			if m := tomlTable().FindStringSubmatch(text); m != nil {
				table, index = m[1]+m[2]+m[3], index+1
			}
		}
		at += len(line)
	}
	return values
}

// opensLongString returns the quotes of a string that goes on to other lines.
func opensLongString(line string) string {
	for _, quote := range []string{`"""`, `'''`} {
		if strings.Count(line, quote)%2 == 1 {
			return quote
		}
	}
	return ""
}

// tomlVersions returns the key version of the tables.
func tomlVersions(content []byte, tables ...string) []Span {
	var spans []Span
	for _, v := range tomlStrings(content) {
		for _, table := range tables {
			if v.table == table && v.key == "version" {
				spans = append(spans, v.span)
			}
		}
	}
	return spans
}

func cargo(content []byte, _ davit.VersionFile) ([]Span, error) {
	return tomlVersions(content, "[package]", "[workspace.package]"), nil
}

func pyproject(content []byte, _ davit.VersionFile) ([]Span, error) {
	return tomlVersions(content, "[project]", "[tool.poetry]"), nil
}

// cargoLock returns the versions of the packages without a source: those of
// the workspace itself.
func cargoLock(content []byte, _ davit.VersionFile) ([]Span, error) {
	foreign, names := map[int]bool{}, map[int]string{}
	values := tomlStrings(content)
	for _, v := range values {
		switch v.key {
		case "source":
			foreign[v.index] = true
		case "name":
			names[v.index] = v.span.Version
		}
	}
	var spans []Span
	for _, v := range values {
		if v.table == "[[package]]" && v.key == "version" && !foreign[v.index] {
			v.span.Name = names[v.index]
			spans = append(spans, v.span)
		}
	}
	return spans, nil
}

// Crate returns the name of the package in a Cargo.toml; "" when that has none, or the
// version of a whole workspace.
func Crate(content []byte) string {
	name := ""
	for _, v := range tomlStrings(content) {
		switch {
		case v.table == "[workspace.package]" && v.key == "version":
			return ""
		case v.table == "[package]" && v.key == "name":
			name = v.span.Version
		}
	}
	return name
}
