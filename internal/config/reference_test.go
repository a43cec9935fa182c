package config_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/davit-dev/davit/internal/config"
)

const pages = "../../docs/reference/"

// The generated pages are committed; stale ones fail here, and so in CI.
func TestReference(t *testing.T) {
	golden(t, pages+"davit.schema.json", config.Schema())
	golden(t, pages+"configuration.md", config.Reference())
}

// compiled returns the schema, which proves that it is one.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var document any
	if err := json.Unmarshal(config.Schema(), &document); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("davit.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("davit.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// plainYAML reads a file as an editor's language server does.
func plainYAML(t *testing.T, path string) any {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := yaml.Unmarshal(src, &document); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(encoded, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

func TestSchemaTakesWhatParseTakes(t *testing.T) {
	schema := compiled(t)
	paths := append(files(t, "testdata/good/*.yaml"), files(t, "../../examples/*/davit.yaml")...)
	for _, path := range paths {
		if _, err := config.Load(path); err != nil {
			t.Errorf("%s:\n%v", path, err)
		}
		if err := schema.Validate(plainYAML(t, path)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// An editor should underline what has a wrong key, type or range by itself.
func TestSchemaRefusesWrongShapes(t *testing.T) {
	schema := compiled(t)
	for _, name := range []string{"unknown", "types", "probes", "missing", "not-a-mapping", "strategy"} {
		if err := schema.Validate(plainYAML(t, "testdata/wrong/"+name+".yaml")); err == nil {
			t.Errorf("%s.yaml passes the schema", name)
		}
	}
}
