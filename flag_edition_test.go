package davit_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// FuzzFlagEdition reads damaged editions: what is read is what was written.
func FuzzFlagEdition(f *testing.F) {
	e := davit.FlagEdition{
		Number: 7, Keys: []davit.AccessKey{{ID: "k", Kind: davit.AccessServer}},
		Snapshot: davit.FlagSnapshot{Application: "shop", Environment: "production", Revision: 3, ChangedAt: time.Unix(5, 0).UTC(),
			Flags: []davit.Flag{{Key: "a", Type: davit.FlagBoolean, Variants: davit.BooleanVariants()}}},
	}
	text, err := e.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)-1])
	f.Add([]byte("davit-flags-1 \n{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := davit.DecodeFlagEdition(text)
		if err != nil {
			return
		}
		again, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := davit.DecodeFlagEdition(again); err != nil || twice.Number != e.Number {
			t.Errorf("%s\nis read as %s (%v)", text, again, err)
		}
	})
	damaged := bytes.Clone(text)
	for i := range damaged {
		damaged[i] ^= 1
		if _, err := davit.DecodeFlagEdition(damaged); err == nil {
			f.Errorf("a damaged byte %d was not found", i)
		}
		damaged[i] ^= 1
	}
}

// TestSnapshotBefore tells which of two snapshots is the earlier one.
func TestSnapshotBefore(t *testing.T) {
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	has := davit.FlagSnapshot{Application: "shop", Environment: "production", Origin: "a", RestoredAt: at(50), Revision: 5, ChangedAt: at(100)}
	for name, test := range map[string]struct {
		alter func(*davit.FlagSnapshot)
		want  bool
	}{
		"the same":                  {func(*davit.FlagSnapshot) {}, false},
		"later":                     {func(s *davit.FlagSnapshot) { s.Revision, s.ChangedAt = 6, at(110) }, false},
		"later, by a slow clock":    {func(s *davit.FlagSnapshot) { s.Revision, s.ChangedAt = 6, at(90) }, false},
		"earlier":                   {func(s *davit.FlagSnapshot) { s.Revision, s.ChangedAt = 4, at(90) }, true},
		"earlier, at the same time": {func(s *davit.FlagSnapshot) { s.Revision = 4 }, true},
		"a copied file, changed":    {func(s *davit.FlagSnapshot) { s.Revision, s.ChangedAt = 2, at(110) }, false},
		"of a later backup":         {func(s *davit.FlagSnapshot) { s.Revision, s.ChangedAt, s.RestoredAt = 2, at(10), at(60) }, false},
		"of before the backup":      {func(s *davit.FlagSnapshot) { s.Revision, s.ChangedAt, s.RestoredAt = 9, at(110), time.Time{} }, true},
		"of another store":          {func(s *davit.FlagSnapshot) { s.Revision, s.ChangedAt, s.Origin = 2, at(10), "b" }, false},
		"of another environment":    {func(s *davit.FlagSnapshot) { s.Revision, s.ChangedAt, s.Environment = 2, at(10), "staging" }, false},
		"of another application":    {func(s *davit.FlagSnapshot) { s.Revision, s.ChangedAt, s.Application = 2, at(10), "stock" }, false},
	} {
		is := has
		test.alter(&is)
		if got := is.Before(&has); got != test.want {
			t.Errorf("%s: before is %t", name, got)
		}
	}
}
