package config

import (
	"encoding/json"
	"strconv"
	"strings"
)

// schema is a JSON Schema.
type schema map[string]any

// shape describes a value.
type shape struct {
	words  string // its type, as in "a duration"
	schema schema
	parts  []record // records that it is made of
}

// Schema returns the JSON Schema (2020-12) of davit.yaml, indented. It holds
// what one value can tell; references between values are checked by Parse.
func Schema() []byte {
	root := recordSchema(&document{})
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "davit.yaml"
	definitions := schema{}
	for _, o := range records()[1:] {
		definitions[definitionName(o)] = withShort(o)
	}
	root["$defs"] = definitions
	encoded, err := json.MarshalIndent(root, "", "  ")
	if err != nil { // a schema holds nothing that JSON cannot
		panic(err)
	}
	return append(encoded, '\n')
}

// records returns all records, each once, from the document downwards.
func records() []record {
	found := []record{&document{}}
	known := map[string]bool{definitionName(found[0]): true}
	for i := 0; i < len(found); i++ {
		for _, f := range found[i].fields() {
			for _, part := range f.into.shape().parts {
				if name := definitionName(part); !known[name] {
					known[name] = true
					found = append(found, part)
				}
			}
		}
	}
	return found
}

// definitionName is the record's name without its article, in camel case.
func definitionName(o record) string {
	words := strings.Fields(strings.TrimPrefix(strings.TrimPrefix(o.about().name, "an "), "a "))
	for i := range words[1:] {
		words[i+1] = strings.ToUpper(words[i+1][:1]) + words[i+1][1:]
	}
	return strings.Join(words, "")
}

// objectShape describes a record by reference.
func objectShape(o record) shape {
	words := "a mapping (" + o.about().name + ")"
	if s, ok := o.(abbreviated); ok {
		words = s.short().shape().words + ", or " + words
	}
	return shape{words: words, schema: schema{"$ref": "#/$defs/" + definitionName(o)}, parts: []record{o}}
}

// withShort is the schema of a record, with its short form where it has one.
func withShort(o record) schema {
	s, ok := o.(abbreviated)
	if !ok {
		return recordSchema(o)
	}
	long := recordSchema(o)
	delete(long, "description")
	return schema{"description": o.about().doc, "anyOf": []schema{s.short().shape().schema, long}}
}

// recordSchema is the schema of a record's long form.
func recordSchema(o record) schema {
	properties := schema{}
	var required []string
	for _, f := range o.fields() {
		property := schema{"description": f.doc}
		for key, v := range f.into.shape().schema {
			property[key] = v
		}
		if f.initial != "" {
			property["default"] = declaredNode(f.initial).plain()
		}
		if f.required {
			required = append(required, f.key)
		}
		properties[f.key] = property
	}
	result := schema{
		"type": "object", "description": o.about().doc,
		"properties": properties, "additionalProperties": false,
	}
	if required != nil {
		result["required"] = required
	}
	if x, ok := o.(exclusive); ok {
		var one []schema
		for _, key := range x.oneOf() {
			one = append(one, schema{"required": []string{key}})
		}
		result["oneOf"] = one
	}
	return result
}

// plain returns the node as encoding/json has it.
func (n *node) plain() any {
	switch n.kind {
	case list:
		values := []any{}
		for _, i := range n.items {
			values = append(values, i.plain())
		}
		return values
	case mapping:
		values := map[string]any{}
		for _, e := range n.entries {
			values[e.key.text] = e.value.plain()
		}
		return values
	case boolean:
		return n.text == "true"
	case whole, number:
		if v, err := strconv.ParseFloat(n.text, 64); err == nil {
			return v
		}
	case nothing:
		return nil
	}
	return n.text
}
