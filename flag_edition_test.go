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
