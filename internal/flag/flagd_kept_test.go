package flag_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// same checks that flags are what others are, in whatever order.
func same(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, want, got []davit.Flag) {
	t.Helper()
	sorted := func(flags []davit.Flag) []davit.Flag {
		return slices.SortedFunc(slices.Values(flags), func(a, b davit.Flag) int { return cmp.Compare(a.Key, b.Key) })
	}
	want, got = sorted(want), sorted(got)
	if len(want) != len(got) {
		t.Fatalf("there are %d flags, want %d", len(got), len(want))
	}
	for i := range want {
		difference, err := want[i].Difference(got[i])
		if err != nil || len(difference) > 0 {
			t.Fatalf("%s changed: %+v, %v", want[i].Key, difference, err)
		}
	}
}

// TestExportLosesNothing takes flags of all sorts to flagd and back, into another
// environment.
func TestExportLosesNothing(t *testing.T) {
	unsaid := 0
	rapid.Check(t, func(rt *rapid.T) {
		flags, segments := decorate(rt, nil, nil)
		exported, err := flag.ExportFlagd("production", flags, segments, nil)
		if err != nil {
			rt.Fatal(err)
		}
		unsaid += len(exported.Unsaid)
		imported, err := flag.ImportFlagd("staging", exported.Definition)
		if err != nil {
			rt.Fatalf("%s: %v", exported.Definition, err)
		}
		if len(imported.Left) > 0 {
			rt.Fatalf("%s: left out %v", exported.Definition, imported.Left)
		}
		for i := range flags {
			if s, there := flags[i].Environments["production"]; there {
				flags[i].Environments = map[string]davit.FlagSettings{"staging": s}
			}
		}
		same(rt, flags, imported.Flags)
		for _, list := range [][]davit.Segment{segments, imported.Segments} {
			slices.SortFunc(list, func(a, b davit.Segment) int { return cmp.Compare(a.Key, b.Key) })
		}
		for i, s := range segments {
			if difference, err := s.Difference(imported.Segments[i]); err != nil || len(difference) > 0 {
				rt.Fatalf("%s: segment %s changed: %+v, %v", exported.Definition, s.Key, difference, err)
			}
		}
	})
	if unsaid == 0 {
		t.Error("no flag was drawn that flagd cannot say")
	}
}

// TestImportIsKept exports what was imported, and imports it: that comes to the same.
func TestImportIsKept(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		definition := drawDefinition(rt)
		first, err := flag.ImportFlagd("production", definition)
		if err != nil {
			rt.Fatal(err)
		}
		once, err := flag.ExportFlagd("production", first.Flags, first.Segments, nil)
		if err != nil {
			rt.Fatal(err)
		}
		second, err := flag.ImportFlagd("production", once.Definition)
		if err != nil {
			rt.Fatalf("%s: %v", once.Definition, err)
		}
		same(rt, first.Flags, second.Flags)
		if diff := gocmp.Diff(first, second, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("%s\nas %s\nchanged: %s", definition, once.Definition, diff)
		}
		twice, err := flag.ExportFlagd("production", second.Flags, second.Segments, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := gocmp.Diff(string(once.Definition), string(twice.Definition)); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// What flagd does not know of a definition comes out of an export again, and
// applications are not told of it.
func TestImportKeepsWhatIsUnknown(t *testing.T) {
	const definition = `{
		"version": 7, "metadata": {"team": "shop"},
		"$evaluators": {"sum": {"+": [1, {"var": "age"}]}, "idle": {"===": [{"var": "a"}, "<b>"]}},
		"flags": {
			"f": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on", "link": {"to": "<x>"}},
			"g": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"}
		}
	}`
	imported, err := flag.ImportFlagd("production", []byte(definition))
	if err != nil || len(imported.Left) > 0 {
		t.Fatalf("%v, %v", err, imported)
	}
	got := compile(t, imported.Flags, imported.Segments...).Evaluate("f", nil)
	if diff := gocmp.Diff(map[string]any{"team": "shop"}, got.Metadata); diff != "" {
		t.Errorf("applications are told: %s", diff)
	}
	exported, err := flag.ExportFlagd("production", imported.Flags, imported.Segments, nil)
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		Version    int
		Evaluators map[string]json.RawMessage `json:"$evaluators"`
		Flags      map[string]struct {
			Link     struct{ To string }
			Metadata map[string]any
		}
	}
	if err := json.Unmarshal(exported.Definition, &made); err != nil {
		t.Fatal(err)
	}
	if made.Version != 7 || made.Flags["f"].Link.To != "<x>" || made.Evaluators["sum"] == nil || made.Evaluators["idle"] == nil || made.Flags["f"].Metadata["flagd.document"] != nil {
		t.Errorf("exported: %s", exported.Definition)
	}
}

// What there is no place for is told by its name.
func TestImportTellsWhatItLeavesOut(t *testing.T) {
	imported, err := flag.ImportFlagd("production", []byte(`{"version": 7, "metadata": {"team": "shop", "davit.protection": "{"}, "$evaluators": {"sum": {"+": [1, 2]}}, "flags": {}}`))
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, p := range imported.Left {
		places = append(places, p.Place)
	}
	if diff := gocmp.Diff([]string{"metadata[davit.protection]", "metadata[team]", "$evaluators[sum]", "version"}, places); diff != "" {
		t.Errorf("%v: %s", imported.Left, diff)
	}
}

// TestImportOfWhatWasChanged changes what flagd reads of an export: that wins, and the
// rest stays where it fits.
func TestImportOfWhatWasChanged(t *testing.T) {
	settings := davit.FlagSettings{
		Enabled: true, Off: "off", Targets: []davit.FlagTarget{{Variant: "on", Keys: []string{"anna", "berta"}}},
		Rules: []davit.FlagRule{
			{ID: "staff", Description: "ours", When: &davit.FlagCondition{Segment: "staff"}, Serve: davit.FlagServe{Variant: "on"}},
			{ID: "pro", When: &davit.FlagCondition{Attribute: "plan", Op: davit.OpEquals, Values: []any{"pro"}}, Serve: davit.FlagServe{Variant: "on"}},
		},
		Default: davit.FlagServe{Variant: "off"},
	}
	key := "f" // which flagd begins its hashes with
	f := boolean("f", settings)
	f.Salt, f.Owner, f.Variants[0].Description = "pepper", "anna", "the new one"
	needs := boolean("needs", davit.FlagSettings{Enabled: true, Off: "off", Prerequisites: []davit.FlagPrerequisite{{Flag: "f", Variants: []string{"on"}}}, Default: davit.FlagServe{Variant: "on"}})
	odd := boolean("odd", davit.FlagSettings{Enabled: true, Rules: []davit.FlagRule{{When: &davit.FlagCondition{Attribute: "ip", Op: davit.OpCIDR, Values: []any{"10.0.0.0/8"}}, Serve: davit.FlagServe{Variant: "on"}}}})
	staff := davit.Segment{Key: "staff", Description: "who works here", Include: []string{"carl"}, When: &davit.FlagCondition{Attribute: "email", Op: davit.OpEndsWith, Values: []any{"@x"}}}
	exported, err := flag.ExportFlagd("production", []davit.Flag{f, needs, odd}, []davit.Segment{staff}, nil)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(s *davit.FlagSettings)) davit.FlagSettings {
		s := settings
		s.Targets, s.Rules = slices.Clone(s.Targets), slices.Clone(s.Rules)
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		edit func(definition object)
		want davit.FlagSettings
		left string
	}{
		"nothing": {func(object) {}, settings, ""},
		"a state": {func(d object) { d["flags"].(object)["f"].(object)["state"] = "DISABLED" }, with(func(s *davit.FlagSettings) { s.Enabled, s.Off = false, "" }), ""},
		"a target": {func(d object) { branches(d)[0].(object)["in"].([]any)[1] = []any{"dora"} }, with(func(s *davit.FlagSettings) {
			s.Targets[0].Keys = []string{"dora"}
		}), ""},
		"all targeting": {func(d object) {
			d["flags"].(object)["f"].(object)["targeting"] = object{"fractional": []any{[]any{"on", 10}, []any{"off", 90}}}
		}, davit.FlagSettings{Enabled: true, Off: "off", Default: davit.FlagServe{Split: &davit.FlagSplit{
			Salt: &key, Otherwise: "off", Shares: []davit.FlagShare{{Variant: "on", Weight: 10}, {Variant: "off", Weight: 90}},
		}}}, ""},
		"a rule": {func(d object) { branches(d)[4].(object)["==="].([]any)[1] = "team" }, with(func(s *davit.FlagSettings) {
			s.Rules[1].ID = ""
			s.Rules[1].When = &davit.FlagCondition{Attribute: "plan", Op: davit.OpEquals, Values: []any{"team"}}
		}), ""},
		"what flagd cannot say": {func(d object) { d["flags"].(object)["odd"].(object)["state"] = "ENABLED" }, settings, "flags[odd].metadata[davit.flag]"},
		"text that is none":     {func(d object) { d["flags"].(object)["odd"].(object)["metadata"].(object)["davit.flag"] = `{"new": 1}` }, settings, "flags[odd].metadata[davit.flag]"},
		"a shared rule's removal": {func(d object) {
			delete(d["$evaluators"].(object), "staff")
			branches(d)[2] = object{"===": []any{object{"var": "a"}, "b"}}
			delete(d["flags"].(object)["needs"].(object), "targeting")
		}, with(func(s *davit.FlagSettings) {
			s.Rules[0] = davit.FlagRule{When: &davit.FlagCondition{Attribute: "a", Op: davit.OpEquals, Values: []any{"b"}}, Serve: s.Rules[0].Serve}
		}), "metadata[davit.segments][staff]"},
	} {
		t.Run(name, func(t *testing.T) {
			var definition object
			if err := json.Unmarshal(exported.Definition, &definition); err != nil {
				t.Fatal(err)
			}
			c.edit(definition)
			edited, err := json.Marshal(definition)
			if err != nil {
				t.Fatal(err)
			}
			imported, err := flag.ImportFlagd("production", edited)
			if err != nil {
				t.Fatal(err)
			}
			want := f
			want.Environments = map[string]davit.FlagSettings{"production": c.want}
			same(t, []davit.Flag{want}, imported.Flags[:1])
			if restored := imported.Flags[1].Environments["production"].Prerequisites != nil; restored != gocmp.Equal(settings, c.want) {
				t.Errorf("what rests on the flag: %+v", imported.Flags[1])
			}
			var left []string
			for _, p := range imported.Left {
				left = append(left, p.Place)
			}
			if strings.Join(left, " ") != c.left {
				t.Errorf("left out: %v, want %s", imported.Left, c.left)
			}
		})
	}
}

// branches returns what is in the if of the flag f.
func branches(definition object) []any {
	return definition["flags"].(object)["f"].(object)["targeting"].(object)["if"].([]any)
}

// decorate draws flags with all that flagd has no words for, and some that it cannot
// say, beside flags that it can.
func decorate(t *rapid.T, flags []davit.Flag, segments []davit.Segment) ([]davit.Flag, []davit.Segment) {
	if flags == nil {
		flags, segments = drawFlags(t)
	}
	flags = slices.Clone(flags)
	text := rapid.SampledFrom([]string{"", "x", "a <b> & \"c\""})
	for i := range flags {
		f := &flags[i]
		f.Description, f.Owner = text.Draw(t, "description"), text.Draw(t, "owner")
		f.Kind = rapid.SampledFrom([]davit.FlagKind{"", davit.FlagRelease, davit.FlagPermission}).Draw(t, "kind")
		f.Lifetime = davit.Duration(rapid.SampledFrom([]time.Duration{0, time.Hour, 1234567}).Draw(t, "lifetime"))
		f.Tags = rapid.SliceOfN(text, 0, 2).Draw(t, "tags")
		f.ClientSide = rapid.Bool().Draw(t, "client-side")
		f.Variants = rapid.Permutation(f.Variants).Draw(t, "variants")
		f.Variants[0].Description = text.Draw(t, "variant's description")
		f.Metadata = map[string]any{}
		for range rapid.IntRange(0, 2).Draw(t, "metadata") {
			name := rapid.SampledFrom([]string{"team", "davit.owner", "davit.flag", "davit.note", "davit.clientSide", "davit.segments", "flagd.fields"}).Draw(t, "name")
			f.Metadata[name] = rapid.SampledFrom([]any{"x", 5.0, true, `{}`, `{"a":1}`, `["b"]`}).Draw(t, "value")
		}
		s := f.Environments["production"]
		s.Rules = slices.Clone(s.Rules)
		for i := range s.Rules {
			s.Rules[i].Description = text.Draw(t, "rule's description")
			if rapid.Bool().Draw(t, "named") {
				s.Rules[i].ID = string(rune('a' + i))
			}
		}
		f.Environments = map[string]davit.FlagSettings{"production": s}
	}
	d := model{t: t, variants: []string{"red", "green", "blue"}, segments: []string{"staff"}}
	odd := d.flag("odd")
	if rapid.Bool().Draw(t, "there") {
		s := d.settings()
		s.Rules = append(s.Rules, rapid.SampledFrom([]davit.FlagRule{
			{When: &davit.FlagCondition{Attribute: "email", Op: davit.OpMatches, Values: []any{"a<b"}}, Serve: davit.FlagServe{Variant: "red"}},
			{When: &davit.FlagCondition{Segment: "network"}, Serve: davit.FlagServe{Variant: "red"}},
			{When: &davit.FlagCondition{Segment: "a<b"}, Serve: davit.FlagServe{Variant: "red"}},
			{When: &davit.FlagCondition{Attribute: "at", Op: davit.OpBefore, Values: []any{"2026-01-01"}}, Serve: davit.FlagServe{Variant: "red"}},
			{Advanced: json.RawMessage(`{"if":[{"<":[1,{"var":"age"},30]},"red",null]}`)},
		}).Draw(t, "rule"))
		if rapid.Bool().Draw(t, "rests") {
			s.Prerequisites = []davit.FlagPrerequisite{{Flag: "checkout", Variants: []string{"red"}}}
		}
		odd.Environments = map[string]davit.FlagSettings{"production": s}
	}
	network := davit.FlagCondition{Attribute: "ip", Op: davit.OpCIDR, Values: []any{"10.0.0.0/8"}}
	return append(flags, odd), append([]davit.Segment{
		{Key: "a<b", Include: []string{"anna"}, When: &davit.FlagCondition{Segment: "staff"}},
		{Key: "network", Description: text.Draw(t, "segment's description"), When: &network},
		{Key: "nested", When: &davit.FlagCondition{Not: &davit.FlagCondition{Segment: "staff"}}},
	}, segments...)
}
