package config

import (
	"fmt"
	"strings"
)

// Reference returns the reference page of davit.yaml, in Markdown.
func Reference() []byte {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, o := range records() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n", definitionName(o), o.about().doc)
		for _, f := range o.fields() {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.key, typeCell(f), defaultCell(f), f.doc)
		}
	}
	return []byte(b.String())
}

const referenceHead = `# Reference of davit.yaml

This page is generated from the declarations that davit reads the file with; so is
[the JSON Schema](davit.schema.json). An editor with a YAML language server checks and
completes the file after ` + "`davit config schema > davit.schema.json`" + `, when its first line is

` + "```yaml\n# yaml-language-server: $schema=davit.schema.json\n```" + `

` + "`davit config validate`" + ` checks more than a schema can: references between services, routes and gates, and whether the plan can be kept.

Values

- Text may have the variables ` + "`${application}`, `${environment}` and `${version}`; `$$`" + ` is a dollar sign.
  In commands ` + "`${PORT}`" + ` and other upper-case names are left to the instance. An unknown name is an error.
- A duration is a number with its unit, as in ` + "`500ms`, `30s`, `5m` or `1h30m`" + `.
- A percentage is a number, with or without ` + "`%`: `5`, `5%`, `0.5%`" + `.
- A size is a number of bytes, or has a unit: ` + "`64k`, `256Mi`, `1Gi`" + `.
- A name has lower-case letters, digits and ` + "`-`" + `, as in host names, and at most 63 characters.
- Keys that davit does not know are errors, and so are keys given twice. Anchors, aliases and ` + "`<<`" + ` work
  as usual in YAML; tags do not.
`

func typeCell(f field) string {
	s := f.into.shape()
	cell := strings.ReplaceAll(s.words, "|", "\\|")
	for _, part := range s.parts {
		name := definitionName(part)
		cell = strings.Replace(cell, "("+part.about().name+")", "(["+name+"](#"+strings.ToLower(name)+"))", 1)
	}
	return cell
}

func defaultCell(f field) string {
	switch {
	case f.required:
		return "required"
	case f.initial != "":
		return "`" + strings.Trim(f.initial, `"`) + "`"
	}
	return f.absent
}
