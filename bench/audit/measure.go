package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/sqlite"
)

// inDir calls do with dir, or with a new directory that is removed afterwards.
func inDir(dir string, do func(dir string) error) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "davit-bench-audit"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	return do(dir)
}

// bench is a store under measurement.
type bench struct {
	path  string
	log   *audit.Log
	store *sqlite.Store
}

func open(ctx context.Context, dir string) (*bench, error) {
	key, err := audit.LoadOrCreateKey(filepath.Join(dir, "audit.key"), "davit")
	if err != nil {
		return nil, err
	}
	b := &bench{path: filepath.Join(dir, "davit.db"), log: audit.New(key)}
	b.store, err = sqlite.Open(ctx, b.path, sqlite.Options{Audit: b.log})
	return b, err
}

// measure fills a log and prints what was measured, a line at a time.
func measure(ctx context.Context, dir string, entries, batch int) (err error) {
	b, err := open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.store.Close()) }()
	export := filepath.Join(dir, "export.ndjson")
	for _, part := range []struct {
		name string
		do   func() (count int, unit string, err error)
	}{
		{"append, one entry a commit", func() (int, string, error) { return b.single(ctx, 3*time.Second) }},
		{fmt.Sprintf("append, %d entries a commit", batch), func() (int, string, error) { return b.fill(ctx, entries, batch) }},
		{"append, one entry a commit, at size", func() (int, string, error) { return b.single(ctx, 3*time.Second) }},
		{"open", func() (int, string, error) { return b.reopen(ctx) }},
		{"verify in place", func() (int, string, error) { return b.verify(ctx) }},
		{"export", func() (int, string, error) { return b.export(ctx, export) }},
		{"verify the export", func() (int, string, error) { return b.verifyExport(export) }},
		{"tiles and entry bundles", func() (int, string, error) { return b.tiles(ctx) }},
		{"backup", func() (int, string, error) { return b.backup(ctx) }},
	} {
		began := time.Now()
		count, unit, err := part.do()
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		took := time.Since(began)
		fmt.Printf("%-38s %10d %-8s %8.2f s %12.0f/s\n", part.name, count, unit, took.Seconds(), float64(count)/took.Seconds())
	}
	return b.sizes(ctx, export)
}

// single commits as rollouts do: one entry at a time, each on disk before the next.
func (b *bench) single(ctx context.Context, span time.Duration) (count int, unit string, err error) {
	for began := time.Now(); time.Since(began) < span; count++ {
		if err := b.store.Commit(ctx, change(count, 1)); err != nil {
			return 0, "", err
		}
	}
	return count, "entries", nil
}

// fill makes the log as long as it should be.
func (b *bench) fill(ctx context.Context, entries, batch int) (count int, unit string, err error) {
	report, err := b.size(ctx)
	if err != nil {
		return 0, "", err
	}
	for left := entries - int(report); left > 0; left -= batch {
		n := min(batch, left)
		if err := b.store.Commit(ctx, change(count, n)); err != nil {
			return 0, "", err
		}
		count += n
	}
	return count, "entries", nil
}

func (b *bench) verify(ctx context.Context) (int, string, error) {
	report, err := audit.VerifyStore(ctx, b.store, b.log.VerifierKey())
	return int(report.Size), "entries", err
}

func (b *bench) export(ctx context.Context, path string) (count int, unit string, err error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, "", err
	}
	if err := errors.Join(b.log.Export(ctx, b.store, file), file.Close()); err != nil {
		return 0, "", err
	}
	size, err := b.size(ctx)
	return int(size), "entries", err
}

func (b *bench) verifyExport(path string) (int, string, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	report, err := audit.Verify(bufio.NewReader(file), b.log.VerifierKey())
	return int(report.Size), "entries", errors.Join(err, file.Close())
}

// reopen does what a server does that comes back.
func (b *bench) reopen(ctx context.Context) (count int, unit string, err error) {
	if err := b.store.Close(); err != nil {
		return 0, "", err
	}
	if b.store, err = sqlite.Open(ctx, b.path, sqlite.Options{Audit: b.log}); err != nil {
		return 0, "", err
	}
	size, err := b.size(ctx)
	return int(size), "entries", err
}

// tiles reads every full tile of the lowest level, and every full bundle.
func (b *bench) tiles(ctx context.Context) (count int, unit string, err error) {
	size, err := b.size(ctx)
	if err != nil {
		return 0, "", err
	}
	for n := range size / 256 {
		number := fmt.Sprintf("%03d", n)
		if n >= 1000 {
			number = fmt.Sprintf("x%03d/%03d", n/1000, n%1000)
		}
		for _, path := range []string{"tile/0/" + number, "tile/entries/" + number} {
			if _, err := b.log.Tile(ctx, b.store, path); err != nil {
				return 0, "", err
			}
			count++
		}
	}
	return count, "tiles", nil
}

// backup copies the store, to nowhere.
func (b *bench) backup(ctx context.Context) (int, string, error) {
	if err := b.store.Backup(ctx, io.Discard); err != nil {
		return 0, "", err
	}
	info, err := os.Stat(b.path)
	if err != nil {
		return 0, "", err
	}
	return int(info.Size() >> 20), "MiB", nil
}

// size returns the number of entries.
func (b *bench) size(ctx context.Context) (int64, error) {
	checkpoint, err := b.log.Checkpoint(ctx, b.store)
	if err != nil {
		return 0, err
	}
	var origin string
	var size int64
	_, err = fmt.Sscanf(string(checkpoint), "%s\n%d", &origin, &size)
	return size, err
}

// sizes prints what lies on disk.
func (b *bench) sizes(ctx context.Context, export string) error {
	entries, err := b.size(ctx)
	if err != nil {
		return err
	}
	for _, file := range []struct{ name, path string }{
		{"store on disk", b.path}, {"export on disk", export},
	} {
		info, err := os.Stat(file.path)
		if err != nil {
			return err
		}
		fmt.Printf("%-38s %10.1f MiB %10.0f bytes an entry\n", file.name, float64(info.Size())/(1<<20), float64(info.Size())/float64(entries))
	}
	return nil
}
