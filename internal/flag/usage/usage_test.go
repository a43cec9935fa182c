package usage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit/internal/flag/usage"
)

// BenchmarkOf looks up all flags of an application, each in two environments: ten times
// as many take ten times as long.
func BenchmarkOf(b *testing.B) {
	start := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	for _, flags := range []int{1000, 10_000} {
		n, keys := usage.New(start), make([]string, flags)
		for i := range keys {
			keys[i] = fmt.Sprint("flag-", i)
			n.Note("shop", "production", keys[i], start)
			n.Note("shop", "staging", keys[i], start)
		}
		b.Run(fmt.Sprint(flags), func(b *testing.B) {
			for b.Loop() {
				used := n.Of("shop")
				for _, key := range keys {
					if used.Last(key, false).IsZero() {
						b.Fatal(key)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*flags), "ns/flag")
		})
	}
}

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
	n.Note("shop", "staging", "a", start) // told late
	n.Note("stock", "production", usage.All, start.Add(time.Hour))
	n.Note("shop", "production", usage.ClientSide, start.Add(3*time.Hour))
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
		{"shop", "a"}:    start.Add(2 * time.Hour).Truncate(time.Minute),
		{"shop", "b"}:    {},
		{"shop", "page"}: start.Add(3 * time.Hour).Truncate(time.Minute), // client keys see it
		{"stock", "b"}:   start.Add(time.Hour).Truncate(time.Minute),     // given out with all others
		{"other", "a"}:   {},
	} {
		if got := n.Of(flag[0]).Last(flag[1], flag[1] == "page"); !got.Equal(want) {
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
