package step_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/flag/step"
	"github.com/davit-dev/davit/internal/sqlite"
)

const key = "checkout-v2"

// bench is a flag in a real book on a real store, and a rollout.
type bench struct {
	*testing.T
	book    *book.Book
	rollout *davit.Rollout
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	signing, err := audit.LoadOrCreateKey(filepath.Join(dir, "audit.key"), "test")
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "davit.db"), sqlite.Options{Audit: audit.New(signing)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{T: t, rollout: &davit.Rollout{
		ID: "06h0hnk8jgm63h47", Application: "shop", Environment: "production", Actor: "anna", Cause: strings.Repeat("ü", 1000),
	}}
	if b.book, err = book.Open(t.Context(), store, time.Now); err != nil {
		t.Fatal(err)
	}
	b.edit(davit.FlagEdit{Action: "flag.create", Alter: func(davit.Flag) (davit.Flag, error) {
		return davit.Flag{Type: davit.FlagBoolean, Variants: davit.BooleanVariants()}, nil
	}})
	return b
}

func (b *bench) edit(e davit.FlagEdit) {
	b.Helper()
	e.Application, e.Key, e.Actor = "shop", key, "bert"
	if e.Alter == nil {
		e.Delete = true
	}
	if e.Action != "flag.create" {
		e.Match = davit.AnyFlagRevision
	}
	if _, err := b.book.Change(b.Context(), e); err != nil {
		b.Fatal(err)
	}
}

// says changes the flag by an intent of somebody else's.
func (b *bench) says(i davit.FlagInstruction) {
	b.Helper()
	i.Environment = b.rollout.Environment
	b.edit(davit.FlagEdit{Action: "flag.change", Alter: func(f davit.Flag) (davit.Flag, error) { return f.Instruct(i) }})
}

// does has a task done, and returns what was said.
func (b *bench) does(task davit.FlagTask, s davit.FlagSwitch) string {
	b.Helper()
	s.Flag = key
	all, err := step.Do(b.Context(), b.book, b.rollout, davit.FlagParams{Task: task, Flags: []davit.FlagSwitch{s}})
	if err != nil {
		b.Fatal(err)
	}
	return all[0].Said
}

func (b *bench) settings() davit.FlagSettings {
	b.Helper()
	record, err := b.book.Flag("shop", key)
	if err != nil {
		b.Fatal(err)
	}
	return record.Flag.Environments[b.rollout.Environment]
}

var (
	on  = davit.FlagSwitch{Turn: davit.FlagOn}
	off = davit.FlagSwitch{Turn: davit.FlagOff}
)

func TestReturn(t *testing.T) {
	turn := func(kind davit.FlagInstructionKind) func(*bench) {
		return func(b *bench) { b.says(davit.FlagInstruction{Kind: kind}) }
	}
	none := func(*bench) {}
	for name, test := range map[string]struct {
		before    func(*bench)
		do        davit.FlagSwitch
		meanwhile func(*bench)
		said      string
		enabled   bool
		serves    string
	}{
		"on":                 {none, on, none, "returned in revision 3", false, "on"},
		"off":                {turn(davit.TurnOn), off, none, "returned in revision 4", true, "on"},
		"another variant":    {turn(davit.TurnOn), davit.FlagSwitch{Serve: "off"}, none, "returned in revision 4", true, "on"},
		"was so before":      {turn(davit.TurnOn), on, none, "was not switched", true, "on"},
		"turned off by bert": {none, on, turn(davit.TurnOff), "is left as it is: bert turned the flag off", false, "on"},
		"off and on again":   {none, on, func(b *bench) { turn(davit.TurnOff)(b); turn(davit.TurnOn)(b) }, "returned in revision 5", false, "on"},
		"a target comes anew": {none, on, func(b *bench) {
			b.says(davit.FlagInstruction{Kind: davit.AddTargets, Variant: "on", Values: []string{"anna"}})
		}, "returned in revision 4", false, "on"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			test.before(b)
			b.does(davit.FlagsCheck, test.do)
			was := b.settings()
			b.does(davit.FlagsSwitch, test.do)
			test.meanwhile(b)
			if said := b.does(davit.FlagsReturn, test.do); said != test.said {
				t.Errorf("said %q, want %q", said, test.said)
			}
			if s := b.settings(); s.Enabled != test.enabled || s.Default.Variant != test.serves {
				t.Errorf("it serves %+v, and served %+v", s, was)
			}
			before := b.settings()
			again := b.does(davit.FlagsReturn, test.do)
			if s := b.settings(); s.Enabled != before.Enabled || strings.Contains(again, "in revision") {
				t.Errorf("again: %s, %+v", again, s)
			}
		})
	}
}

func TestSwitchOnce(t *testing.T) {
	b := newBench(t)
	if said := b.does(davit.FlagsCheck, on); said != "can be switched" || b.settings().Enabled {
		t.Errorf("%s, %+v", said, b.settings())
	}
	for range 2 { // as after a crash between the switch and its record
		if said := b.does(davit.FlagsSwitch, on); said != "switched in revision 2" {
			t.Error(said)
		}
	}
	b.says(davit.FlagInstruction{Kind: davit.TurnOff})
	b.does(davit.FlagsSwitch, on)
	if b.settings().Enabled {
		t.Error("it overruled who turned the flag off")
	}
	b.rollout.ID = "06h0hnk8jgm63h48" // another rollout may
	if b.does(davit.FlagsSwitch, on); !b.settings().Enabled {
		t.Error("it is off")
	}
}

// TestSwitchSaidSoAlready shows that a rollout that found a flag as it wants it does not
// overrule who changes it before the rollout asks again.
func TestSwitchSaidSoAlready(t *testing.T) {
	b := newBench(t)
	b.says(davit.FlagInstruction{Kind: davit.TurnOn})
	b.does(davit.FlagsSwitch, on)
	b.says(davit.FlagInstruction{Kind: davit.TurnOff})
	if said := b.does(davit.FlagsSwitch, on); said != "is so already" || b.settings().Enabled {
		t.Errorf("%s, %+v", said, b.settings())
	}
}

func TestImpossible(t *testing.T) {
	b := newBench(t)
	for _, task := range []davit.FlagTask{davit.FlagsCheck, davit.FlagsSwitch, "other"} {
		_, err := step.Do(t.Context(), b.book, b.rollout, davit.FlagParams{Task: task, Flags: []davit.FlagSwitch{{Flag: key, Serve: "red"}}})
		if davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%s: %v", task, err)
		}
	}
	b.does(davit.FlagsSwitch, on)
	b.edit(davit.FlagEdit{Action: "flag.delete"})
	if said := b.does(davit.FlagsReturn, on); said != "is not there any more" {
		t.Error(said)
	}
	_, err := step.Do(t.Context(), b.book, b.rollout, davit.FlagParams{Task: davit.FlagsCheck, Flags: []davit.FlagSwitch{{Flag: key, Turn: davit.FlagOn}}})
	if davit.ErrorCode(err) != davit.CodeNotFound {
		t.Error(err)
	}
}
