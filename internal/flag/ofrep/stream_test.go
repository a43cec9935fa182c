package ofrep_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/flag/ofrep"
)

// streamed is a client that notes what a stream brings.
type streamed struct {
	*httptest.ResponseRecorder
	mu sync.Mutex
}

func (s *streamed) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ResponseRecorder.Write(p)
}

func (s *streamed) SetWriteDeadline(time.Time) error { return nil }

// take returns what came since it was asked last.
func (s *streamed) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.Body.String()
	s.Body.Reset()
	return text
}

// stream asks for a stream, and returns what it brings and a channel that is closed
// at its end.
func stream(ctx context.Context, h http.Handler, path, key string) (*streamed, <-chan struct{}) {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Accept", "text/event-stream")
	s, done := &streamed{ResponseRecorder: httptest.NewRecorder()}, make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(s, r)
	}()
	return s, done
}

const edgeKey = "davit_server_TEST"

func digestOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// edge returns a copy of flags, as an edge server has it, with one key.
func edge(t *testing.T, tolerance time.Duration, expires time.Time) *book.Copy {
	t.Helper()
	c := book.NewCopy(time.Now, tolerance)
	takes(t, c, 1, expires)
	return c
}

func takes(t *testing.T, c *book.Copy, number int64, expires time.Time) {
	t.Helper()
	key := davit.AccessKey{ID: "k", Application: "shop", Environment: "production", Kind: davit.AccessServer, Digest: digestOf(edgeKey), ExpiresAt: expires}
	_, err := c.Take(davit.FlagEdition{Number: number, Keys: []davit.AccessKey{key}, Snapshot: davit.FlagSnapshot{
		Application: "shop", Environment: "production", Revision: number, ChangedAt: time.Now(),
	}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
}

// TestStale tells a program once that nobody knows whether its flags are the newest,
// and once that they are, when that is known again and nothing has changed.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := edge(t, 16*time.Second, time.Time{})
		ctx, cancel := context.WithCancel(t.Context())
		s, done := stream(ctx, ofrep.New(c), ofrep.SnapshotPath, edgeKey)
		synctest.Wait()
		if got := s.take(); !strings.Contains(got, "event: snapshot\n") || strings.Contains(got, "event: stale") {
			t.Errorf("at first: %s", got)
		}
		time.Sleep(31 * time.Second)
		if got := s.take(); !strings.Contains(got, "event: stale\n") {
			t.Errorf("when Redis is away: %s", got)
		}
		time.Sleep(15 * time.Second)
		if got := s.take(); got != ":\n\n" {
			t.Errorf("while it is away: %q", got)
		}
		c.Confirm("shop", "production", time.Now())
		time.Sleep(15 * time.Second)
		if got := s.take(); !strings.Contains(got, "event: current\n") {
			t.Errorf("when it is back: %q", got)
		}
		cancel()
		<-done
	})
}
