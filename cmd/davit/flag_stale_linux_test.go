package main

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

// TestFlagUsage tells when flags were evaluated, and finds one that was not, over a
// restart.
func TestFlagUsage(t *testing.T) {
	dir := t.TempDir()
	const noted = `{"since":"2020-01-01T00:00:00Z","used":[{"application":"shop","environment":"production","key":"old","at":"2020-02-01T00:00:00Z"}]}`
	if err := os.WriteFile(filepath.Join(dir, usageFile), []byte(noted), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serveFlagsWith(t, func(b *flagBook) { b.openUsage(dir, slog.New(slog.DiscardHandler)) })
	for _, key := range []string{"old", "never", "asked"} {
		if _, err := s.book.Change(t.Context(), davit.FlagEdit{
			Application: "shop", Key: key, Actor: "test", Action: "flag.create",
			Alter: func(davit.Flag) (davit.Flag, error) {
				return davit.Flag{Key: key, Type: davit.FlagBoolean, Kind: davit.FlagOperational, Variants: davit.BooleanVariants()}, nil
			},
		}); err != nil {
			t.Fatal(err)
		}
	}
	_, key, err := s.book.CreateKey(t.Context(), "test", davit.AccessKey{Application: "shop", Environment: "production", Kind: davit.AccessServer, Name: "web"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if resp, text := s.ask(t, http.MethodPost, "/ofrep/v1/evaluate/flags/asked", key, `{}`); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	resp, text := s.ask(t, http.MethodGet, "/v1/flagusage/shop", operatorToken, "")
	if resp.StatusCode != http.StatusOK || !strings.Contains(text, `"since":"2020-01-01T00:00:00Z"`) || !strings.Contains(text, `"old":"2020-02-01T00:00:00Z"`) ||
		!strings.Contains(text, `"asked":"2`) || strings.Contains(text, `"never"`) {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	if resp, _ := s.ask(t, http.MethodGet, "/v1/flagusage/shop", key, ""); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("with an access key: %d", resp.StatusCode)
	}
	t.Setenv("DAVIT_SERVER", s.url)
	t.Setenv("DAVIT_TOKEN", operatorToken)
	if run := runDavit(t, "flag", "stale", "--application", "shop"); run.code != exitOK {
		t.Errorf("flags of today are stale: %+v", run)
	}
	s.book.unheard.Store(true)
	run := runDavit(t, "flag", "stale", "--application", "shop")
	if run.code != exitOK || !strings.Contains(run.stderr, "What edge servers have answered is not known") {
		t.Errorf("while edge servers cannot be heard of: %+v", run)
	}
	if err := s.book.usage.write(); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(dir, usageFile))
	if err != nil || !strings.Contains(string(kept), `"asked"`) || !strings.Contains(string(kept), `"old"`) {
		t.Errorf("%s (%v)", kept, err)
	}
}
