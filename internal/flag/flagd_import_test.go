package flag_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// What rules can say becomes rules, with percentages where a person would look for
// them.
func TestImportFlagd(t *testing.T) {
	const definition = `{
		"metadata": {"team": "shop", "source": "flagd"},
		"$evaluators": {"staff": {"ends_with": [{"var": "email"}, "@example.org"]}},
		"flags": {
			"checkout": {
				"state": "ENABLED", "defaultVariant": "off", "variants": {"on": true, "off": false},
				"metadata": {"source": "file", "davit.owner": "anna"},
				"targeting": {"if": [{"$ref": "staff"}, "on", {"fractional": [["on", 5], ["off", 95]]}]}
			},
			"colors": {
				"state": "DISABLED", "variants": {"red": "#f00", "blue": "#00f"},
				"targeting": {"if": [{">": [{"var": "age"}, 18]}, "red", "blue"]}
			}
		}
	}`
	imported, err := flag.ImportFlagd("production", []byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	want := &flag.Imported{
		Advanced: []string{"colors"}, Left: []flag.Problem{},
		Segments: []davit.Segment{{
			Key: "staff", Description: "imported from $evaluators",
			When: &davit.FlagCondition{Attribute: "email", Op: davit.OpEndsWith, Values: []any{"@example.org"}},
		}},
		Flags: []davit.Flag{{
			Key: "checkout", Type: davit.FlagBoolean, Owner: "anna", Metadata: map[string]any{"team": "shop", "source": "file"},
			Variants: []davit.FlagVariant{{Name: "off", Value: []byte("false")}, {Name: "on", Value: []byte("true")}},
			Environments: map[string]davit.FlagSettings{"production": {
				Enabled: true,
				Rules:   []davit.FlagRule{{When: &davit.FlagCondition{Segment: "staff"}, Serve: davit.FlagServe{Variant: "on"}}},
				Default: davit.FlagServe{Split: &davit.FlagSplit{
					Otherwise: "off", Shares: []davit.FlagShare{{Variant: "on", Weight: 5}, {Variant: "off", Weight: 95}},
				}},
			}},
		}, {
			Key: "colors", Type: davit.FlagString, Metadata: map[string]any{"team": "shop", "source": "flagd"},
			Variants: []davit.FlagVariant{{Name: "blue", Value: []byte(`"#00f"`)}, {Name: "red", Value: []byte(`"#f00"`)}},
			Environments: map[string]davit.FlagSettings{"production": {
				Rules: []davit.FlagRule{{Advanced: []byte(`{"if":[{">":[{"var":"age"},18]},"red","blue"]}`)}},
			}},
		}},
	}
	if diff := cmp.Diff(want, imported); diff != "" {
		t.Error(diff)
	}
}

func TestImportFlagdRefuses(t *testing.T) {
	one := func(f string) string { return `{"flags": {"f": ` + f + `}}` }
	for name, c := range map[string]struct{ definition, why string }{
		"no JSON":     {`{"flags": `, "this is no flag definition of flagd"},
		"no flags":    {`{}`, "flags"},
		"a list":      {`{"flags": [{"state": "ENABLED"}]}`, "flags[0]"},
		"state":       {one(`{"state": "ON", "variants": {"a": 1}}`), `the state "ON"`},
		"no variants": {one(`{"state": "ENABLED", "variants": {}}`), "no variants"},
		"types":       {one(`{"state": "ENABLED", "variants": {"a": 1, "b": "x"}}`), "several types"},
		"default":     {one(`{"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": "b"}`), `no variant "b"`},
		"operation":   {one(`{"state": "ENABLED", "variants": {"a": 1}, "targeting": {"shout": []}}`), `no operation "shout"`},
		"reference":   {one(`{"state": "ENABLED", "variants": {"a": 1}, "targeting": {"if": [{"$ref": "x"}, "a"]}}`), "no $evaluators[x]"},
		"circle": {
			`{"$evaluators": {"x": {"!": [{"$ref": "x"}]}}, "flags": {}}`, "in a circle",
		},
		"growth": {
			`{"$evaluators": {"a": {"and": [` + strings.Repeat(`{"$ref": "b"},`, 400) + `1]}, "b": {"and": [` + strings.Repeat(`{"$ref": "c"},`, 400) + `1]}, "c": 1}, "flags": {}}`, "too much",
		},
	} {
		if _, err := flag.ImportFlagd("production", []byte(c.definition)); davit.ErrorCode(err) != davit.CodeInvalid || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Conditions that are deeper in each other than rules may be are kept.
func TestImportFlagdKeepsWhatIsDeep(t *testing.T) {
	deep := strings.Repeat(`{"!":[`, 25) + `{"===":[{"var":"a"},"b"]}` + strings.Repeat(`]}`, 25)
	imported, err := flag.ImportFlagd("production", []byte(`{"flags": {"f": {"state": "ENABLED", "variants": {"on": true}, "targeting": {"if": [`+deep+`, "on"]}}}}`))
	if err != nil || len(imported.Advanced) != 1 {
		t.Errorf("%+v, %v", imported, err)
	}
}
