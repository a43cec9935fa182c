package main

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/flag/usage"
)

// usageFile is where a server keeps when flags were evaluated. It is a help for
// people, and not part of the store.
const usageFile = "flag-usage.json"

// usageEvery is how often that is written.
const usageEvery = 5 * time.Minute

// usageNotes are notes with the file that they are kept in.
type usageNotes struct {
	*usage.Notes
	path string
}

// openUsage reads when flags were evaluated. Without what was noted, it is noted
// anew.
func (b *flagBook) openUsage(dir string, log *slog.Logger) {
	path := filepath.Join(dir, usageFile)
	notes, err := usage.Open(path, time.Now())
	if err != nil {
		log.Warn("beginning anew to note when flags are evaluated", "error", err)
		notes = usage.New(time.Now())
	}
	b.usage = &usageNotes{notes, path}
}

// noteUsage writes now and then when flags were evaluated, until ctx ends.
func (b *flagBook) noteUsage(ctx context.Context, log *slog.Logger) error {
	ticker := time.NewTicker(usageEvery)
	defer ticker.Stop()
	for {
		ended := false
		select {
		case <-ticker.C:
		case <-ctx.Done():
			ended = true
		}
		if err := b.usage.write(); err != nil {
			log.WarnContext(ctx, "noting when flags were evaluated", "error", err)
		}
		if ended {
			return nil
		}
	}
}

func (u *usageNotes) write() error {
	text, err := u.Encode()
	if err != nil {
		return err
	}
	return writeWhole(u.path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// usageOf tells when the flags of an application were last evaluated.
func (b *flagBook) usageOf(application string) api.FlagUsage {
	u := api.FlagUsage{Since: b.usage.Since(), Flags: map[string]time.Time{}, Partial: b.unheard.Load()}
	used := b.usage.Of(application)
	for after := ""; ; {
		page := b.Flags(application, after, flagPage)
		for _, r := range page {
			after = r.Flag.Key
			if last := used.Last(r.Flag.Key, r.Flag.ClientSide); !last.IsZero() {
				u.Flags[r.Flag.Key] = last
			}
		}
		if len(page) < flagPage {
			return u
		}
	}
}
