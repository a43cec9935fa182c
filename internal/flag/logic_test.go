package flag_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/davit-dev/davit/internal/flag"
)

// operations are expressions and what they answer of the visitor, as a text. Those
// with "!" fail.
var operations = [][2]string{
	{`{"var": "user.plan"}`, "pro"}, {`{"var": ["missing", "else"]}`, "else"}, {`{"var": "roles.1"}`, "admin"}, {`{"var": "$flagd.flagKey"}`, "f"},
	{`{"var": "$flagd.timestamp"}`, fmt.Sprint(at.Unix())}, {`{"var": {"cat": ["user", ".plan"]}}`, "pro"},
	{`{"missing": ["email", "a.b", "user.plan"]}`, "a.b"}, {`{"missing_some": [2, ["email", "x", "y"]]}`, "x,y"}, {`{"missing_some": [1, ["email", "x"]]}`, ""},
	{`{"if": [false, "a", 0, "b", "c"]}`, "c"}, {`{"if": [[], "a", {"var": "roles"}, "b", "c"]}`, "b"}, {`{"if": ["0", "a", "b"]}`, "a"},
	{`{"and": [1, "", "x"]}`, ""}, {`{"and": [1, "x"]}`, "x"}, {`{"or": [0, "", "x", "y"]}`, "x"}, {`{"!": [[]]}`, "true"}, {`{"!!": ["0"]}`, "true"},
	{`{"==": [1, "1"]}`, "true"}, {`{"==": [null, 0]}`, "true"}, {`{"==": [null, "x"]}`, "false"}, {`{"!=": [{"var": "age"}, "34"]}`, "false"},
	{`{"===": [1, "1"]}`, "false"}, {`{"!==": [null, {"var": "missing"}]}`, "false"}, {`{"==": ["x", 1]}`, "!"}, {`{"<": [{"var": "roles"}, 1]}`, "!"},
	{`{"<": ["a", "b"]}`, "true"}, {`{"<": ["10", "9"]}`, "true"}, {`{"<": [10, "9"]}`, "false"}, {`{"<=": [30, {"var": "age"}, 40]}`, "true"}, {`{"<": [1, 5, 3]}`, "false"},
	{`{">": [null, -1]}`, "true"}, {`{">=": [true, 1]}`, "true"},
	{`{"in": ["nn", {"var": "email"}]}`, "true"}, {`{"in": [7, {"var": "roles"}]}`, "true"}, {`{"in": ["7", {"var": "roles"}]}`, "false"}, {`{"in": ["x", null]}`, "false"}, {`{"in": ["x", 5]}`, "!"},
	{`{"+": [1, "2", true, null]}`, "4"}, {`{"+": ["x", 1]}`, "!"}, {`{"-": [10, 3, 2]}`, "5"}, {`{"-": [{"var": "age"}]}`, "-34"}, {`{"*": [2, "3"]}`, "6"},
	{`{"/": [{"var": "age"}, 4]}`, "8.5"}, {`{"/": [{"var": "age"}, 0]}`, "!"}, {`{"%": [-7, 3]}`, "-1"}, {`{"%": [{"var": "age"}, 0]}`, "!"},
	{`{"max": [1, {"var": "age"}, 3]}`, "34"}, {`{"min": [1, {"var": "age"}, -3]}`, "-3"}, {`{"max": [1, {"var": "email"}]}`, "!"},
	{`{"cat": ["a", 1.5, true, 1e21]}`, "a1.5true1e+21"}, {`{"cat": [0.0000001, [1, [2, "x"]]]}`, "1e-71,2,x"},
	{`{"substr": [{"var": "email"}, 5]}`, "example.org"}, {`{"substr": [{"var": "email"}, -3]}`, "org"}, {`{"substr": [{"var": "email"}, 5, 7]}`, "example"},
	{`{"substr": [{"var": "email"}, 5, -4]}`, "example"}, {`{"substr": [{"var": "email"}, 99]}`, ""}, {`{"substr": [{"var": "age"}, 1]}`, "!"}, {`{"substr": ["a😀b", 3]}`, "b"},
	{`{"merge": [1, [2, [3]], "x"]}`, "1,2,3,x"}, {`{"map": [{"var": "roles"}, {"cat": [{"var": ""}, "!"]}]}`, "dev!,admin!,7!"},
	{`{"filter": [[1, 5, 9], {">": [{"var": ""}, 4]}]}`, "5,9"}, {`{"reduce": [[1, 2, 3], {"+": [{"var": "accumulator"}, {"var": "current"}]}, 10]}`, "16"},
	{`{"all": [{"var": "missing"}, true]}`, "false"}, {`{"all": [[1, 2], {">": [{"var": ""}, 0]}]}`, "true"}, {`{"none": [{"var": "missing"}, true]}`, "true"},
	{`{"some": [{"var": "roles"}, {"===": [{"var": ""}, "dev"]}]}`, "true"}, {`{"map": [{"var": "age"}, 1]}`, "!"},
	{`{"starts_with": [{"var": "email"}, "anna"]}`, "true"}, {`{"ends_with": [{"var": "email"}, "anna"]}`, "false"}, {`{"!": [{"starts_with": [{"var": "age"}, "3"]}]}`, "true"},
	{`{"sem_ver": [{"var": "version"}, "~", "1.5.0"]}`, "false"}, {`{"sem_ver": [{"var": "version"}, "~", "1.4.9"]}`, "true"}, {`{"sem_ver": [{"var": "version"}, "^", "1.9.9"]}`, "true"},
	{`{"sem_ver": [{"var": "pre"}, "<", "2"]}`, "true"}, {`{"sem_ver": [{"var": "short"}, "=", "1.4.0"]}`, "true"}, {`{"sem_ver": [{"var": "float"}, ">", "1.4.9"]}`, "true"},
	{`{"fractional": ["anna", ["a", 1], ["b", 1]]}`, "a"}, {`{"fractional": ["berta", ["a"], ["b"], ["c"], ["d", -1]]}`, "c"}, {`{"fractional": [["a", 1], ["b", 9]]}`, "b"},
	{`{"!": [{"fractional": [["a", 1.5], ["b", 1]]}]}`, "true"}, {`{"!": [{"fractional": [["a", 0]]}]}`, "true"}, {`{"!": [{"fractional": [{"var": "missing"}, ["a", 1]]}]}`, "true"},
}

// definition is a definition of flagd whose flag f answers what an expression does.
func definition(t *testing.T, expression, answer string) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"flags": map[string]any{"f": map[string]any{
		"state": "ENABLED", "variants": map[string]any{"of_" + answer: true},
		"targeting": map[string]any{"cat": []any{"of_", json.RawMessage(expression)}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestOperations evaluates every operation of flagd's targeting.
func TestOperations(t *testing.T) {
	for _, c := range operations {
		imported, err := flag.ImportFlagd("production", definition(t, c[0], c[1]))
		if err != nil {
			t.Errorf("%s: %v", c[0], err)
			continue
		}
		got := compile(t, imported.Flags).Evaluate("f", read(t, visitor))
		if (got.Error != "") != (c[1] == "!") || got.Error == "" && got.Variant != "of_"+c[1] {
			t.Errorf("%s: %+v, want %s", c[0], got, c[1])
		}
	}
}

// TestOperationsAsFlagd checks that flagd's evaluator answers what TestOperations
// wants.
func TestOperationsAsFlagd(t *testing.T) {
	o := startOracle(t)
	var ctx map[string]any
	if err := json.Unmarshal([]byte(visitor), &ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range operations {
		theirs := o.ask(t, definition(t, c[0], c[1]), "f", []map[string]any{ctx}, false)[0][1]
		if (theirs.ErrorCode != "") != (c[1] == "!") || theirs.ErrorCode == "" && theirs.Variant != "of_"+c[1] {
			t.Errorf("%s: flagd-core answers %+v, not %s", c[0], theirs, c[1])
		}
	}
}
