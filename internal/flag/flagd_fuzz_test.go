package flag_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// FuzzAdvanced evaluates any expression that compiles with any context. It comes
// to an answer, soon, and to the same one when asked again.
func FuzzAdvanced(f *testing.F) {
	for _, seed := range []string{
		`{"if": [{"==": [{"var": "user.plan"}, "pro"]}, "on", "off"]}`,
		`{"fractional": [{"cat": [{"var": "$flagd.flagKey"}, {"var": "email"}]}, ["on", 25], ["off", 75]]}`,
		`{"if": [{"sem_ver": [{"var": "version"}, ">=", "1.2"]}, null, {"substr": ["xon", -2, {"var": "age"}]}]}`,
		`{"reduce": [{"var": "roles"}, {"cat": [{"var": "accumulator"}, {"var": "accumulator"}, {"var": "current"}]}, "x"]}`,
		`{"map": [{"merge": [{"var": "roles"}, [1, 2]]}, {"map": [{"var": ""}, {"%": [{"var": "age"}, 0]}]}]}`,
		`{"some": [{"filter": [[1, "2", null, {}], {"!!": {"var": ""}}]}, {"<": [0, {"+": [{"var": ""}]}, 5]}]}`,
		`{"missing_some": [1, ["a.b", "\\.", "..", "$flagd.timestamp"]]}`,
		`{"var": {"cat": ["user", ".", "plan"]}}`, `{"in": [{"var": ["x", "a"]}, {"var": ""}]}`, `{"/": [1, {"-": [{"max": [1, {"var": "age"}]}]}]}`,
	} {
		f.Add(seed, visitor)
	}
	f.Fuzz(func(t *testing.T, expression, ctx string) {
		with, err := flag.ParseContext([]byte(ctx), at)
		if err != nil || !json.Valid([]byte(expression)) {
			return
		}
		s, err := flag.Compile("production", []davit.Flag{boolean("f", davit.FlagSettings{
			Enabled: true, Rules: []davit.FlagRule{{Advanced: json.RawMessage(expression)}}, Default: davit.FlagServe{Variant: "off"},
		})}, nil)
		if err != nil {
			return
		}
		begun := time.Now()
		got := s.Evaluate("f", with)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s takes %v", expression, took)
		}
		if (got.Error == "") == (got.Variant == "") || got.Error != "" && got.Error != flag.General {
			t.Errorf("%s: %+v", expression, got)
		}
		if again := s.Explain("f", with); again.Result.Variant != got.Variant || again.Result.Error != got.Error || len(again.Steps) == 0 {
			t.Errorf("%s: %+v, and explained %+v", expression, got, again)
		}
	})
}

// Expressions that would take very long are given up.
func TestAdvancedGivesUp(t *testing.T) {
	list := "[" + strings.Repeat("1,", 20_000) + "1]"
	for name, expression := range map[string]string{
		"loops within loops": `{"some": [{"var": "l"}, {"some": [` + list + `, {"some": [` + list + `, false]}]}]}`,
		"growing text":       `{"reduce": [{"var": "l"}, {"cat": [{"var": "accumulator"}, {"var": "accumulator"}]}, "xx"]}`,
		"growing list":       `{"reduce": [{"var": "l"}, {"merge": [{"var": "accumulator"}, {"var": "accumulator"}]}, [1, 2]]}`,
		"searches":           `{"some": [{"var": "l"}, {"in": ["x", ` + list + `]}]}`,
	} {
		s := compile(t, []davit.Flag{boolean("f", davit.FlagSettings{Enabled: true, Rules: []davit.FlagRule{{Advanced: json.RawMessage(expression)}}})})
		ctx := read(t, `{"l": [`+strings.Repeat("1,", 20_000)+"1]}")
		if got := s.Evaluate("f", ctx); got.Error != flag.General || !strings.Contains(got.Message, "takes too long") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// FuzzImportFlagd checks that a definition that is imported can be evaluated, and
// exported and imported again, after which it answers the same.
func FuzzImportFlagd(f *testing.F) {
	for _, seed := range []string{
		`{"flags": {"f": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": {"fractional": [["on", 25], ["off", 75]]}}}}`,
		`{"flags": [{"key": "f", "state": "DISABLED", "variants": {"a": "x"}, "metadata": {"davit.tags": "[\"a\"]", "n": 1}}], "metadata": {"set": "s"}}`,
		`{"flags": {"f": {"state": "ENABLED", "variants": {"a": {"x": [1]}, "b": {}}, "targeting": {"if": [{"$ref": "e"}, "a", {"if": [{"in": [{"var": "x"}, ["1", 2]]}, null, "b"]}]}}}, "$evaluators": {"e": {"and": [{"starts_with": [{"var": "email"}, "a"]}, {"!": [{"$ref": "g"}]}]}, "g": {"==": [{"var": "p"}, "q"]}}}`,
		`{"flags": {"f": {"state": "ENABLED", "variants": {"a": 1, "b": 2.5}, "defaultVariant": "a", "targeting": {"if": [false, {"fractional": [{"cat": ["s", {"var": "email"}]}, ["a"], ["b", 3]]}, "b"]}}}}`,
		`{"flags": {"f": {"state": "ENABLED", "variants": {"true": true, "false": false}, "targeting": {"or": [{"===": [{"var": "a.b"}, 1]}, {"sem_ver": [{"var": "v"}, "~", "1.2.3"]}]}}}}`,
		`{"flags": {"f": {"state": "ENABLED", "variants": {"a": "1"}, "targeting": {"$ref": "e"}}}, "$evaluators": {"e": {"if": [{"$ref": "e"}, "a"]}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, definition []byte) {
		imported, err := flag.ImportFlagd("production", definition)
		if err != nil {
			if davit.ErrorCode(err) != davit.CodeInvalid {
				t.Errorf("%s: %v", definition, err)
			}
			return
		}
		s := compile(t, imported.Flags, imported.Segments...)
		exported, err := flag.ExportFlagd("production", imported.Flags, imported.Segments, nil)
		if err != nil || len(exported.Unsaid) > 0 {
			t.Fatalf("%s is not exported: %v, %v", definition, err, exported)
		}
		again, err := flag.ImportFlagd("production", exported.Definition)
		if err != nil {
			t.Fatalf("%s, of %s, is not imported: %v", exported.Definition, definition, err)
		}
		same(t, imported.Flags, again.Flags)
		other := compile(t, again.Flags, again.Segments...)
		for _, ctx := range []*flag.Context{nil, read(t, visitor), user(t, "anna")} {
			for _, key := range s.Keys(false) {
				a, b := s.Evaluate(key, ctx), other.Evaluate(key, ctx)
				if a.Variant != b.Variant || (a.Error == "") != (b.Error == "") {
					t.Errorf("%s: %+v, and then as %s: %+v", definition, a, exported.Definition, b)
				}
			}
		}
	})
}
