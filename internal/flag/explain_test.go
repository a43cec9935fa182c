package flag_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// TestExplain compares the steps of evaluations with what a person should read.
func TestExplain(t *testing.T) {
	staff := davit.Segment{
		Key: "staff", Include: []string{"berta"},
		When: &davit.FlagCondition{All: []davit.FlagCondition{
			{Attribute: "email", Op: davit.OpEndsWith, Values: []any{"@example.org"}},
			{Not: &davit.FlagCondition{Attribute: "age", Op: davit.OpLess, Values: []any{18.0, 16.0}}},
		}},
	}
	all := append(flags(t, order), boolean("advanced", davit.FlagSettings{
		Enabled: true, Rules: []davit.FlagRule{{Advanced: []byte(`{"+": [{"var": "user"}, 1]}`)}},
	}))
	s := compile(t, all, staff)
	var told strings.Builder
	for _, c := range []struct{ key, ctx string }{
		{"color", `{"targetingKey": "anna"}`},
		{"color", `{"targetingKey": "without"}`},
		{"color", `{"targetingKey": "emil", "email": "emil@example.org", "age": 17}`},
		{"color", `{"targetingKey": "emil", "email": "emil@example.org", "age": 19}`},
		{"color", `{"targetingKey": "dora", "user": {"plan": "pro"}}`},
		{"color", `{"user": {"plan": "team"}}`},
		{"advanced", visitor},
		{"away", `{}`},
	} {
		e := s.Explain(c.key, read(t, c.ctx))
		fmt.Fprintf(&told, "%s for %.80s\n", c.key, c.ctx)
		for _, step := range e.Steps {
			fmt.Fprintf(&told, "  %s%-3s %s: %s\n", strings.Repeat("  ", step.Depth), map[bool]string{true: "yes", false: "no"}[step.Holds], step.What, step.Why)
		}
		fmt.Fprintf(&told, "  = %q, %s %s %s\n\n", e.Result.Variant, e.Result.Reason, e.Result.Rule, e.Result.Message)
		if plain := s.Evaluate(c.key, read(t, c.ctx)); plain.Variant != e.Result.Variant || plain.Reason != e.Result.Reason {
			t.Errorf("%s for %s is %+v unexplained", c.key, c.ctx, plain)
		}
	}
	golden(t, "explain.txt", []byte(told.String()))
}

// Evaluations allocate nothing.
func TestEvaluateAllocatesNothing(t *testing.T) {
	ctx := read(t, person)
	for name, settings := range cases() {
		s := compile(t, []davit.Flag{boolean("f", settings)})
		if n := testing.AllocsPerRun(100, func() { s.Boolean("f", ctx, false) }); n != 0 {
			t.Errorf("%s: Boolean allocates %v times", name, n)
		}
		var result flag.Result
		if n := testing.AllocsPerRun(100, func() { result = s.Evaluate("f", ctx) }); n != 0 || result.Error != "" {
			t.Errorf("%s: Evaluate allocates %v times: %+v", name, n, result)
		}
	}
}

func TestSnapshot(t *testing.T) {
	shown := boolean("shown", davit.FlagSettings{Enabled: true, Default: davit.FlagServe{Variant: "on"}})
	shown.ClientSide = true
	elsewhere := boolean("elsewhere", davit.FlagSettings{})
	elsewhere.Environments = nil
	s := compile(t, []davit.Flag{shown, elsewhere, boolean("off", davit.FlagSettings{Off: "off"})})
	if got := fmt.Sprintln(s.Environment(), s.Len(), s.Keys(false), s.Keys(true), s.Has("off", true), s.Has("off", false), s.Type("off"), s.Type("away")); got != "production 3 [elsewhere off shown] [shown] false true boolean \n" {
		t.Error(got)
	}
	for key, want := range map[string]string{"shown": "on true STATIC ", "elsewhere": " <nil> DISABLED ", "off": "off false DISABLED ", "away": " <nil> ERROR FLAG_NOT_FOUND"} {
		r := s.Evaluate(key, nil)
		if got := fmt.Sprint(r.Variant, " ", r.Decoded(), " ", r.Reason, " ", r.Error); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	if !s.Boolean("elsewhere", nil, true) || s.Boolean("off", nil, true) || !s.Boolean("away", nil, true) {
		t.Error("a fallback is taken where there is an answer, or not where there is none")
	}
	if empty := new(flag.Snapshot); empty.Evaluate("f", nil).Error != flag.FlagNotFound || empty.Len() != 0 {
		t.Error("an empty snapshot has a flag")
	}
}
