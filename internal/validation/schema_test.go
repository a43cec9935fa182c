package validation

import (
	"strings"
	"testing"
)

func TestSchemaSaysWhereADocumentFails(t *testing.T) {
	for name, c := range map[string]struct{ schema, document, want string }{
		"satisfied":            {`{"items": {"type": "integer"}}`, `[1, 2]`, ""},
		"everything":           {`true`, `{"a": 1}`, ""},
		"a type":               {`{"type": "array"}`, `1`, "Value is integer but should be array"},
		"deep inside":          {`{"items": {"properties": {"price": {"type": "integer"}}}}`, `[{"price": 1}, {"price": "x"}]`, "/1/price: Value is string but should be integer"},
		"by reference":         {`{"items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "null"}}}`, `[null, 0]`, "/1: Value is integer but should be null"},
		"what is missing":      {`{"required": ["name"]}`, `{}`, "Required property 'name' is missing"},
		"the first of several": {`{"properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}}}`, `{"c": 1, "b": 1, "a": 1}`, "/a: "},
		"not what holds":       {`{"anyOf": [{"type": "string"}, {"type": "integer"}], "maximum": 1}`, `2`, "2 should be at most 1"},
		"round and round":      {`{"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#"}]}}}`, `1`, ""},
		"recursive":            {`{"properties": {"next": {"$ref": "#"}}, "additionalProperties": false}`, `{"next": {"next": {"last": 1}}}`, "/next/next/last: "},
		"draft 7":              {`{"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}], "additionalItems": false}`, `["a", 1]`, "/1: "},
		"its formats":          {`{"$schema": "http://json-schema.org/draft-07/schema#", "format": "ipv4"}`, `"here"`, "ipv4"},
		"formats of 2020-12":   {`{"format": "ipv4"}`, `"here"`, ""},
		"long numbers":         {`{"const": 9007199254740993}`, `9007199254740992`, "does not match the constant"},
		"twice the same name":  {`{"properties": {"a": {"type": "integer"}}}`, `{"a": "x", "a": 1}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := compileSchema([]byte(c.schema))
			if err != nil {
				t.Fatal(err)
			}
			for range 10 { // always the same
				err := s.satisfied([]byte(c.document))
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Fatalf("error %v, want %q", err, c.want)
				}
			}
		})
	}
}

func TestSchemaIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ schema, want string }{
		"another document":               {`{"properties": {"a": {"$ref": "https://example.com/a.json"}}}`, "it refers to https://example.com/a.json"},
		"a file":                         {`{"$ref": "file:///etc/passwd"}`, "it refers to file:///etc/passwd"},
		"a definition that is not there": {`{"$ref": "#/$defs/none"}`, "it refers to #/$defs/none"},
		"a slip in a type":               {`{"properties": {"a": {"items": {"type": "strnig"}}}}`, "/properties/a/items/type: Value strnig should be one of"},
		"a slip in a list":               {`{"anyOf": [{"type": ["null", "sting"]}]}`, "/anyOf/0/type/1: Value sting should be one of"},
		"a bad expression":               {`{"pattern": "("}`, "missing closing )"},
		"a bad bound":                    {`{"minItems": "1"}`, "/minItems"},
		"a multiple of nothing":          {`{"multipleOf": 0}`, "/multipleOf"},
		"null":                           {`null`, "Value is null but should be object, boolean"},
		"a number":                       {`3`, "number"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := compileSchema([]byte(c.schema)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
