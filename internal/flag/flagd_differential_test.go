package flag_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/davit-dev/davit/internal/flag"
)

// oracle is flagd's own evaluator, in a process of Node.js.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// startOracle starts it with the packages that make test installs.
func startOracle(t *testing.T) *oracle {
	t.Helper()
	packages := os.Getenv("DAVIT_FLAGD_CORE")
	if packages == "" {
		t.Skip("DAVIT_FLAGD_CORE names no folder with @openfeature/flagd-core: make test installs it")
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "node", "testdata/flagd-core.cjs", packages)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("flagd-core: %v", err)
		}
	})
	return &oracle{in: in, out: bufio.NewReader(out)}
}

// opinion is what flagd-core answers: compiled, and interpreted.
type opinion [2]struct {
	Variant   string
	Reason    string
	ErrorCode string
}

// agreed reports whether both ways of flagd-core come to the same.
func (o opinion) agreed() bool { return o[0] == o[1] }

// failed reports whether flagd-core gave up.
func (o opinion) failed() bool { return o[0].ErrorCode != "" }

// ask evaluates a flag for contexts. With strict the definition has to be valid by
// flagd's schema.
func (o *oracle) ask(t testing.TB, definition []byte, key string, contexts []map[string]any, strict bool) []opinion {
	t.Helper()
	request, err := json.Marshal(map[string]any{"definition": string(definition), "flag": key, "contexts": contexts, "now": at.Unix(), "strict": strict})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.in.Write(append(request, '\n')); err != nil {
		t.Fatal(err)
	}
	line, err := o.out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var opinions []opinion
	if err := json.Unmarshal(line, &opinions); err != nil {
		t.Fatalf("%s: %s", definition, line)
	}
	return opinions
}

// TestAsFlagd evaluates flags that were imported from flagd's definitions beside
// flagd's own evaluator, and again after they were exported.
func TestAsFlagd(t *testing.T) {
	o := startOracle(t)
	var compared, split, failed, advanced, evaluations int
	compare := func(rt *rapid.T) {
		definition := drawDefinition(rt)
		contexts := rapid.SliceOfN(rapid.Custom(drawContext), 8, 24).Draw(rt, "contexts")
		imported, err := flag.ImportFlagd("production", definition)
		if err != nil {
			rt.Fatalf("%s: %v", definition, err)
		}
		s, err := flag.Compile("production", imported.Flags, imported.Segments)
		if err != nil {
			rt.Fatalf("%s: %v", definition, err)
		}
		kept := len(imported.Advanced) > 0
		if kept {
			advanced++
		}
		opinions := o.ask(t, definition, "checkout", contexts, false)
		for i, want := range opinions {
			evaluations++
			if !want.agreed() {
				split++ // flagd-core's two ways differ: nobody is right
				continue
			}
			if want.failed() {
				failed++
				if !kept { // and a rule does not apply
					continue
				}
			}
			ctx, err := flag.NewContext(contexts[i], at)
			if err != nil {
				rt.Fatal(err)
			}
			got := s.Evaluate("checkout", ctx)
			compared++
			if got.Variant != want[0].Variant || (got.Error != "") != want.failed() {
				said, _ := json.Marshal(imported.Flags)
				rt.Fatalf("%s\nas %s\n%v\ngot %s %s %s, want %+v", definition, said, contexts[i], got.Variant, got.Reason, got.Message, want)
			}
		}
	}
	for range 5 { // what can be drawn is a lot
		rapid.Check(t, compare)
	}
	t.Logf("%d evaluations: %d compared, %d on which flagd-core differs from itself, %d that it fails; %d definitions kept as advanced rules", evaluations, compared, split, failed, advanced)
	if compared < evaluations/2 {
		t.Errorf("only %d of %d evaluations could be compared", compared, evaluations)
	}
}

// drawDefinition draws a definition with one flag.
func drawDefinition(t *rapid.T) []byte {
	boolean := rapid.Bool().Draw(t, "boolean")
	d := drawing{t: t, variants: []string{"red", "green", "blue"}, evaluators: []string{"staff", "beta"}}
	variants := map[string]any{"red": "#f00", "green": "#0f0", "blue": "#00f"}
	if boolean {
		d.variants, variants = []string{"true", "false"}, map[string]any{"true": true, "false": false}
	}
	f := map[string]any{"state": "ENABLED", "variants": variants}
	if rapid.IntRange(0, 20).Draw(t, "off") == 0 {
		f["state"] = "DISABLED"
	}
	if rapid.IntRange(0, 3).Draw(t, "fallback") > 0 {
		f["defaultVariant"] = rapid.SampledFrom(d.variants).Draw(t, "default")
	}
	evaluators := map[string]any{}
	shared := d
	shared.evaluators = nil
	for _, name := range d.evaluators {
		evaluators[name] = shared.condition(2)
	}
	f["targeting"] = d.targeting(3)
	if boolean && rapid.Bool().Draw(t, "bare") {
		f["targeting"] = d.condition(2)
	}
	text, err := json.Marshal(map[string]any{"flags": map[string]any{"checkout": f}, "$evaluators": evaluators})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// drawing draws expressions of flagd's targeting.
type drawing struct {
	t          *rapid.T
	variants   []string
	evaluators []string
}

type object = map[string]any

func (d drawing) pick(label string, values ...any) any {
	return rapid.SampledFrom(values).Draw(d.t, label)
}

// attribute names an attribute that contexts have, or do not.
func (d drawing) attribute() object {
	return object{"var": d.pick("attribute", "targetingKey", "email", "plan", "age", "beta", "user.plan", "user.age", "version", "missing")}
}

func (d drawing) text() any {
	return d.pick("text", "pro", "free", "a@example.org", "@example.org", "5", "1", "x")
}

func (d drawing) plain() any {
	if rapid.Bool().Draw(d.t, "texts") {
		return d.text()
	}
	return d.pick("plain", 0, 1, 5, 18, 2.5, -3, true, false, nil, "")
}

func (d drawing) condition(depth int) any {
	if depth > 0 {
		switch rapid.IntRange(0, 7).Draw(d.t, "connected") {
		case 0:
			return object{"and": []any{d.condition(depth - 1), d.condition(depth - 1)}}
		case 1:
			return object{"or": []any{d.condition(depth - 1), d.condition(depth - 1), d.condition(depth - 1)}}
		case 2:
			return object{"!": []any{d.condition(depth - 1)}}
		case 3:
			if len(d.evaluators) > 0 {
				return object{"$ref": rapid.SampledFrom(d.evaluators).Draw(d.t, "evaluator")}
			}
		}
	}
	switch rapid.IntRange(0, 9).Draw(d.t, "comparison") {
	case 0, 1:
		op := d.pick("equality", "==", "===", "!=", "!==").(string)
		return object{op: []any{d.attribute(), d.plain()}}
	case 2:
		return object{"in": []any{d.attribute(), []any{d.text(), d.plain()}}}
	case 3:
		return object{"in": []any{d.text(), d.attribute()}}
	case 4:
		return object{"starts_with": []any{d.attribute(), d.text()}}
	case 5:
		return object{"ends_with": []any{d.attribute(), d.text()}}
	case 6:
		return object{"sem_ver": []any{d.attribute(), d.pick("range", "=", "!=", "<", "<=", ">", ">=", "^", "~"), d.pick("version", "1.2.3", "v2.0.0", "2", "1.2", "1.2.3-beta.1", "0.9.10")}}
	case 7:
		op := d.pick("order", "<", "<=", ">", ">=").(string)
		return object{op: []any{d.attribute(), d.pick("bound", 0, 5, 18, "20")}}
	default:
		return d.calculation()
	}
}

// calculation draws what rules cannot say.
func (d drawing) calculation() any {
	switch rapid.IntRange(0, 11).Draw(d.t, "calculation") {
	case 0:
		return object{"<": []any{0, d.attribute(), 30}}
	case 1:
		return object{">": []any{object{"+": []any{object{"var": "age"}, 2}}, 20}}
	case 2:
		return object{"==": []any{object{"%": []any{object{"var": "age"}, 2}}, 0}}
	case 3:
		return object{"in": []any{"admin", object{"map": []any{object{"var": "groups"}, object{"var": "name"}}}}}
	case 4:
		op := d.pick("quantifier", "some", "all", "none").(string)
		return object{op: []any{object{"var": "roles"}, object{"in": []any{object{"var": ""}, []any{"admin", "dev"}}}}}
	case 5:
		return object{">": []any{object{"reduce": []any{object{"var": "sizes"}, object{"+": []any{object{"var": "current"}, object{"var": "accumulator"}}}, 0}}, 5}}
	case 6:
		return object{"missing": []any{"email", "user.plan"}}
	case 7:
		return object{"missing_some": []any{1, []any{"email", "plan"}}}
	case 8:
		return object{"===": []any{object{"substr": []any{object{"cat": []any{object{"var": "email"}, "--"}}, d.pick("from", 0, 1, -5), 3}}, "exa"}}
	case 9:
		return object{">=": []any{object{"var": "$flagd.timestamp"}, d.pick("time", at.Unix()-5, at.Unix(), at.Unix()+5)}}
	case 10:
		return object{"!!": []any{object{"filter": []any{object{"var": "sizes"}, object{">": []any{object{"var": ""}, 2}}}}}}
	default:
		return object{"<": []any{object{"max": []any{3, object{"*": []any{2, object{"min": []any{object{"var": "age"}, 10}}}}}}, object{"-": []any{30, object{"/": []any{object{"var": "age"}, 2}}}}}}
	}
}

func (d drawing) targeting(depth int) any {
	kind := rapid.IntRange(0, 6).Draw(d.t, "targeting")
	if depth == 3 { // at the top
		kind = rapid.IntRange(2, 7).Draw(d.t, "targeting")
	}
	switch {
	case kind == 0:
		return nil
	case kind == 1 || depth == 0:
		return rapid.SampledFrom(d.variants).Draw(d.t, "variant")
	case kind <= 4:
		branches := []any{d.condition(2), d.targeting(depth - 1), d.targeting(depth - 1)}
		if rapid.IntRange(0, 5).Draw(d.t, "long") == 0 {
			branches = append(branches[:2], d.condition(1), d.targeting(depth-1), branches[2])
		}
		return object{"if": branches}
	default:
		return d.fractional()
	}
}

func (d drawing) fractional() any {
	var args []any
	switch rapid.IntRange(0, 4).Draw(d.t, "bucketing") {
	case 0:
		args = append(args, object{"var": d.pick("by", "email", "targetingKey", "user.plan", "age", "missing")})
	case 1:
		args = append(args, object{"cat": []any{object{"var": "$flagd.flagKey"}, object{"var": d.pick("by", "email", "age", "beta")}}})
	case 2:
		args = append(args, object{"cat": []any{"seed", "-", object{"var": "targetingKey"}}})
	}
	for i := range rapid.IntRange(1, 4).Draw(d.t, "buckets") {
		bucket := []any{d.variants[i%len(d.variants)], rapid.IntRange(0, 60).Draw(d.t, "weight")}
		if rapid.IntRange(0, 5).Draw(d.t, "weightless") == 0 {
			bucket = bucket[:1]
		}
		args = append(args, bucket)
	}
	return object{"fractional": args}
}

// drawContext draws a context. Texts are ASCII, of which alone flagd-core and
// flagd make the same hash.
func drawContext(t *rapid.T) map[string]any {
	made := map[string]any{}
	for _, attribute := range []struct {
		name   string
		values []any
	}{
		{"targetingKey", []any{"anna", "berta", "user-17", ""}},
		{"email", []any{"a@example.org", "example", "b@other.net", ""}},
		{"plan", []any{"pro", "free", "5", nil, 5.0}},
		{"age", []any{5.0, 18.0, 42.5, "20", 0.0, 1.0}},
		{"beta", []any{true, false, "true", nil}},
		{"version", []any{"1.2.3", "v1.4.0", "2.0.0-rc.1", "1.2", "nonsense", 2.0, "1.2.3+build.7"}},
		{"roles", []any{[]any{"admin", "dev"}, []any{"ops"}, []any{}}},
		{"sizes", []any{[]any{1.0, 2.0, 3.0}, []any{}}},
		{"groups", []any{[]any{map[string]any{"name": "admin"}}, []any{map[string]any{"id": 1.0}}}},
		{"user", []any{map[string]any{"plan": "pro", "age": 30.0}, map[string]any{}, "nobody"}},
	} {
		if i := rapid.IntRange(-1, len(attribute.values)-1).Draw(t, attribute.name); i >= 0 {
			made[attribute.name] = attribute.values[i]
		}
	}
	if key := rapid.StringMatching(`[a-z]{1,12}`).Draw(t, "key"); slices.Contains([]byte("abcdefghijkl"), key[0]) {
		made["targetingKey"] = key
	}
	return made
}
