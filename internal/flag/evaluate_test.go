package flag_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// at is when the tests' evaluations take place.
var at = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// read reads a context.
func read(t testing.TB, src string) *flag.Context {
	t.Helper()
	ctx, err := flag.ParseContext([]byte(src), at)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// compile compiles flags of the environment production.
func compile(t testing.TB, flags []davit.Flag, segments ...davit.Segment) *flag.Snapshot {
	t.Helper()
	s, err := flag.Compile("production", flags, segments)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// boolean returns a boolean flag with settings for production.
func boolean(key string, settings davit.FlagSettings) davit.Flag {
	return davit.Flag{
		Key: key, Type: davit.FlagBoolean, Variants: davit.BooleanVariants(),
		Environments: map[string]davit.FlagSettings{"production": settings},
	}
}

// order is a flag that has everything, so that what comes first can be seen.
const order = `[
	{"key": "old", "type": "boolean", "variants": [{"name": "on", "value": true}, {"name": "off", "value": false}],
	 "environments": {"production": {"enabled": true, "targets": [{"variant": "off", "keys": ["without"]}], "default": {"variant": "on"}}}},
	{"key": "color", "type": "string", "metadata": {"team": "shop"},
	 "variants": [{"name": "red", "value": "#f00"}, {"name": "green", "value": "#0f0"}, {"name": "blue", "value": "#00f"}, {"name": "none", "value": ""}],
	 "environments": {"production": {
		"enabled": true, "off": "none",
		"prerequisites": [{"flag": "old", "variants": ["on"]}],
		"targets": [{"variant": "red", "keys": ["anna", "both"]}, {"variant": "blue", "keys": ["both"]}],
		"rules": [
			{"id": "staff", "when": {"segment": "staff"}, "serve": {"variant": "green"}},
			{"when": {"attribute": "user.plan", "op": "equals", "values": ["free"]}},
			{"when": {"attribute": "user.plan", "op": "in", "values": ["pro", "team"]}, "serve": {"split": {"shares": [{"variant": "blue", "weight": 1}, {"variant": "green", "weight": 1}]}}}
		],
		"default": {"variant": "none"}}}}
]`

func flags(t testing.TB, src string) []davit.Flag {
	t.Helper()
	var flags []davit.Flag
	if err := json.Unmarshal([]byte(src), &flags); err != nil {
		t.Fatal(err)
	}
	return flags
}

func TestOrder(t *testing.T) {
	staff := davit.Segment{
		Key: "staff", Include: []string{"berta"}, Exclude: []string{"carl"},
		When: &davit.FlagCondition{Attribute: "email", Op: davit.OpEndsWith, Values: []any{"@example.org"}},
	}
	s := compile(t, flags(t, order), staff)
	for name, c := range map[string]struct {
		ctx, variant, rule string
		reason             flag.Reason
		err                flag.ErrorCode
	}{
		"prerequisite":           {ctx: `{"targetingKey": "without"}`, variant: "none", reason: flag.Disabled},
		"target":                 {ctx: `{"targetingKey": "anna"}`, variant: "red", reason: flag.TargetingMatch},
		"first target":           {ctx: `{"targetingKey": "both"}`, variant: "red", reason: flag.TargetingMatch},
		"segment by name":        {ctx: `{"targetingKey": "berta"}`, variant: "green", reason: flag.TargetingMatch, rule: "staff"},
		"segment by condition":   {ctx: `{"email": "x@example.org"}`, variant: "green", reason: flag.TargetingMatch, rule: "staff"},
		"segment with exception": {ctx: `{"targetingKey": "carl", "email": "x@example.org"}`, variant: "none", reason: flag.Default},
		"rule to default":        {ctx: `{"user": {"plan": "free"}}`, variant: "none", reason: flag.Default, rule: "#1"},
		"split":                  {ctx: `{"targetingKey": "dora", "user": {"plan": "pro"}}`, variant: "blue", reason: flag.Split, rule: "#2"},
		"split without a key":    {ctx: `{"user": {"plan": "pro"}}`, reason: flag.Failed, rule: "#2", err: flag.TargetingKeyMissing},
		"default":                {ctx: `{}`, variant: "none", reason: flag.Default},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.Evaluate("color", read(t, c.ctx))
			if got.Variant != c.variant || got.Reason != c.reason || got.Rule != c.rule || got.Error != c.err {
				t.Errorf("%+v, want %+v", got, c)
			}
			if explained := s.Explain("color", read(t, c.ctx)); explained.Result.Variant != got.Variant || len(explained.Steps) == 0 {
				t.Errorf("explained as %+v", explained)
			}
		})
	}
}
