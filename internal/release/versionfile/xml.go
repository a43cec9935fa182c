package versionfile

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// pom returns the project's own version; one that is ${revision} stands in the
// properties.
func pom(content []byte, _ davit.VersionFile) ([]Span, error) {
	spans, err := xmlTexts(content, "project/version")
	if err == nil && len(spans) > 0 && strings.HasPrefix(spans[0].Version, "${") {
		name := strings.TrimSuffix(strings.TrimPrefix(spans[0].Version, "${"), "}")
		return xmlTexts(content, "project/properties/"+name)
	}
	return spans, err
}

func msbuild(content []byte, _ davit.VersionFile) ([]Span, error) {
	return xmlTexts(content, "Project/PropertyGroup/Version", "Project/PropertyGroup/VersionPrefix")
}

// xmlTexts returns the texts of the elements at the paths.
func xmlTexts(content []byte, paths ...string) ([]Span, error) {
	d := xml.NewDecoder(bytes.NewReader(content))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // versions are ASCII in every encoding that has it
	var spans []Span
	var stack []string
	for {
		start := int(d.InputOffset())
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return spans, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading XML: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			stack = append(stack, t.Name.Local)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if !slices.Contains(paths, strings.Join(stack, "/")) {
				continue
			}
			raw := content[start:int(d.InputOffset())]
			text := bytes.TrimSpace(raw)
			start += bytes.Index(raw, text)
			if len(text) > 0 {
				spans = append(spans, Span{Start: start, End: start + len(text), Version: string(text)})
			}
		}
	}
}
