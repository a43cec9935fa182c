package audit_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"golang.org/x/mod/sumdb/tlog"
)

var _ audit.TileSource = (*store)(nil)

func (s *store) AuditHashes(_ context.Context, indexes []int64) ([]tlog.Hash, error) {
	return s.ReadHashes(indexes)
}

// TestLargeState seals an entry whose states are too long for one: by their digests.
func TestLargeState(t *testing.T) {
	s := newStore(t, 1)
	entry := entries(0, 1)
	entry[0].Before = json.RawMessage(`"` + strings.Repeat("x", audit.MaxLeaf) + `"`)
	entry[0].After = json.RawMessage(`"small"`)
	if err := s.add(entry); err != nil {
		t.Fatal(err)
	}
	var sealed davit.AuditEntry
	if err := json.Unmarshal(s.records[0].Leaf, &sealed); err != nil {
		t.Fatal(err)
	}
	for name, part := range map[string][2]json.RawMessage{"before": {entry[0].Before, sealed.Before}, "after": {entry[0].After, sealed.After}} {
		want := fmt.Sprintf(`{"sha256":"%x","bytes":%d}`, sha256.Sum256(part[0]), len(part[0]))
		if string(part[1]) != want {
			t.Errorf("%s is %s, want %s", name, part[1], want)
		}
	}
	bundle, err := s.log.Tile(t.Context(), s, "tile/entries/000.p/1")
	if err != nil || string(bundle[2:]) != string(s.records[0].Leaf) || int(bundle[0])<<8+int(bundle[1]) != len(bundle)-2 {
		t.Errorf("the bundle is %.80q (%v)", bundle, err)
	}
}

// FuzzTile looks for a path that panics, or that is none and gets an answer.
func FuzzTile(f *testing.F) {
	for _, path := range []string{"checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/entries/000", "tile/1/x001/067.p/3", "tile/7/x999/999.p/1", "tile/-1/000"} {
		f.Add(path)
	}
	s := filled(f, 300)
	known := map[string]int{"checkpoint": -1, "tile/0/000": 256 * 32, "tile/1/000.p/1": 32, "tile/entries/000": -1}
	for w := 1; w <= 44; w++ {
		known[fmt.Sprintf("tile/0/001.p/%d", w)], known[fmt.Sprintf("tile/entries/001.p/%d", w)] = 32*w, -1
	}
	for w := 1; w < 256; w++ {
		known[fmt.Sprintf("tile/0/000.p/%d", w)], known[fmt.Sprintf("tile/entries/000.p/%d", w)] = 32*w, -1
	}
	f.Fuzz(func(t *testing.T, path string) {
		data, err := s.log.Tile(t.Context(), s, path)
		size, ok := known[path]
		switch {
		case ok && (err != nil || len(data) == 0 || size > 0 && len(data) != size):
			t.Errorf("%q: %d bytes (%v), want %d", path, len(data), err, size)
		case !ok && davit.ErrorCode(err) != davit.CodeNotFound:
			t.Errorf("%q: %d bytes (%v), want it not found", path, len(data), err)
		}
	})
}
