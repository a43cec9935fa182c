package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"pgregory.net/rapid"
)

// firstBad returns the entry that a fault is to name: that of the first line
// which differs from the sound export's.
func firstBad(sound, tampered []byte) int64 {
	a, b := bytes.SplitAfter(sound, []byte("\n")), bytes.SplitAfter(tampered, []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			// The header is no entry. Beyond the checkpoint there is none.
			return min(int64(i), int64(len(a)-2)) - 1
		}
	}
	return int64(len(a) - 3)
}

// mustFault verifies an export that must not pass, and returns the fault.
func mustFault(t interface{ Fatalf(string, ...any) }, sound, tampered []byte, key string, older ...[]byte) *audit.Fault {
	_, err := audit.Verify(bytes.NewReader(tampered), key, older...)
	f, ok := errors.AsType[*audit.Fault](err)
	if !ok {
		t.Fatalf("verifying: %v, want a fault in\n%s", err, tampered)
		return nil
	}
	if want := firstBad(sound, tampered); f.Entry != want {
		t.Fatalf("the fault names entry %d, want %d: %v\n%s", f.Entry, want, f, tampered)
	}
	if f.Line == 0 || f.Detail == "" {
		t.Fatalf("a fault without line or detail: %+v", f)
	}
	return f
}

func lines(export []byte) [][]byte {
	all := bytes.SplitAfter(export, []byte("\n"))
	return all[:len(all)-1]
}

func join(lines [][]byte) []byte { return bytes.Join(lines, nil) }

// TestTamper does every kind of harm at every position.
func TestTamper(t *testing.T) {
	const size = 7
	s := filled(t, size)
	sound, key := s.export(t), s.log.VerifierKey()
	entry := func(i int) int { return i + 1 } // the line of an entry, counted from 0
	expect := func(t *testing.T, tampered []byte, kind audit.FaultKind, detail string) {
		t.Helper()
		f := mustFault(t, sound, tampered, key)
		if f.Kind != kind || !strings.Contains(f.Error(), detail) {
			t.Errorf("fault %q: %v\nwant %q: %s", f.Kind, f, kind, detail)
		}
	}
	for i := range size {
		t.Run(fmt.Sprintf("remove %d", i), func(t *testing.T) {
			kind, detail := audit.Missing, fmt.Sprintf("entry %d is missing: entry %d stands in its place", i, i+1)
			if i == size-1 {
				kind, detail = audit.CutOff, fmt.Sprintf("%d entries were signed, and entry %d and those after it are missing", size, i)
			}
			expect(t, join(slices.Delete(lines(sound), entry(i), entry(i)+1)), kind, detail)
		})
		t.Run(fmt.Sprintf("repeat %d", i), func(t *testing.T) {
			l := lines(sound)
			kind, detail := audit.Misplaced, fmt.Sprintf("entry %d is out of place: entry %d stands there again", i+1, i)
			expect(t, join(slices.Insert(l, entry(i)+1, l[entry(i)])), kind, detail)
		})
		t.Run(fmt.Sprintf("change %d", i), func(t *testing.T) {
			l := lines(sound)
			l[entry(i)] = bytes.Replace(l[entry(i)], []byte("anna"), []byte("otto"), 1)
			expect(t, join(l), audit.Changed, fmt.Sprintf("line %d: entry %d was changed: its bytes are not those that were sealed", i+2, i))
		})
		t.Run(fmt.Sprintf("reseal %d", i), func(t *testing.T) {
			l, forged := lines(sound), lines(foreign(t, size).export(t)) // another key's
			l[entry(i)] = forged[entry(i)]
			expect(t, join(l), audit.Changed, fmt.Sprintf("entry %d was changed: its seal is not one that the key has signed", i))
		})
		t.Run(fmt.Sprintf("end at %d", i), func(t *testing.T) {
			checkpoint, err := json.Marshal(map[string]string{"checkpoint": string(s.records[i].Seal)})
			if err != nil {
				t.Fatal(err)
			}
			l := append(lines(sound)[:entry(i)+1], append(checkpoint, '\n'))
			expect(t, join(l), audit.Changed, fmt.Sprintf("the checkpoint after entry %d was changed", i))
		})
		t.Run(fmt.Sprintf("keep the checkpoint after %d", i), func(t *testing.T) {
			l := lines(sound)
			expect(t, join(append(l[:entry(i)], l[entry(size)])), audit.CutOff, fmt.Sprintf("entry %d and those after it are missing", i))
		})
		for j := range i {
			t.Run(fmt.Sprintf("swap %d and %d", j, i), func(t *testing.T) {
				l := lines(sound)
				l[entry(i)], l[entry(j)] = l[entry(j)], l[entry(i)]
				expect(t, join(l), audit.Misplaced, fmt.Sprintf("entry %d is out of place: it stands in line %d, and another entry in line %d", j, i+2, j+2))
			})
		}
	}
	t.Run("add a signature", func(t *testing.T) {
		for _, line := range []int{entry(3), size + 1} {
			l := lines(sound)
			l[line] = bytes.Replace(l[line], []byte(`\n"}`), []byte(`\n— someone AAAAAAAA\n"}`), 1)
			expect(t, join(l), audit.Changed, "the note holds more than its signature")
		}
	})
	t.Run("add a line", func(t *testing.T) {
		expect(t, append(slices.Clone(sound), "{}\n"...), audit.Malformed, "something follows the checkpoint")
	})
	t.Run("a line without end", func(t *testing.T) {
		tampered := append(slices.Clone(lines(sound)[0]), bytes.Repeat([]byte{' '}, 2*audit.MaxLeaf)...)
		expect(t, tampered, audit.Malformed, "line 2: the line is longer than any of an export")
	})
	t.Run("respell", func(t *testing.T) {
		for _, spelling := range [][2]string{{`{"entry":`, `{ "entry":`}, {`"seal":`, `"Seal":`}, {"—", `\u2014`}, {`"}`, `","x":1}`}, {"}\n", "}\r\n"}} {
			l := lines(sound)
			l[entry(3)] = bytes.Replace(l[entry(3)], []byte(spelling[0]), []byte(spelling[1]), 1)
			if !bytes.Equal(l[entry(3)], lines(sound)[entry(3)]) {
				mustFault(t, sound, join(l), key)
				continue
			}
			t.Errorf("%q is in no line", spelling[0])
		}
	})
}

// TestEveryByte changes one byte at a time, and cuts the export at every length.
func TestEveryByte(t *testing.T) {
	s := filled(t, 3)
	sound, key := s.export(t), s.log.VerifierKey()
	for i := range sound {
		for _, bit := range []byte{1, 4} { // 4 leaves a base64 digit one, its unused bits alone differ
			tampered := bytes.Clone(sound)
			tampered[i] ^= bit
			mustFault(t, sound, tampered, key)
		}
		if f := mustFault(t, sound, sound[:i], key); f.Kind != audit.CutOff {
			t.Fatalf("cut to %d bytes: %q, want %q: %v", i, f.Kind, audit.CutOff, f)
		}
	}
}

// TestTamperAtWill mixes, mangles and forges lines as it likes.
func TestTamperAtWill(t *testing.T) {
	s, other := filled(t, 12), foreign(t, 12)
	sound, theirs := s.export(t), lines(other.export(t))
	rapid.Check(t, func(rt *rapid.T) {
		l := lines(sound)
		for range rapid.IntRange(1, 4).Draw(rt, "edits") {
			at := rapid.IntRange(0, len(l)-1).Draw(rt, "line")
			from := rapid.IntRange(0, len(l)-1).Draw(rt, "other line")
			switch rapid.SampledFrom([]string{"remove", "copy", "swap", "change", "foreign", "split", "cut"}).Draw(rt, "edit") {
			case "remove":
				l = slices.Delete(l, at, at+1)
			case "copy":
				l = slices.Insert(l, at, l[from])
			case "swap":
				l[at], l[from] = l[from], l[at]
			case "change":
				l[at] = bytes.Clone(l[at])
				l[at][rapid.IntRange(0, len(l[at])-1).Draw(rt, "byte")] = rapid.Byte().Draw(rt, "value")
			case "foreign":
				l[at] = theirs[rapid.IntRange(0, len(theirs)-1).Draw(rt, "foreign line")]
			case "split":
				l = slices.Insert(l, at, []byte("\n"))
			case "cut":
				l = l[:at]
			}
			if len(l) == 0 {
				break
			}
		}
		tampered := join(l)
		if bytes.Equal(tampered, sound) {
			return
		}
		mustFault(rt, sound, tampered, s.log.VerifierKey())
	})
}

// TestOlderCheckpoint finds logs that the holder of the key has rewritten.
func TestOlderCheckpoint(t *testing.T) {
	s := filled(t, 9)
	early := s.checkpoint
	earlier := bytes.Clone(s.export(t))
	if err := s.add(entries(9, 4)); err != nil {
		t.Fatal(err)
	}
	late := s.checkpoint

	forked := &store{log: s.log}
	changed := entries(0, 13)
	changed[6].Actor = "nobody"
	if err := forked.add(changed); err != nil {
		t.Fatal(err)
	}
	empty := &store{log: s.log}

	for name, test := range map[string]struct {
		store *store
		older [][]byte
		kind  audit.FaultKind
		entry int64
		says  string
	}{
		"grown":                  {store: s, older: [][]byte{late, early}},
		"forked":                 {forked, [][]byte{late, early}, audit.Forked, 8, "one of the entries 0 to 8 was changed and signed again"},
		"forked at the end":      {forked, [][]byte{late}, audit.Forked, 12, "its first 13 entries are not those of the older checkpoint"},
		"emptied":                {empty, [][]byte{early}, audit.RolledBack, 0, "it had 9 entries when the older checkpoint was signed"},
		"an older one is enough": {forked, [][]byte{early}, audit.Forked, 8, "the log was forked"},
	} {
		t.Run(name, func(t *testing.T) {
			_, fromStore := audit.VerifyStore(t.Context(), test.store, s.log.VerifierKey(), test.older...)
			_, fromExport := audit.Verify(bytes.NewReader(test.store.export(t)), s.log.VerifierKey(), test.older...)
			for _, err := range []error{fromStore, fromExport} {
				if test.kind == "" {
					if err != nil {
						t.Error(err)
					}
					continue
				}
				f, ok := errors.AsType[*audit.Fault](err)
				if !ok || f.Kind != test.kind || f.Entry != test.entry || !strings.Contains(f.Detail, test.says) {
					t.Errorf("got %v, want %s at entry %d: %s", err, test.kind, test.entry, test.says)
				}
			}
		})
	}
	t.Run("an earlier export in place of the latest", func(t *testing.T) {
		_, err := audit.Verify(bytes.NewReader(earlier), s.log.VerifierKey(), late)
		f, ok := errors.AsType[*audit.Fault](err)
		if !ok || f.Kind != audit.RolledBack || f.Entry != 9 {
			t.Errorf("got %v, want the roll back to 9 entries", err)
		}
	})
	t.Run("a checkpoint of another key", func(t *testing.T) {
		_, err := audit.Verify(bytes.NewReader(earlier), s.log.VerifierKey(), foreign(t, 1).checkpoint)
		if davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("got %v, want it refused as invalid", err)
		}
	})
	t.Run("no key", func(t *testing.T) {
		if _, err := audit.Verify(bytes.NewReader(earlier), "key"); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("got %v, want it refused as invalid", err)
		}
	})
}

func TestVerifyStoreTampered(t *testing.T) {
	for i := range int64(6) {
		for name, tamper := range map[string]func(s *store){
			"leaf":   func(s *store) { s.records[i].Leaf[20] ^= 1 },
			"hashes": func(s *store) { s.records[i].Hashes[0] ^= 1 },
			"seal":   func(s *store) { s.records[i].Seal[2] ^= 1 },
			"remove": func(s *store) { s.records = slices.Delete(s.records, int(i), int(i)+1) },
			"cut":    func(s *store) { s.records = s.records[:i] },
			"renumber": func(s *store) {
				s.records = slices.Delete(s.records, int(i), int(i)+1)
				for n := range s.records {
					s.records[n].Index = int64(n)
				}
			},
			"cut and checkpoint lost": func(s *store) { s.records, s.checkpoint = s.records[:i+1], s.records[i].Seal },
		} {
			t.Run(fmt.Sprintf("%s %d", name, i), func(t *testing.T) {
				s := filled(t, 6)
				tamper(s)
				want := i
				if name == "cut and checkpoint lost" {
					want++
				}
				_, err := audit.VerifyStore(t.Context(), s, s.log.VerifierKey())
				if f, ok := errors.AsType[*audit.Fault](err); !ok || f.Entry != want {
					t.Errorf("got %v, want a fault at entry %d", err, want)
				}
			})
		}
	}
	s := filled(t, 2)
	s.checkpoint = nil
	if _, err := audit.VerifyStore(t.Context(), s, s.log.VerifierKey()); err == nil {
		t.Error("a log without its checkpoint passes")
	}
}

func FuzzVerify(f *testing.F) {
	s := filled(f, 3)
	sound := s.export(f)
	f.Add(sound)
	f.Add(bytes.Replace(sound, []byte("anna"), []byte("otto"), 1))
	for i := range lines(sound) {
		f.Add(join(lines(sound)[:i]))
		f.Add(join(slices.Delete(lines(sound), i, i+1)))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		_, err := audit.Verify(bytes.NewReader(input), s.log.VerifierKey(), s.checkpoint)
		if accepted := err == nil; accepted != bytes.Equal(input, sound) {
			t.Errorf("verifying %q: %v", input, err)
		}
	})
}

func FuzzOlderCheckpoint(f *testing.F) {
	s := filled(f, 3)
	sound := s.export(f)
	f.Add(s.checkpoint)
	f.Add(s.records[1].Seal)
	f.Add(append(bytes.Clone(s.checkpoint), "— someone else AAAAAAAA\n"...))
	f.Fuzz(func(t *testing.T, older []byte) {
		_, err := audit.Verify(bytes.NewReader(sound), s.log.VerifierKey(), older)
		if accepted := err == nil; accepted != bytes.Equal(older, s.checkpoint) {
			t.Errorf("an older checkpoint %q: %v", older, err)
		}
	})
}

func BenchmarkVerify10000(b *testing.B) {
	s := newStore(b, 1)
	if err := s.add(entries(0, 10_000)); err != nil {
		b.Fatal(err)
	}
	sound := s.export(b)
	b.SetBytes(int64(len(sound)))
	for b.Loop() {
		if _, err := audit.Verify(bytes.NewReader(sound), s.log.VerifierKey()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal10000(b *testing.B) {
	s := newStore(b, 1)
	list := entries(0, 10_000)
	for b.Loop() {
		s.records, s.checkpoint = nil, nil
		if err := s.add(list); err != nil {
			b.Fatal(err)
		}
	}
}
