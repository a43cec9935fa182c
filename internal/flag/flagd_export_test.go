package flag_test

import (
	"encoding/json"
	standard "flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

var update = standard.Bool("update", false, "write the golden files")

// TestExportAsFlagd evaluates flags beside flagd's own evaluator with their export,
// and beside themselves imported again.
func TestExportAsFlagd(t *testing.T) {
	o := startOracle(t)
	var compared, evaluations int
	rapid.Check(t, func(rt *rapid.T) {
		flags, segments := drawFlags(rt)
		s, err := flag.Compile("production", flags, segments)
		if err != nil {
			rt.Fatal(err)
		}
		if rapid.Bool().Draw(rt, "decorated") {
			flags, segments = decorate(rt, flags, segments)
		}
		exported, err := flag.ExportFlagd("production", flags, segments, nil)
		if err != nil || slices.ContainsFunc(exported.Unsaid, func(p flag.Problem) bool { return p.Place == "flags[checkout]" }) {
			rt.Fatalf("%v, %v", err, exported)
		}
		imported, err := flag.ImportFlagd("production", exported.Definition)
		if err != nil {
			rt.Fatalf("%s: %v", exported.Definition, err)
		}
		again, err := flag.Compile("production", imported.Flags, imported.Segments)
		if err != nil {
			rt.Fatalf("%s: %v", exported.Definition, err)
		}
		contexts := rapid.SliceOfN(rapid.Custom(drawContext), 8, 24).Draw(rt, "contexts")
		opinions := o.ask(t, exported.Definition, "checkout", contexts, true)
		for i, theirs := range opinions {
			ctx, err := flag.NewContext(contexts[i], at)
			if err != nil {
				rt.Fatal(err)
			}
			evaluations++
			want := s.Evaluate("checkout", ctx)
			if want.Error != "" {
				want.Variant = "" // the application's default either way
			}
			if got := again.Evaluate("checkout", ctx); got.Variant != want.Variant {
				said, _ := json.Marshal(flags)
				rt.Fatalf("%s\nas %s\n%v\ngets %+v again, want %+v", said, exported.Definition, contexts[i], got, want)
			}
			if !theirs.agreed() {
				continue
			}
			compared++
			if theirs[0].Variant != want.Variant || theirs.failed() {
				said, _ := json.Marshal(flags)
				rt.Fatalf("%s\nas %s\n%v\ngets %+v of flagd, want %+v", said, exported.Definition, contexts[i], theirs, want)
			}
		}
	})
	t.Logf("%d of %d evaluations compared", compared, evaluations)
	if compared < evaluations/2 {
		t.Errorf("only %d of %d evaluations could be compared", compared, evaluations)
	}
}

// drawFlags draws a flag "checkout" that may have all that flagd can say, and one
// that it rests on.
func drawFlags(t *rapid.T) ([]davit.Flag, []davit.Segment) {
	d := model{t: t, variants: []string{"red", "green", "blue"}}
	staff := davit.Segment{Key: "staff", Include: []string{"anna"}, Exclude: []string{"user-17"}}
	if rapid.Bool().Draw(t, "segment's condition") {
		when := d.condition(1)
		staff.When = &when
	}
	d.segments = []string{"staff"}
	var flags []davit.Flag
	for _, key := range []string{"base", "checkout"} {
		f := d.flag(key)
		if rapid.IntRange(0, 4).Draw(t, "salted") == 0 {
			f.Salt = "salt"
		}
		s := d.settings()
		if key == "checkout" && rapid.Bool().Draw(t, "rests on base") {
			s.Prerequisites = []davit.FlagPrerequisite{{Flag: "base", Variants: []string{"red", "green"}}}
		}
		f.Environments = map[string]davit.FlagSettings{"production": s}
		flags = append(flags, f)
	}
	// A prerequisite that fails fails the whole evaluation, which flagd cannot say.
	base := flags[0].Environments["production"]
	for _, serve := range append([]*davit.FlagServe{&base.Default}, serves(base.Rules)...) {
		if serve.Split != nil {
			serve.Split.Otherwise = "blue"
		}
	}
	flags[0].Environments["production"] = base
	return flags, []davit.Segment{staff}
}

func serves(rules []davit.FlagRule) (all []*davit.FlagServe) {
	for i := range rules {
		all = append(all, &rules[i].Serve)
	}
	return all
}

// model draws parts of flags.
type model struct {
	t        *rapid.T
	variants []string
	segments []string
}

func (m model) variant() string { return rapid.SampledFrom(m.variants).Draw(m.t, "variant") }

func (m model) flag(key string) davit.Flag {
	f := davit.Flag{Key: key, Type: davit.FlagString}
	for _, v := range m.variants {
		f.Variants = append(f.Variants, davit.FlagVariant{Name: v, Value: json.RawMessage(fmt.Sprintf("%q", v))})
	}
	return f
}

func (m model) settings() davit.FlagSettings {
	s := davit.FlagSettings{Enabled: rapid.IntRange(0, 5).Draw(m.t, "enabled") > 0, Default: m.serve()}
	if rapid.Bool().Draw(m.t, "has off") {
		s.Off = m.variant()
	}
	for range rapid.IntRange(0, 2).Draw(m.t, "targets") {
		s.Targets = append(s.Targets, davit.FlagTarget{
			Variant: m.variant(), Keys: []string{"anna", rapid.SampledFrom([]string{"berta", "a@example.org"}).Draw(m.t, "key")},
			Attribute: rapid.SampledFrom([]string{"", "email"}).Draw(m.t, "by"),
		})
	}
	for range rapid.IntRange(0, 3).Draw(m.t, "rules") {
		r := davit.FlagRule{Serve: m.serve()}
		if rapid.IntRange(0, 7).Draw(m.t, "everybody") > 0 {
			when := m.condition(2)
			r.When = &when
		}
		s.Rules = append(s.Rules, r)
	}
	return s
}

func (m model) serve() davit.FlagServe {
	switch rapid.IntRange(0, 5).Draw(m.t, "serve") {
	case 0:
		return davit.FlagServe{}
	case 1, 2:
		split := davit.FlagSplit{By: rapid.SampledFrom([]string{"", "email", "age"}).Draw(m.t, "by")}
		if rapid.Bool().Draw(m.t, "salted") {
			salt := rapid.SampledFrom([]string{"", "pepper", "checkout"}).Draw(m.t, "salt")
			split.Salt = &salt
		}
		if rapid.Bool().Draw(m.t, "otherwise") {
			split.Otherwise = m.variant()
		}
		for range rapid.IntRange(1, 4).Draw(m.t, "shares") {
			split.Shares = append(split.Shares, davit.FlagShare{Variant: m.variant(), Weight: rapid.IntRange(0, 9).Draw(m.t, "weight")})
		}
		split.Shares = append(split.Shares, davit.FlagShare{Variant: m.variant(), Weight: 1})
		return davit.FlagServe{Split: &split}
	}
	return davit.FlagServe{Variant: m.variant()}
}

func (m model) condition(depth int) davit.FlagCondition {
	if depth > 0 {
		switch rapid.IntRange(0, 6).Draw(m.t, "connected") {
		case 0:
			return davit.FlagCondition{All: []davit.FlagCondition{m.condition(depth - 1), m.condition(depth - 1)}}
		case 1:
			return davit.FlagCondition{Any: []davit.FlagCondition{m.condition(depth - 1), m.condition(depth - 1)}}
		case 2:
			opposite := m.condition(depth - 1)
			return davit.FlagCondition{Not: &opposite}
		case 3:
			if len(m.segments) > 0 {
				return davit.FlagCondition{Segment: m.segments[0]}
			}
		}
	}
	c := davit.FlagCondition{
		Attribute: rapid.SampledFrom([]string{"targetingKey", "email", "plan", "age", "beta", "user.plan", "user.age", "version", "roles", "missing"}).Draw(m.t, "attribute"),
		Op: rapid.SampledFrom([]davit.FlagOperator{
			davit.OpEquals, davit.OpIn, davit.OpContains, davit.OpStartsWith, davit.OpEndsWith, davit.OpLess, davit.OpAtMost,
			davit.OpMore, davit.OpAtLeast, davit.OpSemver, davit.OpPresent, davit.OpText,
		}).Draw(m.t, "op"),
	}
	values := []any{"pro", "a@example.org", "5", "admin", "x", 5.0, true, false}
	switch c.Op {
	case davit.OpPresent, davit.OpText:
		return c
	case davit.OpContains, davit.OpStartsWith, davit.OpEndsWith:
		values = []any{"pro", "a", "admin", "@example.org", "2"}
	case davit.OpLess, davit.OpAtMost, davit.OpMore, davit.OpAtLeast:
		values = []any{0.0, 5.0, 18.0, 40.5}
	case davit.OpSemver:
		values = []any{"1.2.3", "^1.2", "~1.2.3 || 2.x", ">=1.0.0 <2", "!=1.2.3", "<=1.2", ">1.2", "*"}
	}
	c.Values = rapid.SliceOfN(rapid.SampledFrom(values), 1, 3).Draw(m.t, "values")
	return c
}

// What flagd has no place for comes back with the metadata.
func TestExportFlagd(t *testing.T) {
	all := flags(t, order)
	all[1].Description, all[1].Owner, all[1].Tags, all[1].Kind = "colors", "shop", []string{"ui", "a,b"}, davit.FlagExperiment
	all[1].Lifetime, all[1].ClientSide = davit.Duration(48*time.Hour), true
	all = append(all,
		boolean("percentage", davit.FlagSettings{Enabled: true, Default: half()}),
		boolean("off", davit.FlagSettings{Off: "off", Default: davit.FlagServe{Variant: "on"}}),
		boolean("expression", davit.FlagSettings{Enabled: true, Rules: []davit.FlagRule{{
			When: &davit.FlagCondition{Attribute: "email", Op: davit.OpMatches, Values: []any{"x"}}, Serve: davit.FlagServe{Variant: "on"},
		}}}),
	)
	staff := davit.Segment{Key: "staff", Include: []string{"anna"}, When: &davit.FlagCondition{Attribute: "email", Op: davit.OpEndsWith, Values: []any{"@example.org"}}}
	approval := &davit.ApprovalParams{By: []davit.Approver{"user anna"}, Count: 1, Within: davit.Duration(time.Hour)}
	exported, err := flag.ExportFlagd("production", all, []davit.Segment{staff}, approval)
	if err != nil {
		t.Fatal(err)
	}
	if len(exported.Unsaid) != 1 || exported.Unsaid[0].Place != "flags[expression]" || !strings.Contains(exported.Unsaid[0].Message, "rules[0]") {
		t.Errorf("unsaid: %v", exported.Unsaid)
	}
	golden(t, "export.flagd.json", exported.Definition)
	imported, err := flag.ImportFlagd("production", exported.Definition)
	if err != nil {
		t.Fatal(err)
	}
	same(t, all, imported.Flags)
	if diff := cmp.Diff([]davit.Segment{staff}, imported.Segments); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(approval, imported.Protection); diff != "" {
		t.Error(diff)
	}
	if len(imported.Left) > 0 {
		t.Errorf("left out: %v", imported.Left)
	}
}

// golden compares with a file, which -update writes.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs; -update writes it:\n%s", path, diff)
	}
}
