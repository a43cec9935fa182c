package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"
)

func BenchmarkCommit(b *testing.B) {
	s := mustOpen(b, b.TempDir())
	revision := int64(0)
	for b.Loop() {
		revision++
		mustCommit(b, s, step(revision))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

func BenchmarkOpen10000(b *testing.B) {
	dir := b.TempDir()
	s, err := openIn(b.Context(), dir)
	if err != nil {
		b.Fatal(err)
	}
	change := step(1)
	for len(change.Audit) < 10_000 {
		change.Audit, change.Events = append(change.Audit, change.Audit[0]), append(change.Events, change.Events[0])
	}
	mustCommit(b, s, change)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := openIn(b.Context(), dir)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "davit.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
}
