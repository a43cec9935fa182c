// Package changelog writes changelogs as Keep a Changelog 1.1.0 asks for, and
// puts a new release's section into one that people wrote in before.
package changelog

import (
	"fmt"
	"strings"
	"text/template"
)

// Section is what is told about one release. It is the data of templates.
type Section struct {
	Version     string
	Tag         string
	PreviousTag string // "" before the first release
	Date        string // 2006-01-02
	CompareURL  string // "" when the remote is of no known forge
	// Inline is whether the heading holds the link itself; otherwise the file
	// defines it at its end.
	Inline   bool
	Breaking []Item
	Groups   []Group
	// Contributors are the names of authors and co-authors.
	Contributors []string
}

// Group is the changes under one heading.
type Group struct {
	Heading string
	Items   []Item
}

// Item is one change.
type Item struct {
	Scope string
	Text  string // with links to issues and pull requests
	Hash  string // abbreviated
	URL   string // of the commit; "" without a known forge
	// Closes are the issues that it closes, with links, when Text names them not.
	Closes []string
	// Notes are the paragraphs on what breaks and how to migrate, when they
	// say more than Text.
	Notes []string
}

// breakingHeading is what the default template tells breaking changes under.
const breakingHeading = "Breaking changes"

// Header begins a new changelog.
const Header = `# Changelog

All notable changes to this project are documented in this file. The format is
based on [Keep a Changelog](https://keepachangelog.com/en/1.1.0/), and this
project adheres to [Semantic Versioning](https://semver.org/spec/v2.0.0.html).
`

// defaultTemplate renders a section. It ends with a single line end.
const defaultTemplate = `{{define "item"}}- {{with .Scope}}**{{.}}:** {{end}}{{.Text}}{{if .URL}} ([{{.Hash}}]({{.URL}})){{else if .Hash}} ({{.Hash}}){{end}}{{with .Closes}}, closes {{join . ", "}}{{end}}
{{range .Notes}}
{{indent 2 .}}
{{end}}{{end -}}
## [{{.Version}}]{{if and .Inline .CompareURL}}({{.CompareURL}}){{end}} - {{.Date}}
{{with .Breaking}}
### ` + breakingHeading + `

{{range .}}{{template "item" .}}{{end}}{{end}}{{range .Groups}}
### {{.Heading}}

{{range .Items}}{{template "item" .}}{{end}}{{end}}{{with .Contributors}}
Contributors: {{join . ", "}}
{{end}}`

// Template renders sections.
type Template struct{ parsed *template.Template }

// ParseTemplate reads a Go template over a Section; "" is the default. Beside
// the built-in functions there are indent (blanks, text), join, lower and upper.
func ParseTemplate(text string) (*Template, error) {
	if text == "" {
		text = defaultTemplate
	}
	parsed, err := template.New("changelog").Option("missingkey=error").Funcs(template.FuncMap{
		"indent": indent, "join": strings.Join, "lower": strings.ToLower, "upper": strings.ToUpper,
	}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("reading the changelog's template: %w", err)
	}
	return &Template{parsed}, nil
}

// Begin returns how a new changelog begins: what the template defines as
// "header", else Header.
func (t *Template) Begin() (string, error) {
	header := t.parsed.Lookup("header")
	if header == nil {
		return Header, nil
	}
	var b strings.Builder
	if err := header.Execute(&b, nil); err != nil {
		return "", fmt.Errorf("rendering the changelog's header: %w", err)
	}
	return strings.Trim(b.String(), "\n") + "\n", nil
}

// Render returns the section's text, which ends with one line end.
func (t *Template) Render(s Section) (string, error) {
	var b strings.Builder
	if err := t.parsed.Execute(&b, s); err != nil {
		return "", fmt.Errorf("rendering the changelog: %w", err)
	}
	return strings.Trim(b.String(), "\n") + "\n", nil
}

// indent sets blanks before every line that is not empty.
func indent(blanks int, text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = strings.Repeat(" ", blanks) + line
		}
	}
	return strings.Join(lines, "\n")
}
