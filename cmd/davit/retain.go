package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/sqlite"
)

// minRetain keeps a slip of the pen from removing the journals of yesterday.
const minRetain = 24 * time.Hour

// pruneInterval is how often the server looks for journals that are old.
const pruneInterval = time.Hour

// checkRetain refuses what cannot be meant. 0 keeps everything.
func checkRetain(retain time.Duration) error {
	if retain == 0 || retain >= minRetain {
		return nil
	}
	return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("cannot keep journals for %s only", retain),
		Hint: "give --retain 24h or more, or 0 to keep everything"}
}

// keepFor prunes the journals of rollouts that ended longer ago than retain, until
// ctx ends. What cannot be pruned now is tried again: no rollout depends on it.
func keepFor(ctx context.Context, store *sqlite.Store, retain time.Duration, log *slog.Logger) error {
	if retain == 0 {
		return nil
	}
	ticker := time.NewTicker(pruneInterval)
	defer ticker.Stop()
	for {
		now := time.Now().UTC()
		events, err := store.Prune(ctx, now.Add(-retain), davit.AuditEntry{
			At: now, Actor: "davit", Action: "journal.prune", Reason: "older than " + retain.String(),
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			log.WarnContext(ctx, "cannot prune old journals", "error", err)
		case events > 0:
			log.InfoContext(ctx, "pruned old journals", "events", events)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
