package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/flag/usage"
	"github.com/davit-dev/davit/internal/redis"
)

// usesEvery is how often edge servers tell which flags and access keys were used, and
// the server listens.
const usesEvery = time.Minute

// hearUses takes in what was used on edge servers, until ctx ends.
func (b *flagBook) hearUses(ctx context.Context, r *redis.Redis, log *slog.Logger) error {
	ticker := time.NewTicker(usesEvery)
	defer ticker.Stop()
	heard := time.Time{} // all that there is
	for {
		now := time.Now()
		uses, err := r.Uses(ctx, heard.Add(-24*time.Hour), now) // edge servers may tell late
		if ctx.Err() != nil {
			return nil
		}
		if was := b.unheard.Swap(err != nil); err != nil && !was {
			log.WarnContext(ctx, "cannot tell which flags were used on edge servers", "error", err)
		}
		if err == nil {
			heard = now
			b.takeUses(uses)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (b *flagBook) takeUses(uses []redis.Use) {
	for _, u := range uses {
		if u.Key {
			b.KeyUsed(book.KeyUse{Application: u.Application, Environment: u.Environment, ID: u.Name, At: u.At})
		} else if b.usage != nil {
			b.usage.Note(u.Application, u.Environment, u.Name, u.At)
		}
	}
}

// edgeUses tells the server what is used on an edge server.
type edgeUses struct {
	copy  *edgeCopy
	notes *usage.Notes
	redis *redis.Redis
	log   *slog.Logger
	told  map[redis.Use]bool // without those that were used again since
}

// run tells now and then, until ctx ends, and then once more.
func (e *edgeUses) run(ctx context.Context) error {
	ticker := time.NewTicker(usesEvery)
	defer ticker.Stop()
	failing := false
	for ended := false; !ended; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			ended = true
		}
		err := e.tell(context.WithoutCancel(ctx))
		if err != nil && !failing {
			e.log.WarnContext(ctx, "cannot tell which flags were used; tried until it can be done", "error", err)
		}
		failing = err != nil
	}
	return nil
}

// tell tells what was used since it was told last.
func (e *edgeUses) tell(ctx context.Context) error {
	all, news := map[redis.Use]bool{}, []redis.Use(nil)
	add := func(u redis.Use) {
		if all[u] = true; !e.told[u] {
			news = append(news, u)
		}
	}
	for flag, at := range e.notes.All() {
		add(redis.Use{Application: flag.Application, Environment: flag.Environment, Name: flag.Key, At: at})
	}
	for _, k := range e.copy.KeyUses() {
		add(redis.Use{Application: k.Application, Environment: k.Environment, Key: true, Name: k.ID, At: k.At})
	}
	if len(news) == 0 {
		return nil
	}
	if err := e.redis.Report(ctx, news); err != nil {
		return err
	}
	e.told = all
	return nil
}
