package validation

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/ohler55/ojg/jp"
)

// expectation is what an answer is to be. What is left out may be anything.
type expectation struct {
	Status int `json:"status,omitempty"` // 0: any of 200 to 299
	// Headers maps names to regular expressions that a value has to match.
	Headers map[string]string `json:"headers,omitempty"`
	Matches string            `json:"matches,omitempty"` // a regular expression, found in the body
	// JSON maps JSONPaths to the value that all nodes they select are to have;
	// each has to select one at least.
	JSON map[string]any `json:"json,omitempty"`
	// Schema is a JSON Schema that the body has to satisfy.
	Schema json.RawMessage `json:"schema,omitempty"`

	headers map[string]*regexp.Regexp
	matches *regexp.Regexp
	paths   map[string]jp.Expr
	schema  *schema
}

// compile returns what is wrong with the expectation.
func (e *expectation) compile() error {
	var err error
	e.headers = map[string]*regexp.Regexp{}
	for name, pattern := range e.Headers {
		if e.headers[name], err = regexp.Compile(pattern); err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
	}
	if e.matches, err = regexp.Compile(e.Matches); err != nil {
		return fmt.Errorf("matches: %w", err)
	}
	e.paths = map[string]jp.Expr{}
	for path := range e.JSON {
		if e.paths[path], err = parsePath(path); err != nil {
			return err
		}
	}
	if len(e.Schema) > 0 {
		if e.schema, err = compileSchema(e.Schema); err != nil {
			return fmt.Errorf("schema: %w", err)
		}
	}
	return nil
}

// parsePath reads a JSONPath.
func parsePath(path string) (jp.Expr, error) {
	parsed, err := jp.ParseString(path)
	if err != nil {
		return nil, fmt.Errorf("the JSONPath %q: %w", clip(path), err)
	}
	return parsed, nil
}

// judge keeps as evidence how the answer meets the expectation. It returns
// whether all of it held.
func (e *expectation) judge(x *exam, a *answer) bool {
	held := true
	note := func(ok bool, came, expected string) { held = x.expect(ok, a.asked, came, expected) && held }
	if e.Status != 0 {
		note(a.StatusCode == e.Status, a.String(), fmt.Sprintf("status %d", e.Status))
	} else {
		note(a.ok(), a.String(), "status 200 to 299")
	}
	for _, name := range slices.Sorted(maps.Keys(e.headers)) {
		values := a.Header.Values(name)
		note(slices.ContainsFunc(values, e.headers[name].MatchString), headerText(name, values), "a value that matches "+e.headers[name].String())
	}
	if e.Matches != "" {
		note(e.matches.Match(a.body), a.String(), "a body that matches "+e.Matches)
	}
	if len(e.paths) == 0 && e.schema == nil {
		return held
	}
	doc, err := a.json()
	if err != nil {
		note(false, a.String(), "a body of JSON")
		return false
	}
	for _, path := range slices.Sorted(maps.Keys(e.paths)) {
		found := e.paths[path].Get(doc)
		ok := len(found) > 0 && !slices.ContainsFunc(found, func(v any) bool { return !sameJSON(v, e.JSON[path]) })
		note(ok, path+" is "+valuesText(found), valueText(e.JSON[path]))
	}
	if e.schema != nil {
		came := "it does"
		err := e.schema.satisfied(a.body)
		if err != nil {
			came = err.Error()
		}
		note(err == nil, came, "a body that satisfies the schema")
	}
	return held
}

// sameJSON reports whether two values are the same in JSON.
func sameJSON(a, b any) bool { return reflect.DeepEqual(plainJSON(a), plainJSON(b)) }

// plainJSON returns the value with its numbers as float64.
func plainJSON(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return v
	}
	return plain
}

func valueText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func valuesText(found []any) string {
	if len(found) == 0 {
		return "not there"
	}
	texts := make([]string, len(found))
	for i, v := range found {
		texts[i] = valueText(v)
	}
	return strings.Join(texts, ", ")
}

func headerText(name string, values []string) string {
	if len(values) == 0 {
		return "no " + http.CanonicalHeaderKey(name)
	}
	return http.CanonicalHeaderKey(name) + ": " + strings.Join(values, ", ")
}
