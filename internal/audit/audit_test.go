package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

const origin = "shop.example.org/davit"

// store keeps a log in memory.
type store struct {
	log        *audit.Log
	checkpoint []byte
	records    []davit.AuditRecord
}

// newStore returns an empty log. Its key is made from a seed, so that it is the
// same in every process of a fuzzer.
func newStore(t testing.TB, seed byte) *store {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	public, err := note.NewEd25519VerifierKey(origin, private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Split(public, "+")[1]
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...)) // 1 is the algorithm
	path := filepath.Join(t.TempDir(), "audit")
	if err := os.WriteFile(path, []byte("PRIVATE+KEY+"+origin+"+"+hash+"+"+secret), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := audit.LoadOrCreateKey(path, origin)
	if err != nil {
		t.Fatal(err)
	}
	if got := audit.New(key).VerifierKey(); got != public {
		t.Fatalf("the key's public half is %s, want %s", got, public)
	}
	return &store{log: audit.New(key)}
}

// filled returns a store of n entries, committed a few at a time.
func filled(t testing.TB, n int) *store { return fill(t, newStore(t, 1), n) }

// foreign is as filled, with another key.
func foreign(t testing.TB, n int) *store { return fill(t, newStore(t, 2), n) }

func fill(t testing.TB, s *store, n int) *store {
	t.Helper()
	for batch := 1; n > 0; batch = batch%3 + 1 {
		size := min(batch, n)
		if err := s.add(entries(len(s.records), size)); err != nil {
			t.Fatal(err)
		}
		n -= size
	}
	return s
}

func entries(from, n int) []davit.AuditEntry {
	list := make([]davit.AuditEntry, n)
	for i := range list {
		list[i] = davit.AuditEntry{
			At: time.Date(2026, 11, 23, 10, 0, from+i, 0, time.UTC), Actor: "uid 1000 (anna)", Action: "rollout.stage",
			Application: "shop", Environment: "staging", Rollout: fmt.Sprintf("r%d", (from+i)/3), Reason: "<what> & “why”",
		}
	}
	return list
}

func (s *store) add(entries []davit.AuditEntry) error {
	records, checkpoint, err := s.log.Seal(entries, int64(len(s.records)), s.checkpoint, s)
	if err == nil {
		s.records, s.checkpoint = append(s.records, records...), checkpoint
	}
	return err
}

func (s *store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		copy(hashes[i][:], s.records[(n+1)<<level-1].Hashes[level*tlog.HashSize:])
	}
	return hashes, nil
}

func (s *store) AuditCheckpoint(context.Context) ([]byte, error) { return s.checkpoint, nil }

func (s *store) AuditRecords(_ context.Context, from int64, limit int) (page []davit.AuditRecord, err error) {
	for _, r := range s.records {
		if r.Index >= from && len(page) < limit {
			page = append(page, r)
		}
	}
	return page, nil
}

func (s *store) export(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := s.log.Export(t.Context(), s, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestTree compares the hashes and the root with those of an independent store
// of all hashes.
func TestTree(t *testing.T) {
	s := filled(t, 200)
	var all []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, i := range indexes {
			hashes = append(hashes, all[i])
		}
		return hashes, nil
	})
	for n, r := range s.records {
		added, err := tlog.StoredHashes(int64(n), r.Leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		var want []byte
		for _, h := range added {
			want = append(want, h[:]...)
		}
		if !bytes.Equal(r.Hashes, want) {
			t.Fatalf("entry %d: hashes %x, want %x", n, r.Hashes, want)
		}
		all = append(all, added...)
		root, err := tlog.TreeHash(int64(n)+1, reader)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%s entry\n%d\n%s\n", origin, n+1, root); !strings.HasPrefix(string(r.Seal), want+"\n— "+origin+" ") {
			t.Fatalf("entry %d: seal\n%s\nwant it to begin with\n%s", n, r.Seal, want)
		}
	}
	root, err := tlog.TreeHash(200, reader)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%s\n200\n%s\n\n— %s ", origin, root, origin); !strings.HasPrefix(string(s.checkpoint), want) {
		t.Errorf("checkpoint\n%s\nwant it to begin with\n%s", s.checkpoint, want)
	}
}

func TestSealRefuses(t *testing.T) {
	other := foreign(t, 5)
	for name, tamper := range map[string]func(s *store){
		"another key's checkpoint": func(s *store) { s.checkpoint = other.checkpoint },
		"a removed last entry":     func(s *store) { s.records = s.records[:4] },
		"a missing checkpoint":     func(s *store) { s.checkpoint = nil },
		"a changed hash":           func(s *store) { s.records[4].Hashes[0] ^= 1 },
		"a changed checkpoint":     func(s *store) { s.checkpoint[len(origin)+1] ^= 1 },
		"a seal for a checkpoint":  func(s *store) { s.checkpoint = s.records[4].Seal },
	} {
		t.Run(name, func(t *testing.T) {
			s := filled(t, 5)
			tamper(s)
			if err := s.add(entries(5, 1)); davit.ErrorCode(err) != davit.CodeRefused {
				t.Errorf("appending: %v, want it refused", err)
			}
		})
	}
	t.Run("an entry that is too long", func(t *testing.T) {
		s := filled(t, 5)
		long := entries(5, 2)
		long[1].Reason = strings.Repeat("x", audit.MaxLeaf)
		if err := s.add(long); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("appending: %v, want it refused", err)
		}
	})
}

// TestLongestEntry shows that what can be sealed can be verified.
func TestLongestEntry(t *testing.T) {
	s := newStore(t, 1)
	entry := entries(0, 1)
	leaf, err := entry[0].Leaf()
	if err != nil {
		t.Fatal(err)
	}
	entry[0].Actor += strings.Repeat("x", audit.MaxLeaf-len(leaf))
	if err := s.add(entry); err != nil {
		t.Fatal(err)
	}
	if got := len(s.records[0].Leaf); got != audit.MaxLeaf {
		t.Fatalf("the entry has %d bytes, want %d", got, audit.MaxLeaf)
	}
	if _, err := audit.Verify(bytes.NewReader(s.export(t)), s.log.VerifierKey()); err != nil {
		t.Error(err)
	}
}

func TestSound(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 150).Draw(rt, "entries")
		s := filled(t, n)
		report, err := audit.Verify(bytes.NewReader(s.export(t)), s.log.VerifierKey())
		if err != nil {
			rt.Fatal(err)
		}
		live, err := audit.VerifyStore(t.Context(), s, s.log.VerifierKey())
		if err != nil {
			rt.Fatal(err)
		}
		if n == 0 {
			live.Checkpoint = report.Checkpoint // an export has one even when the log is empty
		}
		if live != report || report.Size != int64(n) || report.Origin != origin {
			rt.Errorf("of %d entries the export says %+v and the store %+v", n, report, live)
		}
	})
}
