package usage_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit/internal/flag/usage"
)

// TestNotes notes evaluations, over a restart.
func TestNotes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.json")
	start := time.Date(2026, 11, 1, 10, 0, 30, 0, time.UTC)
	n, err := usage.Open(path, start)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() { n.Note("shop", "production", "a", start.Add(time.Duration(i%2)*time.Hour)) })
	}
	all.Wait()
	n.Note("shop", "production", "a", start.Add(2*time.Hour))
	n.Note("shop", "staging", "a", start.Add(time.Hour))
	n.Note("stock", "production", "", start.Add(time.Hour))
	text, err := n.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err = usage.Open(path, start.Add(24*time.Hour)); err != nil || !n.Since().Equal(start) {
		t.Fatalf("noted since %s (%v)", n.Since(), err)
	}
	for flag, want := range map[[2]string]time.Time{
		{"shop", "a"}:  start.Add(2 * time.Hour).Truncate(time.Minute),
		{"shop", "b"}:  {},
		{"stock", "b"}: start.Add(time.Hour).Truncate(time.Minute), // given out with all others
		{"other", "a"}: {},
	} {
		if got := n.Last(flag[0], flag[1]); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", flag, got, want)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := usage.Open(path, start); err == nil {
		t.Error("a damaged file was taken")
	}
}
