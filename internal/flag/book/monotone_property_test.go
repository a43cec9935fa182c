package book_test

import (
	"encoding/json"
	std "flag"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/book"
)

// TestNeverOlder shows that neither the book nor a copy of it ever goes back: whatever
// the order of changes, reverts, removals and restarts, and of the editions that reach
// the copy, late, twice or not at all, a revision that was seen is followed by none that
// is older, and one revision never says two things.
func TestNeverOlder(t *testing.T) {
	s := open(t)
	if checks := std.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue { // each is dozens of commits
		if err := std.Set("rapid.checks", "40"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = std.Set("rapid.checks", checks.DefValue) })
	}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		w := &monotone{shelf: s, t: t, rt: rt, application: fmt.Sprint("shop-", n), said: map[int64]string{}, copied: map[int64]string{}}
		w.restart()
		rt.Repeat(map[string]func(*rapid.T){
			"change":     w.edit,
			"revert":     w.revert,
			"remove":     w.remove,
			"segment":    w.segment,
			"restart":    func(*rapid.T) { w.reopen(t) },
			"publish":    w.publish,
			"deliver":    w.deliver,
			"copy again": func(*rapid.T) { w.restart() },
			"":           func(*rapid.T) { w.look() },
		})
	})
}

// monotone is a book, editions of it on their way, and a copy.
type monotone struct {
	*shelf
	t           *testing.T
	rt          *rapid.T
	application string
	number      int64
	sent        []davit.FlagEdition
	copy        *book.Copy
	seen, taken int64            // revisions, newest
	said        map[int64]string // by revision, in the book
	copied      map[int64]string // and in copies
}

var monotoneKeys = rapid.SampledFrom([]string{"a", "b"})

// do makes a change that may be refused: what there is stays then.
func (m *monotone) do(change func() error) {
	before := m.Sequence(m.application)
	if err := change(); err != nil {
		if davit.ErrorCode(err) == davit.CodeInternal {
			m.rt.Fatal(err)
		}
		if after := m.Sequence(m.application); after != before {
			m.rt.Fatalf("a change that was refused (%v) went from %d to %d", err, before, after)
		}
	}
}

func (m *monotone) edit(rt *rapid.T) {
	e := davit.FlagEdit{
		Application: m.application, Key: monotoneKeys.Draw(rt, "key"), Actor: "anna", Action: "flag.change",
		Match: rapid.SampledFrom([]int64{0, 1, 2, davit.AnyFlagRevision, davit.AnyFlagOrNone}).Draw(rt, "match"),
	}
	percent := float64(rapid.IntRange(0, 100).Draw(rt, "percent"))
	e.Alter = func(f davit.Flag) (davit.Flag, error) {
		if len(f.Variants) == 0 {
			f.Type, f.Variants = davit.FlagBoolean, davit.BooleanVariants()
		}
		return f.Instruct(turnOn, davit.FlagInstruction{
			Kind: davit.SetPercentages, Environment: "production", Percentages: map[string]float64{"on": percent, "off": 100 - percent},
		})
	}
	m.do(func() error {
		_, err := m.Change(m.t.Context(), e)
		return err
	})
}

func (m *monotone) revert(rt *rapid.T) {
	e := davit.FlagEdit{Application: m.application, Key: monotoneKeys.Draw(rt, "key"), Actor: "bo", Action: "flag.revert", Match: davit.AnyFlagRevision}
	m.do(func() error {
		_, err := m.Revert(m.t.Context(), e, rapid.Int64Range(1, 6).Draw(rt, "to"))
		return err
	})
}

func (m *monotone) remove(rt *rapid.T) {
	e := davit.FlagEdit{Application: m.application, Key: monotoneKeys.Draw(rt, "key"), Actor: "bo", Action: "flag.delete", Match: davit.AnyFlagRevision, Delete: true}
	m.do(func() error {
		_, err := m.Change(m.t.Context(), e)
		return err
	})
}

func (m *monotone) segment(rt *rapid.T) {
	e := davit.SegmentEdit{
		Application: m.application, Actor: "bo", Match: davit.AnyFlagOrNone, Delete: rapid.Bool().Draw(rt, "delete"),
		Segment: davit.Segment{Key: "beta", Include: rapid.SliceOfN(rapid.SampledFrom([]string{"anna", "bo"}), 0, 2).Draw(rt, "include")},
	}
	if e.Delete {
		e.Match = davit.AnyFlagRevision
	}
	m.do(func() error {
		_, err := m.ChangeSegment(m.t.Context(), e)
		return err
	})
}

// publish sends an edition of what there is on its way.
func (m *monotone) publish(*rapid.T) {
	for _, e := range m.Editions() {
		if e.Snapshot.Application == m.application {
			m.number++
			e.Number = m.number
			m.sent = append(m.sent, e)
		}
	}
}

// deliver has an edition reach the copy: any that was ever sent.
func (m *monotone) deliver(rt *rapid.T) {
	if len(m.sent) == 0 {
		rt.Skip("nothing is on its way")
	}
	e := rapid.SampledFrom(m.sent).Draw(rt, "edition")
	newer := e.Number > m.copy.Held(m.application, e.Snapshot.Environment).Number
	if took, err := m.copy.Take(e, m.now); err != nil || took != newer {
		rt.Fatalf("an edition, newer: %t, was taken: %t (%v)", newer, took, err)
	}
}

// restart has an empty copy in place of the one there was.
func (m *monotone) restart() { m.copy, m.taken = book.NewCopy(func() time.Time { return m.now }, 0), 0 }

// look sees what the book and the copy say.
func (m *monotone) look() {
	m.seen = m.newer("the book", m.View(m.application, "production"), m.seen, m.said)
	m.taken = m.newer("the copy", m.copy.View(m.application, "production"), m.taken, m.copied)
	if m.taken > m.seen {
		m.rt.Fatalf("the copy is at %d, ahead of the book at %d", m.taken, m.seen)
	}
}

// newer returns the revision of a view. It is not older than the last one that was seen,
// and says what it said before.
func (m *monotone) newer(who string, view *book.View, last int64, said map[int64]string) int64 {
	if view.Sequence < last {
		m.rt.Fatalf("%s went back from %d to %d", who, last, view.Sequence)
	}
	doc, _, err := view.Document(m.application)
	if err != nil {
		m.rt.Fatal(err)
	}
	var s davit.FlagSnapshot
	if err := json.Unmarshal(doc, &s); err != nil {
		m.rt.Fatal(err)
	}
	s.Environment = "" // that of an application without flags has no name
	text, err := json.Marshal(s)
	if err != nil {
		m.rt.Fatal(err)
	}
	if before, there := said[view.Sequence]; there && before != string(text) {
		m.rt.Fatalf("%s says at %d\n%s\nand said\n%s", who, view.Sequence, text, before)
	}
	said[view.Sequence] = string(text)
	return view.Sequence
}
