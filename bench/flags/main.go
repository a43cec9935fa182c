// The command flags measures how changes of feature flags spread: from the server
// through a real Redis to another, and to listeners of its stream of events.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/sqlite"
)

const (
	application = "shop"
	environment = "production"
)

func main() {
	flags := flag.Int("flags", 1000, "in the environment")
	changes := flag.Int("changes", 100, "of flags")
	listeners := flag.Int("listeners", 1000, "of events")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx, *flags, *changes, *listeners); err != nil {
		fmt.Fprintln(os.Stderr, "flags:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, flags, changes, listeners int) (err error) {
	dir, err := os.MkdirTemp("", "davit-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	signer, err := audit.LoadOrCreateKey(filepath.Join(dir, "audit.key"), "bench")
	if err != nil {
		return err
	}
	store, err := sqlite.Open(ctx, filepath.Join(dir, "davit.db"), sqlite.Options{Audit: audit.New(signer)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	b, err := book.Open(ctx, store, time.Now)
	if err != nil {
		return err
	}
	for i := range flags {
		if err := change(ctx, b, fmt.Sprintf("flag-%d", i), 50); err != nil {
			return err
		}
	}
	if err := spread(ctx, b, dir, changes); err != nil {
		return fmt.Errorf("through Redis: %w", err)
	}
	if err := listen(ctx, b, listeners, changes); err != nil {
		return fmt.Errorf("to listeners: %w", err)
	}
	return nil
}

// change makes a flag, or changes its percentage.
func change(ctx context.Context, b *book.Book, key string, percent float64) error {
	e := davit.FlagEdit{Application: application, Key: key, Actor: "bench", Action: "flag.change", Alter: func(f davit.Flag) (davit.Flag, error) {
		if f.Key == "" {
			f = davit.Flag{Key: key, Type: davit.FlagBoolean, Description: "a flag as people write them, with rules and a split", Variants: davit.BooleanVariants()}
		}
		f.Environments = map[string]davit.FlagSettings{environment: {Enabled: true, Rules: rules(), Default: davit.FlagServe{
			Split: &davit.FlagSplit{Shares: []davit.FlagShare{{Variant: "on", Weight: int(percent * 1000)}, {Variant: "off", Weight: 100_000 - int(percent*1000)}}},
		}}}
		return f, nil
	}}
	if _, err := b.Flag(application, key); err == nil {
		e.Match = davit.AnyFlagRevision
	}
	_, err := b.Change(ctx, e)
	return err
}

// rules returns five rules.
func rules() []davit.FlagRule {
	var all []davit.FlagRule
	for _, plan := range []string{"free", "team", "pro", "school", "press"} {
		all = append(all, davit.FlagRule{ID: plan, Serve: davit.FlagServe{Variant: "on"}, When: &davit.FlagCondition{
			Attribute: "plan", Op: "equals", Values: []any{plan},
		}})
	}
	return all
}
