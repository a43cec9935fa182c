package book_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/flag"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/sqlite"
)

// shelf is a store on disk with a book that can be opened again.
type shelf struct {
	*book.Book
	store *sqlite.Store
	now   time.Time
	clock func() time.Time // nil: now
	ahead atomic.Int64     // of the clock, in ns: it was set
}

func open(t *testing.T) *shelf {
	t.Helper()
	dir := t.TempDir()
	key, err := audit.LoadOrCreateKey(filepath.Join(dir, "audit.key"), "test")
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "davit.db"), sqlite.Options{Audit: audit.New(key)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &shelf{store: store, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	s.reopen(t)
	return s
}

// reopen reads the book anew, as a server that starts does.
func (s *shelf) reopen(t *testing.T) {
	t.Helper()
	b, err := book.Open(t.Context(), s.store, func() time.Time {
		if s.clock != nil {
			return s.clock().Add(time.Duration(s.ahead.Load()))
		}
		return s.now
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Book = b
}

func create(key string) davit.FlagEdit {
	return davit.FlagEdit{
		Application: "shop", Key: key, Actor: "anna", Action: "flag.create",
		Alter: func(davit.Flag) (davit.Flag, error) {
			return davit.Flag{Type: davit.FlagBoolean, Variants: davit.BooleanVariants()}, nil
		},
	}
}

func instruct(key string, match int64, instructions ...davit.FlagInstruction) davit.FlagEdit {
	return davit.FlagEdit{
		Application: "shop", Key: key, Actor: "bo", Action: "flag.change", Match: match,
		Alter: func(f davit.Flag) (davit.Flag, error) { return f.Instruct(instructions...) },
	}
}

func (s *shelf) must(t *testing.T, e davit.FlagEdit) *davit.FlagOutcome {
	t.Helper()
	out, err := s.Change(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// serves returns the variant that a user gets in production.
func (s *shelf) serves(t *testing.T, key, user string) string {
	t.Helper()
	c, err := flag.NewContext(map[string]any{"targetingKey": user}, s.now)
	if err != nil {
		t.Fatal(err)
	}
	return s.View("shop", "production").Evaluate(key, c).Variant
}

var turnOn = davit.FlagInstruction{Kind: davit.TurnOn, Environment: "production"}

// TestChange follows a flag from its making to its end: what is evaluated is what
// is stored, and each change is in the audit log.
func TestChange(t *testing.T) {
	s := open(t)
	replaced := s.Replaced()
	s.must(t, create("checkout-v2"))
	select {
	case <-replaced:
	default:
		t.Error("nobody was told of the change")
	}
	if got := s.serves(t, "checkout-v2", "anna"); got != "" {
		t.Errorf("a new flag serves %q", got)
	}
	out := s.must(t, instruct("checkout-v2", 1, turnOn))
	if !out.Changed || out.Record.Revision != 2 || out.Record.Sequence != 2 || s.serves(t, "checkout-v2", "anna") != "on" {
		t.Errorf("turned on: %+v", out)
	}
	if again := s.must(t, instruct("checkout-v2", 2, turnOn)); again.Changed || again.Record.Revision != 2 {
		t.Errorf("turned on again: %+v", again)
	}
	if _, err := s.Change(t.Context(), instruct("checkout-v2", 1, turnOn)); !errors.Is(err, davit.ErrFlagRevision) {
		t.Errorf("of an old revision: %v", err)
	}
	if _, err := s.Change(t.Context(), create("checkout-v2")); davit.ErrorCode(err) != davit.CodeConflict {
		t.Errorf("made twice: %v", err)
	}
	s.reopen(t)
	if s.serves(t, "checkout-v2", "anna") != "on" || s.View("shop", "production").Sequence != 2 {
		t.Error("it is not the same when it is read again")
	}
	if _, err := s.Revert(t.Context(), davit.FlagEdit{Application: "shop", Key: "checkout-v2", Actor: "bo", Action: "flag.revert", Match: 2}, 1); err != nil {
		t.Fatal(err)
	}
	remove := davit.FlagEdit{Application: "shop", Key: "checkout-v2", Actor: "bo", Action: "flag.delete", Match: davit.AnyFlagRevision, Delete: true}
	s.must(t, remove)
	if _, err := s.Change(t.Context(), remove); davit.ErrorCode(err) != davit.CodeNotFound {
		t.Errorf("removed twice: %v", err)
	}
	s.reopen(t)
	if out := s.must(t, create("checkout-v2")); out.Record.Revision != 5 {
		t.Errorf("made again, it has revision %d", out.Record.Revision)
	}
	records, err := s.History(t.Context(), "shop", "checkout-v2", 1<<62, 10)
	if err != nil || len(records) != 5 || !records[1].Deleted {
		t.Errorf("history: %+v (%v)", records, err)
	}
	entries, err := s.store.Audit(t.Context(), davit.AuditFilter{Application: "shop"})
	if err != nil || len(entries) != 5 || entries[1].Environment != "production" || entries[1].Actor != "bo" || entries[2].Reason != "back to revision 1" {
		t.Errorf("audit: %+v (%v)", entries, err)
	}
	var told struct {
		Digest     string
		Difference []davit.FlagDifference
	}
	if err := json.Unmarshal(entries[1].After, &told); err != nil || !strings.HasPrefix(told.Digest, "sha256:") || len(told.Difference) != 1 {
		t.Errorf("the entry tells %s (%v)", entries[1].After, err)
	}
}

// TestRevertRemoved brings a flag back that was removed, as long as it is as the one who
// does so has seen it.
func TestRevertRemoved(t *testing.T) {
	s := open(t)
	made := s.must(t, create("a"))
	s.must(t, instruct("a", 1, turnOn))
	remove := instruct("a", 2)
	remove.Delete = true
	s.must(t, remove)
	s.now = s.now.Add(time.Hour)
	back := func(match, to int64) (*davit.FlagOutcome, error) {
		return s.Revert(t.Context(), davit.FlagEdit{Application: "shop", Key: "a", Actor: "bo", Action: "flag.revert", Match: match}, to)
	}
	if _, err := back(2, 2); !errors.Is(err, davit.ErrFlagRevision) {
		t.Errorf("as it was before it was removed: %v", err)
	}
	if _, err := back(3, 3); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("to its removal: %v", err)
	}
	out, err := back(3, 2)
	if err != nil || !out.Changed || out.Record.Revision != 4 || !out.Record.Flag.CreatedAt.Equal(made.Record.Flag.CreatedAt) {
		t.Fatalf("brought back: %+v (%v)", out, err)
	}
	s.reopen(t)
	if got := s.serves(t, "a", "anna"); got != "on" {
		t.Errorf("it serves %q", got)
	}
	records, err := s.History(t.Context(), "shop", "a", 1<<62, 10)
	if err != nil || len(records) != 4 || records[0].Action != "flag.revert" || records[0].Comment != "back to revision 2" {
		t.Errorf("history: %+v (%v)", records, err)
	}
	s.must(t, davit.FlagEdit{Application: "shop", Key: "a", Actor: "bo", Action: "flag.delete", Match: 4, Delete: true})
	if _, err := s.Change(t.Context(), instruct("a", davit.AnyFlagRevision, turnOn)); davit.ErrorCode(err) != davit.CodeNotFound {
		t.Errorf("another change of what was removed: %v", err)
	}
	if out, err := back(davit.AnyFlagRevision, 1); err != nil || out.Record.Revision != 6 {
		t.Errorf("whatever there is: %+v (%v)", out, err)
	}
}

// TestRefusedChange shows that what is not valid changes nothing.
func TestRefusedChange(t *testing.T) {
	s := open(t)
	s.must(t, create("a"))
	bad := instruct("a", davit.AnyFlagRevision, turnOn)
	bad.Alter = func(f davit.Flag) (davit.Flag, error) {
		f.Environments = map[string]davit.FlagSettings{"production": {Enabled: true, Default: davit.FlagServe{Variant: "blue"}}}
		return f, nil
	}
	other := bad
	other.Alter = func(f davit.Flag) (davit.Flag, error) {
		f.Type = davit.FlagString
		return f, nil
	}
	for name, e := range map[string]davit.FlagEdit{"no variant": bad, "another type": other, "no key": create("")} {
		if _, err := s.Change(t.Context(), e); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r, err := s.Flag("shop", "a"); err != nil || r.Revision != 1 {
		t.Errorf("the flag is %+v (%v)", r, err)
	}
	if entries, err := s.store.Audit(t.Context(), davit.AuditFilter{}); err != nil || len(entries) != 1 {
		t.Errorf("audit: %v (%v)", entries, err)
	}
}

// TestDryRun shows what would change, and for how many, and changes nothing.
func TestDryRun(t *testing.T) {
	s := open(t)
	s.must(t, create("a"))
	s.must(t, instruct("a", 1, turnOn, davit.FlagInstruction{Kind: davit.SetPercentages, Environment: "production", Percentages: map[string]float64{"on": 0, "off": 100}}))
	e := instruct("a", 2, davit.FlagInstruction{Kind: davit.SetPercentages, Environment: "production", Percentages: map[string]float64{"on": 30, "off": 70}})
	e.DryRun = true
	for i := range 1000 {
		e.Contexts = append(e.Contexts, map[string]any{"targetingKey": fmt.Sprint("user-", i)})
	}
	out := s.must(t, e)
	if out.Changed || len(out.Difference) == 0 || out.Record.Revision != 3 {
		t.Errorf("would be %+v", out)
	}
	if got := out.Affected["production"]; got.Contexts != 1000 || got.Changed < 200 || got.Changed > 400 {
		t.Errorf("affects %+v, want about 300", out.Affected)
	}
	if r, err := s.Flag("shop", "a"); err != nil || r.Revision != 2 {
		t.Errorf("the flag is %+v (%v)", r, err)
	}
}

// TestDryRunOfRecentUsers compares the answers of those who were seen lately in
// each environment when no others are named, as far as a key goes.
func TestDryRunOfRecentUsers(t *testing.T) {
	s := open(t)
	seen := map[string][]string{"production": {"anna", "bo", "carl"}, "staging": {"dora"}}
	s.Recent = func(application, environment string, now time.Time) (contexts []*flag.Context) {
		for _, key := range seen[environment] {
			c, err := flag.NewContext(map[string]any{"targetingKey": key}, now)
			if err != nil || application != "shop" {
				t.Errorf("%s: %v", application, err)
			}
			contexts = append(contexts, c)
		}
		return contexts
	}
	s.must(t, create("a"))
	turn := davit.FlagInstruction{Kind: davit.TurnOn, Environment: "staging"}
	s.must(t, instruct("a", 1, turnOn, turn, davit.FlagInstruction{Kind: davit.Serve, Environment: "production", Variant: "off"}))
	e := instruct("a", 2, davit.FlagInstruction{Kind: davit.AddTargets, Environment: "production", Variant: "on", Values: []string{"anna", "carl", "dora"}})
	e.DryRun = true
	want := map[string]davit.FlagAffected{"production": {Contexts: 3, Changed: 2}, "staging": {Contexts: 1}}
	if got := s.must(t, e).Affected; !maps.Equal(got, want) {
		t.Errorf("affects %+v, want %+v", got, want)
	}
	e.Scope = &davit.AccessKey{Application: "shop", Environment: "production", Kind: davit.AccessAdmin, Name: "ci"}
	delete(want, "staging")
	if got := s.must(t, e).Affected; !maps.Equal(got, want) {
		t.Errorf("by a key it affects %+v, want %+v", got, want)
	}
	e.Contexts = []map[string]any{{"targetingKey": "eve"}}
	want["production"] = davit.FlagAffected{Contexts: 1}
	if got := s.must(t, e).Affected; !maps.Equal(got, want) {
		t.Errorf("of those named it affects %+v, want %+v", got, want)
	}
}

// TestDryRunOfRemoving counts those who would get nothing any more, also where no other
// flag says anything.
func TestDryRunOfRemoving(t *testing.T) {
	s := open(t)
	s.must(t, create("a"))
	s.must(t, instruct("a", 1, turnOn))
	e := instruct("a", 2)
	e.Delete, e.DryRun, e.Contexts = true, true, []map[string]any{{"targetingKey": "anna"}}
	want := map[string]davit.FlagAffected{"production": {Contexts: 1, Changed: 1}}
	if got := s.must(t, e).Affected; !maps.Equal(got, want) {
		t.Errorf("affects %+v, want %+v", got, want)
	}
}

// TestRepeatedRequest does a request once, a server's death in between or not.
func TestRepeatedRequest(t *testing.T) {
	s := open(t)
	e := create("a")
	e.RequestKey, e.RequestDigest = "k", "d"
	first := s.must(t, e)
	s.reopen(t)
	again := s.must(t, e)
	if !again.Repeated || again.Record.Revision != first.Record.Revision || len(again.Difference) != len(first.Difference) {
		t.Errorf("again: %+v, first: %+v", again, first)
	}
	e.RequestDigest = "other"
	if _, err := s.Change(t.Context(), e); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("another request with the same key: %v", err)
	}
}

// TestRepeatedAnswers repeats requests after somebody else has changed the flag: they
// are answered as they were, for a day, and then done again.
func TestRepeatedAnswers(t *testing.T) {
	turnOff := davit.FlagInstruction{Kind: davit.TurnOff, Environment: "production"}
	remove := instruct("a", davit.AnyFlagRevision)
	remove.Delete = true
	for name, test := range map[string]struct {
		ask, meanwhile davit.FlagEdit
		later          int64 // revision, when it is done again
	}{
		"a change":       {instruct("a", davit.AnyFlagRevision, turnOff), instruct("a", davit.AnyFlagRevision, turnOn), 5},
		"was so already": {instruct("a", davit.AnyFlagRevision, turnOn), instruct("a", davit.AnyFlagRevision, turnOff), 4},
		"removed":        {remove, create("a"), 5},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			s.must(t, create("a"))
			s.must(t, instruct("a", 1, turnOn))
			test.ask.RequestKey, test.ask.RequestDigest = "k", "d"
			first := s.must(t, test.ask)
			s.must(t, test.meanwhile)
			s.reopen(t)
			s.now = s.now.Add(davit.FlagRequestKept)
			again := s.must(t, test.ask)
			if !again.Repeated || again.Changed != first.Changed || again.Record.Revision != first.Record.Revision || again.Record.Deleted != first.Record.Deleted ||
				!reflect.DeepEqual(again.Difference, first.Difference) {
				t.Errorf("again: %+v, first: %+v", again, first)
			}
			s.now = s.now.Add(time.Second)
			if later := s.must(t, test.ask); later.Repeated || later.Record.Revision != test.later {
				t.Errorf("a day later: %+v", later)
			}
		})
	}
}

// TestRepeatedMaking tells of a flag that is made where one was removed as it was told
// of: all of it is new.
func TestRepeatedMaking(t *testing.T) {
	s := open(t)
	s.must(t, create("a"))
	remove := instruct("a", 1)
	remove.Delete = true
	s.must(t, remove)
	e := create("a")
	e.RequestKey = "k"
	first := s.must(t, e)
	if again := s.must(t, e); !reflect.DeepEqual(again.Difference, first.Difference) {
		t.Errorf("again: %+v, first: %+v", again.Difference, first.Difference)
	}
}

// TestScope lets an admin key change its environment and nothing else.
func TestScope(t *testing.T) {
	s := open(t)
	s.must(t, create("a"))
	key := &davit.AccessKey{Application: "shop", Environment: "production", Kind: davit.AccessAdmin, Name: "ci"}
	for name, test := range map[string]struct {
		instruction davit.FlagInstruction
		code        davit.Code
	}{
		"its own":  {turnOn, ""},
		"another":  {davit.FlagInstruction{Kind: davit.TurnOn, Environment: "staging"}, davit.CodeRefused},
		"the flag": {davit.FlagInstruction{Kind: davit.SetClientSide, Enabled: true}, davit.CodeRefused},
	} {
		e := instruct("a", davit.AnyFlagRevision, test.instruction)
		e.Scope = key
		if _, err := s.Change(t.Context(), e); davit.ErrorCode(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	remove := instruct("a", davit.AnyFlagRevision)
	remove.Delete, remove.Scope = true, key
	if _, err := s.Change(t.Context(), remove); davit.ErrorCode(err) != davit.CodeRefused {
		t.Errorf("removing it: %v", err)
	}
}

// TestKeys makes, rotates and revokes keys; what the store has tells none.
func TestKeys(t *testing.T) {
	s, ctx := open(t), t.Context()
	made, text, err := s.CreateKey(ctx, "anna", davit.AccessKey{Application: "shop", Environment: "production", Kind: davit.AccessServer, Name: "web"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if g := s.Grant(text); g == nil || g.ID != made.ID || s.Grant(text+"x") != nil || s.Grant("") != nil {
		t.Fatalf("the key %s allows %+v", text, g)
	}
	stored, err := s.store.AccessKeys(ctx)
	if err != nil || len(stored) != 1 || strings.Contains(fmt.Sprintf("%+v", stored[0]), text) {
		t.Fatalf("stored: %+v (%v)", stored, err)
	}
	rotated, next, err := s.RotateKey(ctx, "anna", "shop", made.ID, 10*time.Minute)
	if err != nil || s.Grant(text) == nil || s.Grant(next) == nil || !rotated.ExpiresAt.Equal(s.now.Add(time.Hour)) {
		t.Fatalf("rotated: %+v (%v)", rotated, err)
	}
	s.now = s.now.Add(10 * time.Minute)
	s.reopen(t)
	if s.Grant(text) != nil || s.Grant(next) == nil {
		t.Error("after the overlap the old key is taken, or the new one is not")
	}
	if _, err := s.RevokeKey(ctx, "anna", "shop", rotated.ID, "leaked"); err != nil || s.Grant(next) != nil {
		t.Errorf("revoked: %v", err)
	}
	if _, _, err := s.RotateKey(ctx, "anna", "shop", rotated.ID, 0); davit.ErrorCode(err) != davit.CodeNotFound {
		t.Errorf("rotating what has expired: %v", err)
	}
}

// TestKeysOfLessThanNoTime refuses what would be for ever, or over before it begins.
func TestKeysOfLessThanNoTime(t *testing.T) {
	s, ctx := open(t), t.Context()
	key := davit.AccessKey{Application: "shop", Environment: "production", Kind: davit.AccessServer, Name: "web"}
	if made, text, err := s.CreateKey(ctx, "anna", key, -time.Second); davit.ErrorCode(err) != davit.CodeInvalid || text != "" {
		t.Errorf("made: %+v (%v)", made, err)
	}
	made, text, err := s.CreateKey(ctx, "anna", key, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, next, err := s.RotateKey(ctx, "anna", "shop", made.ID, -time.Second); davit.ErrorCode(err) != davit.CodeInvalid || next != "" {
		t.Errorf("rotated: %v", err)
	}
	if len(s.Keys("shop")) != 1 || s.Grant(text) == nil {
		t.Errorf("keys: %+v", s.Keys("shop"))
	}
}

// TestLastUse notes when keys were last used, when the book's keeper ends.
func TestLastUse(t *testing.T) {
	s := open(t)
	_, text, err := s.CreateKey(t.Context(), "anna", davit.AccessKey{Application: "shop", Environment: "e", Kind: davit.AccessServer, Name: "n"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Hour)
	s.Grant(text)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx, func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	if keys := s.Keys("shop"); len(keys) != 1 || !keys[0].LastUsedAt.Equal(s.now) || keys[0].Digest != "" {
		t.Errorf("keys: %+v", keys)
	}
}

// TestTwoAtOnce has many change one flag that they have all seen: one gets through
// each time, and no change is lost.
func TestTwoAtOnce(t *testing.T) {
	s := open(t)
	s.must(t, create("a"))
	const writers, changes = 4, 5
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for n := 0; n < changes; {
				record, err := s.Flag("shop", "a")
				if err != nil {
					t.Error(err)
					return
				}
				add := davit.FlagInstruction{Kind: davit.AddTargets, Environment: "production", Variant: "on", Values: []string{fmt.Sprint(w, "-", n)}}
				if _, err = s.Change(t.Context(), instruct("a", record.Revision, add)); err == nil {
					n++
				} else if !errors.Is(err, davit.ErrFlagRevision) {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	record, err := s.Flag("shop", "a")
	if err != nil || record.Revision != 1+writers*changes || len(record.Flag.Environments["production"].Targets[0].Keys) != writers*changes {
		t.Errorf("the flag is %+v (%v)", record, err)
	}
}
