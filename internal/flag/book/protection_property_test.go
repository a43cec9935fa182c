package book_test

import (
	"context"
	"encoding/json"
	std "flag"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// lone is somebody who wants to change what production serves, and finds nobody to
// approve it.
type lone struct {
	*shelf
	*rapid.T
	ctx         context.Context
	application string
	before      map[string]davit.FlagSettings // of production, by flag
	answers     map[string]string             // in production, by flag and user
	key         *davit.AccessKey
}

var (
	loneFlags = []string{"a", "b", "c"}
	loneUsers = []string{"anna", "eve", "user-1", "user-2"}
	loneStore = []string{"staging", "production"}
)

// TestOnePersonAlone shows that no sequence of what one person can ask for, by
// themselves or with keys that they make, changes what a protected environment
// serves, but for turning flags off.
func TestOnePersonAlone(t *testing.T) {
	s := open(t)
	if checks := std.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue { // each is dozens of commits
		if err := std.Set("rapid.checks", "40"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = std.Set("rapid.checks", checks.DefValue) })
	}
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		p := &lone{shelf: s, T: r, ctx: t.Context(), application: fmt.Sprintf("shop-%d", n)}
		p.begin()
		r.Repeat(map[string]func(*rapid.T){
			"":          func(*rapid.T) { p.check() },
			"instruct":  func(*rapid.T) { p.ask(p.edit("flag.change", p.instructs())) },
			"schedule":  func(*rapid.T) { p.schedule() },
			"put":       func(*rapid.T) { p.ask(p.edit("flag.change", p.puts())) },
			"delete":    func(*rapid.T) { e := p.edit("flag.delete", nil); e.Delete = true; p.ask(e) },
			"create":    func(*rapid.T) { e := p.edit("flag.create", p.puts()); e.Match = 0; p.ask(e) },
			"revert":    func(*rapid.T) { p.revert() },
			"import":    func(*rapid.T) { p.imports() },
			"segment":   func(*rapid.T) { p.segment() },
			"protect":   func(*rapid.T) { p.protects() },
			"approve":   func(*rapid.T) { p.answer(p.Approve) },
			"reject":    func(*rapid.T) { p.answer(p.Reject) },
			"make key":  func(*rapid.T) { p.makeKey() },
			"time goes": func(*rapid.T) { p.goes() },
		})
	})
}

// begin makes flags that production serves, and protects it.
func (p *lone) begin() {
	for i, key := range loneFlags {
		settings := map[string]davit.FlagSettings{}
		if i < 2 { // the last one says nothing there
			settings["production"] = davit.FlagSettings{
				Enabled: true, Off: "off", Default: davit.FlagServe{Variant: "on"},
				Rules: []davit.FlagRule{{When: &davit.FlagCondition{Segment: "beta"}, Serve: davit.FlagServe{Variant: "off"}}},
			}
		}
		if i == 1 {
			s := settings["production"]
			s.Prerequisites = []davit.FlagPrerequisite{{Flag: "a", Variants: []string{"on"}}}
			settings["production"] = s
		}
		if i == 0 {
			p.must2(p.ChangeSegment(p.ctx, davit.SegmentEdit{
				Application: p.application, Segment: davit.Segment{Key: "beta", Include: []string{"eve"}}, Actor: cleo, Match: davit.AnyFlagOrNone,
			}))
		}
		p.must2(p.Change(p.ctx, davit.FlagEdit{
			Application: p.application, Key: key, Actor: cleo, Action: "flag.create",
			Alter: func(davit.Flag) (davit.Flag, error) {
				return davit.Flag{Type: davit.FlagBoolean, Variants: davit.BooleanVariants(), Environments: settings}, nil
			},
		}))
	}
	if _, _, err := p.Protect(p.ctx, davit.FlagProtection{Application: p.application, Environment: "production", Approval: one(), Actor: cleo}); err != nil {
		p.Fatal(err)
	}
	p.before, p.answers = p.settings(), p.evaluate()
}

func (p *lone) must2(_ any, err error) {
	if err != nil {
		p.Fatal(err)
	}
}

func (p *lone) settings() map[string]davit.FlagSettings {
	all := map[string]davit.FlagSettings{}
	for _, r := range p.Flags(p.application, "", 100) {
		if s, there := r.Flag.Environments["production"]; there {
			all[r.Flag.Key] = s
		}
	}
	return all
}

func (p *lone) evaluate() map[string]string {
	all := map[string]string{}
	for _, key := range loneFlags {
		for _, user := range loneUsers {
			c, err := flag.NewContext(map[string]any{"targetingKey": user}, p.now)
			if err != nil {
				p.Fatal(err)
			}
			all[key+" "+user] = string(p.View(p.application, "production").Evaluate(key, c).Value)
		}
	}
	return all
}

// check compares production with what it was. A flag that was turned off, or rests on
// one that was, serves false.
func (p *lone) check() {
	now := p.settings()
	if len(now) != len(p.before) {
		p.Fatalf("production has %d flags, and had %d", len(now), len(p.before))
	}
	for key, was := range p.before {
		is := now[key]
		if !is.Enabled {
			was.Enabled = false
		}
		if !reflect.DeepEqual(is, was) {
			p.Fatalf("flag %s says %+v, and said %+v", key, is, was)
		}
		p.before[key] = was // what was turned off stays so
	}
	for what, is := range p.evaluate() {
		if is != p.answers[what] && is != "false" {
			p.Fatalf("%s gets %q, and got %q", what, is, p.answers[what])
		}
		p.answers[what] = is
	}
}

// edit is one of a flag, by the person or with a key of theirs.
func (p *lone) edit(action string, alter func(davit.Flag) (davit.Flag, error)) davit.FlagEdit {
	e := davit.FlagEdit{
		Application: p.application, Key: rapid.SampledFrom(loneFlags).Draw(p.T, "flag"), Actor: anna, Action: action,
		Match: davit.AnyFlagRevision, Alter: alter, Propose: rapid.Bool().Draw(p.T, "waits"),
	}
	if p.key != nil && rapid.Bool().Draw(p.T, "with the key") {
		e.Actor, e.Scope = "key "+p.key.Name, p.key
	}
	return e
}

// ask does what is asked for; that it may be refused is no matter here.
func (p *lone) ask(e davit.FlagEdit) { _, _ = p.Change(p.ctx, e) }

func (p *lone) instruction() davit.FlagInstruction {
	i := davit.FlagInstruction{
		Environment: rapid.SampledFrom(loneStore).Draw(p.T, "environment"), Variant: rapid.SampledFrom([]string{"on", "off"}).Draw(p.T, "variant"),
		Kind: rapid.SampledFrom([]davit.FlagInstructionKind{
			davit.TurnOn, davit.TurnOff, davit.Serve, davit.SetOff, davit.SetPercentages, davit.AddTargets, davit.AddRule, davit.SetClientSide, davit.AddTags,
		}).Draw(p.T, "kind"),
		Enabled: true, Values: []string{"eve"}, Percentages: map[string]float64{"on": 50, "off": 50},
	}
	if i.Kind == davit.AddRule {
		i.Rule = &davit.FlagRule{Serve: davit.FlagServe{Variant: "off"}}
	}
	return i
}

func (p *lone) instructs() func(davit.Flag) (davit.Flag, error) {
	list := []davit.FlagInstruction{p.instruction(), p.instruction()}[:rapid.IntRange(1, 2).Draw(p.T, "instructions")]
	return func(f davit.Flag) (davit.Flag, error) { return f.Instruct(list...) }
}

// puts replaces a flag by another.
func (p *lone) puts() func(davit.Flag) (davit.Flag, error) {
	what := rapid.SampledFrom([]string{"salt", "values", "settings", "empty", "metadata"}).Draw(p.T, "what")
	return func(f davit.Flag) (davit.Flag, error) {
		switch what {
		case "salt":
			f.Salt = "other"
		case "values":
			f.Variants = []davit.FlagVariant{{Name: "on", Value: json.RawMessage("false")}, {Name: "off", Value: json.RawMessage("true")}}
		case "settings":
			return served(f.Key, "production", "off", "staging"), nil
		case "metadata":
			f.Metadata = map[string]any{"a": "b"}
		default:
			return davit.Flag{Type: davit.FlagBoolean, Variants: davit.BooleanVariants()}, nil
		}
		return f, nil
	}
}

func (p *lone) schedule() {
	e := p.edit("flag.change", nil)
	e.Schedule = &davit.FlagSchedule{
		At:           p.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(p.T, "minutes")) * time.Minute),
		Instructions: []davit.FlagInstruction{p.instruction()},
	}
	p.ask(e)
}

func (p *lone) revert() {
	e := p.edit("flag.revert", nil)
	_, _ = p.Revert(p.ctx, e, int64(rapid.IntRange(1, 4).Draw(p.T, "revision")))
}

func (p *lone) imports() {
	e := p.edit("flag.import", nil)
	_, _ = p.Import(p.ctx, davit.FlagImport{
		Application: p.application, Environment: rapid.SampledFrom(loneStore).Draw(p.T, "environment"), Actor: e.Actor, Scope: e.Scope, Propose: e.Propose,
		Flags: []davit.Flag{served(e.Key, "production", "off"), served("d", "production", "on")}, Segments: []davit.Segment{{Key: "new"}},
	})
}

func (p *lone) segment() {
	_, _ = p.ChangeSegment(p.ctx, davit.SegmentEdit{
		Application: p.application, Segment: davit.Segment{Key: rapid.SampledFrom([]string{"beta", "new"}).Draw(p.T, "segment"), Include: []string{"user-1"}},
		Actor: anna, Match: davit.AnyFlagOrNone, Delete: rapid.Bool().Draw(p.T, "delete"), Propose: rapid.Bool().Draw(p.T, "waits"),
	})
}

// protects weakens the protection, or removes it.
func (p *lone) protects() {
	weak := davit.ApprovalParams{Count: 1, Within: davit.Duration(time.Hour), By: []davit.Approver{"user anna"}, Author: rapid.Bool().Draw(p.T, "author")}
	_, _, _ = p.Protect(p.ctx, davit.FlagProtection{
		Application: p.application, Environment: rapid.SampledFrom(loneStore).Draw(p.T, "environment"), Approval: weak, Actor: anna,
		Removed: rapid.Bool().Draw(p.T, "removed"),
	})
}

// answer answers one of the proposals that there are.
func (p *lone) answer(with func(context.Context, string, string, string, string) (*davit.FlagProposal, error)) {
	list, err := p.Proposals(p.ctx, p.application, false, "", 10)
	if err != nil {
		p.Fatal(err)
	}
	if len(list) > 0 {
		chosen := rapid.SampledFrom(list).Draw(p.T, "proposal")
		_, _ = with(p.ctx, p.application, chosen.ID, anna, "it is mine")
	}
}

func (p *lone) makeKey() {
	key, _, err := p.CreateKey(p.ctx, anna, davit.AccessKey{Application: p.application, Environment: "production", Kind: davit.AccessAdmin, Name: "ci"}, 0)
	if err != nil {
		p.Fatal(err)
	}
	p.key = &key
}

// goes lets time go by, and the keeper look.
func (p *lone) goes() {
	p.now = p.now.Add(time.Duration(rapid.IntRange(1, 120).Draw(p.T, "minutes")) * time.Minute)
	p.keep()
}

// keep lets the keeper look once.
func (s *shelf) keep() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.Keep(ctx, func(error) {})
}
