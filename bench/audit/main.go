// Audit measures the audit log at size: how fast it grows, how long it takes to
// verify, to export and to back up, and how much disk an entry costs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	entries := flag.Int("entries", 1_000_000, "size of the log")
	batch := flag.Int("batch", 1000, "entries a commit while the log is filled")
	dir := flag.String("dir", "", "directory for the store (default a new one, removed at the end)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := inDir(*dir, func(dir string) error { return measure(ctx, dir, *entries, *batch) })
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/audit:", err)
		os.Exit(1)
	}
}
