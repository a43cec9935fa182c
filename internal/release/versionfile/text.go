package versionfile

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-dev/davit"
)

var (
	gradleVersion = onUse(`(?m)^[ \t]*version[ \t]*(?:=\s*|\s+|\(\s*)["']?(` + number + `)\b`)
	chartVersion  = onUse(`(?m)^(?:version|appVersion):[ \t]+["']?v?([^\s"'#]+)`)
	yamlVersion   = onUse(`^[ \t]+["']?version["']?:[ \t]+["']?([^\s"'#]+)`)
	yamlInfo      = onUse(`^["']?info["']?:[ \t]*(?:#.*)?$`)
	flowInfo      = onUse(`^["']?info["']?:[ \t]*\{`)
	tfVariable    = onUse(`(?m)^[ \t]*variable\s+"([^"]+)"\s*\{`)
	tfDefault     = onUse(`(?:^|[\s{])default\s*=\s*"([^"]*)"`)
)

// gradle returns the version of the build: at the top, or for all its projects.
// Blocks of plug-ins have versions of their own.
func gradle(content []byte, _ davit.VersionFile) ([]Span, error) {
	bare := withoutText(content, "//")
	return slices.DeleteFunc(matches(content, gradleVersion()), func(s Span) bool {
		line := bytes.LastIndexByte(content[:s.Start], '\n') + 1
		if !bytes.HasPrefix(bytes.TrimLeft(bare[line:], " \t"), []byte("version")) {
			return true // in a comment
		}
		return slices.ContainsFunc(blocksAt(bare, line), func(name string) bool { return name != "allprojects" && name != "subprojects" })
	}), nil
}

// chart returns the chart's version and that of the application it installs.
func chart(content []byte, _ davit.VersionFile) ([]Span, error) {
	return matches(content, chartVersion()), nil
}

// openAPI returns info.version of a document in JSON or YAML.
func openAPI(content []byte, _ davit.VersionFile) ([]Span, error) {
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		spans, err := jsonStrings(content, []string{"info", "version"})
		if err != nil { // YAML may begin with a brace too
			if found := flowScalar(content, bytes.IndexByte(content, '{'), "info", "version"); found != nil {
				return found, nil
			}
		}
		return spans, err
	}
	at, indent, inside := 0, 0, false
	for line := range bytes.Lines(content) {
		text := bytes.TrimRight(line, " \t\r\n")
		inner := bytes.TrimLeft(text, " \t")
		deep := len(text) - len(inner)
		switch {
		case len(inner) == 0 || inner[0] == '#':
		case deep == 0:
			if inside {
				return nil, nil
			}
			if m := flowInfo().FindIndex(text); m != nil {
				return flowScalar(content, at+m[1]-1, "version"), nil
			}
			inside = yamlInfo().Match(text)
		case inside && indent == 0:
			indent = deep
		}
		// Deeper keys of the same name are others'.
		if m := yamlVersion().FindSubmatchIndex(text); inside && deep > 0 && deep == indent && m != nil {
			return []Span{{Start: at + m[2], End: at + m[3], Version: string(text[m[2]:m[3]])}}, nil
		}
		at += len(line)
	}
	return nil, nil
}

// goConstant returns the string that a constant or variable named version is
// declared with. One that is no version, such as "dev", is the linker's to set.
func goConstant(content []byte, f davit.VersionFile) ([]Span, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, f.Path, content, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("reading Go: %w", err)
	}
	var spans []Span
	for _, declaration := range parsed.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			value, ok := spec.(*ast.ValueSpec)
			if !ok {
				continue
			}
			for i, name := range value.Names {
				named := f.Variable == name.Name || f.Variable == "" && strings.EqualFold(name.Name, "version")
				if named && i < len(value.Values) {
					spans = append(spans, goString(files, value.Values[i])...)
				}
			}
		}
	}
	return spans, nil
}

func goString(files *token.FileSet, value ast.Expr) []Span {
	literal, ok := value.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return nil
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil || text != literal.Value[1:len(literal.Value)-1] {
		return nil
	}
	start := files.Position(literal.Pos()).Offset + 1
	if rest, ok := strings.CutPrefix(text, "v"); ok {
		text, start = rest, start+1
	}
	if !wholeNumber().MatchString(text) {
		return nil
	}
	return []Span{{Start: start, End: start + len(text), Version: text}}
}

// terraform returns the default of a variable: the one named, or app_version,
// application_version, release_version or service_version.
func terraform(content []byte, f davit.VersionFile) ([]Span, error) {
	var spans []Span
	bare := withoutText(content, "#", "//")
	for _, m := range tfVariable().FindAllSubmatchIndex(content, -1) {
		name := string(content[m[2]:m[3]])
		if name != f.Variable && (f.Variable != "" || !strings.Contains(" app_version application_version release_version service_version ", " "+name+" ")) {
			continue
		}
		if bare[m[1]-1] != '{' || len(blocksAt(bare, m[1]-1)) > 0 {
			continue // in a comment, or inside another block
		}
		block := content[m[1]-1 : blockEnd(bare, m[1]-1)]
		for _, d := range tfDefault().FindAllSubmatchIndex(block, -1) {
			start, end := m[1]-1+d[2], m[1]-1+d[3]
			if bare[start-1] == '"' && len(blocksAt(bare, start)) == 1 { // in no comment and no inner block
				spans = append(spans, Span{Start: start, End: end, Version: string(content[start:end])})
			}
		}
	}
	return spans, nil
}

// blockEnd returns where the block ends whose brace opens at a place.
func blockEnd(bare []byte, at int) int {
	depth := 0
	for i := at; i < len(bare); i++ {
		switch bare[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(bare)
}

// withoutText returns content of the same length with blanks for what strings
// and comments hold, so that what is left is structure.
func withoutText(content []byte, comments ...string) []byte {
	bare := bytes.Clone(content)
	blank := func(from, to int) int {
		for i := from; i < to; i++ {
			if bare[i] != '\n' {
				bare[i] = ' '
			}
		}
		return to
	}
	lineEnd := func(at int) int {
		if n := bytes.IndexByte(content[at:], '\n'); n >= 0 {
			return at + n
		}
		return len(content)
	}
	for i := 0; i < len(content); {
		rest := content[i:]
		switch {
		case bytes.HasPrefix(rest, []byte("/*")):
			end := len(content)
			if n := bytes.Index(rest[2:], []byte("*/")); n >= 0 {
				end = i + 2 + n + 2
			}
			i = blank(i, end)
		case slices.ContainsFunc(comments, func(mark string) bool { return bytes.HasPrefix(rest, []byte(mark)) }):
			i = blank(i, lineEnd(i))
		case rest[0] == '"' || rest[0] == '\'':
			end := i + 1
			for end < lineEnd(i) && content[end] != rest[0] {
				if content[end] == '\\' {
					end++
				}
				end++
			}
			if end < lineEnd(i) {
				i = blank(i+1, end)
			}
			i++
		default:
			i++
		}
	}
	return bare
}

// blocksAt returns the names of the blocks that a place is in, outermost first.
func blocksAt(bare []byte, at int) []string {
	var open []string
	for i, c := range bare[:at] {
		switch {
		case c == '{':
			line := bytes.TrimSpace(bare[bytes.LastIndexByte(bare[:i], '\n')+1 : i])
			open = append(open, string(line))
		case c == '}' && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	return open
}
