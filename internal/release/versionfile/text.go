package versionfile

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"

	"github.com/davit-dev/davit"
)

var (
	gradleVersion = onUse(`(?m)^version\s*(?:=\s*|\s+|\(\s*)["']?(` + number + `)\b`)
	chartVersion  = onUse(`(?m)^(?:version|appVersion):[ \t]+["']?v?([^\s"'#]+)`)
	infoVersion   = onUse(`(?m)^[ \t]+version:[ \t]+["']?([^\s"'#]+)`)
	infoBlock     = onUse(`(?m)^info:[ \t]*(?:#.*)?\r?\n((?:[ \t]+.*(?:\r?\n|\z)|[ \t]*(?:#.*)?\r?\n)*)`)
	tfVariable    = onUse(`(?m)^variable\s+"([^"]+)"\s*\{([^}]*)\}`)
	tfDefault     = onUse(`(?m)^\s*default\s*=\s*"([^"]*)"|\{\s*default\s*=\s*"([^"]*)"`)
)

func gradle(content []byte, _ davit.VersionFile) ([]Span, error) {
	return matches(content, gradleVersion()), nil
}

// chart returns the chart's version and that of the application it installs.
func chart(content []byte, _ davit.VersionFile) ([]Span, error) {
	return matches(content, chartVersion()), nil
}

// openAPI returns info.version of a document in JSON or YAML.
func openAPI(content []byte, _ davit.VersionFile) ([]Span, error) {
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		return jsonStrings(content, []string{"info", "version"})
	}
	block := infoBlock().FindSubmatchIndex(content)
	if block == nil {
		return nil, nil
	}
	body := content[block[2]:block[3]]
	spans := matches(body, infoVersion())
	indent := len(body) - len(bytes.TrimLeft(body, " \t"))
	for _, s := range spans { // deeper keys of the same name are others'
		line := body[bytes.LastIndexByte(body[:s.Start], '\n')+1 : s.Start]
		if len(line)-len(bytes.TrimLeft(line, " \t")) == indent {
			return []Span{{block[2] + s.Start, block[2] + s.End, s.Version}}, nil
		}
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
	return []Span{{start, start + len(text), text}}
}

// terraform returns the default of a variable: the one named, or app_version,
// application_version, release_version or service_version.
func terraform(content []byte, f davit.VersionFile) ([]Span, error) {
	var spans []Span
	for _, m := range tfVariable().FindAllSubmatchIndex(content, -1) {
		name := string(content[m[2]:m[3]])
		if name != f.Variable && (f.Variable != "" || !strings.Contains(" app_version application_version release_version service_version ", " "+name+" ")) {
			continue
		}
		body := content[m[4]-1 : m[5]] // with the brace
		for _, d := range tfDefault().FindAllSubmatchIndex(body, -1) {
			start, end := d[2], d[3]
			if start < 0 {
				start, end = d[4], d[5]
			}
			spans = append(spans, Span{m[4] - 1 + start, m[4] - 1 + end, string(body[start:end])})
		}
	}
	return spans, nil
}
