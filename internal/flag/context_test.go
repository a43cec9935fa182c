package flag_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

func TestParseContext(t *testing.T) {
	for src, code := range map[string]flag.ErrorCode{
		`{"targetingKey": "anna", "a": {"b": [1, null]}}`: "",
		` {} `:                   "",
		`null`:                   flag.InvalidContext,
		`[]`:                     flag.InvalidContext,
		`"anna"`:                 flag.InvalidContext,
		``:                       flag.ParseError,
		`{"a": 1`:                flag.ParseError,
		`{"a": 1}}`:              flag.ParseError,
		`{"a": 01}`:              flag.ParseError,
		`{"a": 1e999}`:           flag.ParseError,
		`{"targetingKey": 5}`:    flag.InvalidContext,
		`{"targetingKey": null}`: "",
		strings.Repeat(`{"a":`, 17) + "1" + strings.Repeat("}", 17):   flag.InvalidContext,
		strings.Repeat(`{"a":`, 16) + "1" + strings.Repeat("}", 16):   "",
		`{"a": "` + strings.Repeat("x", flag.MaxContextBytes) + `"}`:  flag.InvalidContext,
		`{"a": "{[{[{[{[{[{[{[{[{[{[{[{[ \" {[{[{[{[{[{[{[{[{[{[{["}`: "",
	} {
		ctx, err := flag.ParseContext([]byte(src), at)
		wrong, _ := errors.AsType[*flag.ContextError](err)
		if (err == nil) != (code == "") || err != nil && (wrong.Code != code || wrong.Error() == "") || err == nil && ctx == nil {
			t.Errorf("%.60s: %v, want %q", src, err, code)
		}
	}
}

func TestNewContext(t *testing.T) {
	type plan string
	ctx, err := flag.NewContext(map[string]any{
		"targetingKey": "anna", "int": 5, "int64": int64(6), "uint8": uint8(7), "float32": float32(1.5), "time": at,
		"list": []string{"a", "b"}, "any": []any{1, map[string]any{"x": 2}}, "plan": plan("pro"), "struct": struct{ A int }{3}, "nil": nil,
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	for attribute, value := range map[string]any{
		"targetingKey": "anna", "int": 5.0, "int64": 6.0, "uint8": 7.0, "float32": 1.5, "time": "2026-11-23T12:00:00Z",
		"list.1": "b", "any.1.x": 2.0, "plan": "pro", "struct.A": 3.0,
	} {
		s := compile(t, []davit.Flag{boolean("f", davit.FlagSettings{
			Enabled: true,
			Rules: []davit.FlagRule{{
				When:  &davit.FlagCondition{Attribute: attribute, Op: davit.OpEquals, Values: []any{value}},
				Serve: davit.FlagServe{Variant: "on"},
			}},
		})})
		if !s.Boolean("f", ctx, false) {
			t.Errorf("%s is not %v", attribute, value)
		}
	}
	circle := map[string]any{}
	circle["circle"] = circle
	for name, wrong := range map[string]any{"circle": circle, "NaN": math.NaN(), "channel": make(chan int), "many": make([]any, 20_000)} {
		if _, err := flag.NewContext(map[string]any{"wrong": wrong}, at); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// FuzzParseContext checks that a context that is taken is the object that
// encoding/json reads.
func FuzzParseContext(f *testing.F) {
	for _, seed := range []string{visitor, person, `{"a": [[[{"b": "\u00e9\ud800"}]]]}`, `{"a": 1, "a": 2}`, `{"targetingKey": {}}`, `[{`, "\xff", `{"\\": "\""}`} {
		f.Add([]byte(seed))
	}
	s := compile(f, []davit.Flag{boolean("f", davit.FlagSettings{Enabled: true, Default: half()})})
	f.Fuzz(func(t *testing.T, src []byte) {
		ctx, err := flag.ParseContext(src, time.Time{})
		if err != nil {
			if wrong, ok := errors.AsType[*flag.ContextError](err); !ok || wrong.Code != flag.ParseError && wrong.Code != flag.InvalidContext {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		var object map[string]any
		if err := json.Unmarshal(src, &object); err != nil {
			t.Fatalf("%q is taken: %v", src, err)
		}
		if key, _ := object["targetingKey"].(string); key != ctx.TargetingKey() {
			t.Errorf("%q has the targeting key %q", src, ctx.TargetingKey())
		}
		if got := s.Evaluate("f", ctx); (got.Error == flag.TargetingKeyMissing) != (ctx.TargetingKey() == "") {
			t.Errorf("%q evaluates to %+v", src, got)
		}
	})
}
