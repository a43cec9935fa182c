package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/davit-dev/davit/internal/demo"
)

// streamsOfEach is how many WebSockets, and how many event streams, are open
// while servers and proxies change.
const streamsOfEach = 50

// upgrades returns the scene that upgrades server and proxy in the middle of
// rollouts, to another build and back.
func (c *chaos) upgrades(davit string) func(context.Context, int, *row) error {
	return func(ctx context.Context, times int, r *row) (err error) {
		dir, err := os.MkdirTemp("", "davit-chaos-")
		if err != nil {
			return fmt.Errorf("making a folder for another build: %w", err)
		}
		defer os.RemoveAll(dir) //nolint:errcheck // the system's temporary folder
		if davit, err = filepath.Abs(davit); err != nil {
			return fmt.Errorf("finding the davit binary: %w", err)
		}
		builds := []string{davit, filepath.Join(dir, "davit")}
		if err := build(ctx, builds[1]); err != nil {
			return err
		}
		streams, err := c.Open(ctx, streamsOfEach)
		if err != nil {
			return err
		}
		defer streams.Close()
		for r.Times < times {
			want, err := c.next(ctx)
			if err != nil {
				return err
			}
			if err := demo.Pause(ctx, time.Duration(c.random.Int64N(int64(breakSpan)))); err != nil {
				return err
			}
			r.Times++
			if err := c.Upgrade(ctx, builds[r.Times%len(builds)]); err != nil {
				return err
			}
			if err := c.conclude(ctx, want, r); err != nil {
				return err
			}
		}
		streams.Close()
		f := streams.Figures()
		if r.Streams, r.Cut = f.Opened, f.Cut; f.Cut+f.Refused > 0 {
			r.problem("%d streams were cut and %d refused: %v", f.Cut, f.Refused, f.Samples)
		}
		return nil
	}
}

// build builds davit as another version of itself.
func build(ctx context.Context, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w -X main.version=chaos", "-o", to, "./cmd/davit")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building another davit: %w: %s", err, out)
	}
	return nil
}
