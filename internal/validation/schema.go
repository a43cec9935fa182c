package validation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kaptinlin/jsonschema"
)

// schema is a JSON Schema of draft 4 to 2020-12 that stands on its own.
type schema struct{ compiled *jsonschema.Schema }

// compileSchema reads a schema. One that names no draft is of 2020-12.
func compileSchema(text []byte) (*schema, error) {
	compiler := jsonschema.NewCompiler()
	clear(compiler.Loaders) // a check reads no file and asks no other server
	compiled, err := compiler.Compile(text)
	if err != nil {
		return nil, err
	}
	if away := compiled.UnresolvedReferenceURIs(); len(away) > 0 {
		return nil, fmt.Errorf("it refers to %s: let it stand on its own", away[0])
	}
	sound, err := jsonschema.NewCompiler().Compile([]byte(soundSchema))
	if err != nil {
		return nil, fmt.Errorf("reading the schema of schemas: %w", err)
	}
	if err := (&schema{sound}).satisfied(text); err != nil {
		return nil, err
	}
	switch compiled.Dialect() {
	case jsonschema.Draft4, jsonschema.Draft6, jsonschema.Draft7:
		compiler.SetAssertFormat(true) // in later drafts a format is a remark
	}
	return &schema{compiled}, nil
}

// satisfied returns how a document does not satisfy the schema. Numbers keep
// their digits here.
func (s *schema) satisfied(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return err
	}
	if result := s.compiled.Validate(document); !result.Valid {
		return errors.New(firstFault(result, ""))
	}
	return nil
}

// firstFault says where in the document and why it fails: of several faults
// always the same one. at is the JSON Pointer to what the result is about.
func firstFault(result *jsonschema.EvaluationResult, at string) string {
	at += result.InstanceLocation
	var cause *jsonschema.EvaluationResult
	for _, detail := range result.Details {
		keyword, _, _ := strings.Cut(strings.TrimPrefix(detail.EvaluationPath, "/"), "/")
		// What fails below a keyword that holds, such as one side of an anyOf, is no cause.
		blamed := keyword == "" || result.Errors[keyword] != nil
		if !detail.Valid && blamed && (cause == nil || detail.InstanceLocation < cause.InstanceLocation) {
			cause = detail
		}
	}
	if cause != nil {
		return firstFault(cause, at)
	}
	for _, keyword := range slices.Sorted(maps.Keys(result.Errors)) {
		return strings.TrimPrefix(at+": "+result.Errors[keyword].Error(), ": ")
	}
	return at + " does not satisfy it"
}

// soundSchema is what every schema has to satisfy beyond what compiling it shows:
// a slip in the name of a type would refuse all documents.
const soundSchema = `{
	"type": ["object", "boolean"],
	"properties": {
		"type": {"if": {"type": "array"}, "then": {"items": {"$ref": "#/$defs/type"}}, "else": {"$ref": "#/$defs/type"}},
		"items": {"if": {"type": "array"}, "then": {"$ref": "#/$defs/list"}, "else": {"$ref": "#"}},
		"prefixItems": {"$ref": "#/$defs/list"},
		"allOf": {"$ref": "#/$defs/list"},
		"anyOf": {"$ref": "#/$defs/list"},
		"oneOf": {"$ref": "#/$defs/list"},
		"properties": {"$ref": "#/$defs/named"},
		"patternProperties": {"$ref": "#/$defs/named"},
		"dependentSchemas": {"$ref": "#/$defs/named"},
		"definitions": {"$ref": "#/$defs/named"},
		"$defs": {"$ref": "#/$defs/named"},
		"additionalProperties": {"$ref": "#"},
		"unevaluatedProperties": {"$ref": "#"},
		"propertyNames": {"$ref": "#"},
		"additionalItems": {"$ref": "#"},
		"unevaluatedItems": {"$ref": "#"},
		"contains": {"$ref": "#"},
		"not": {"$ref": "#"},
		"if": {"$ref": "#"},
		"then": {"$ref": "#"},
		"else": {"$ref": "#"},
		"multipleOf": {"exclusiveMinimum": 0}
	},
	"$defs": {
		"type": {"enum": ["array", "boolean", "integer", "null", "number", "object", "string"]},
		"list": {"type": "array", "items": {"$ref": "#"}},
		"named": {"type": "object", "additionalProperties": {"$ref": "#"}}
	}
}`
