package ofrep_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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

// TestHeartbeat breaks the silence of both streams.
func TestHeartbeat(t *testing.T) {
	for _, path := range []string{ofrep.EventsPath, ofrep.SnapshotPath} {
		synctest.Test(t, func(t *testing.T) {
			c := edge(t, time.Hour, time.Time{})
			ctx, cancel := context.WithCancel(t.Context())
			s, done := stream(ctx, ofrep.New(c), path, edgeKey)
			time.Sleep(14 * time.Second)
			s.take()
			for range 3 {
				time.Sleep(15 * time.Second)
				if got := s.take(); got != ":\n\n" {
					t.Errorf("%s: 15 s later: %q", path, got)
				}
			}
			cancel()
			<-done
		})
	}
}

// TestKeyExpires ends both streams when their key expires, by itself or because it
// was rotated, and not before; nothing is told afterwards.
func TestKeyExpires(t *testing.T) {
	for _, path := range []string{ofrep.EventsPath, ofrep.SnapshotPath} {
		for _, rotated := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				end := time.Now().Add(40 * time.Second)
				first := end
				if rotated {
					first = time.Time{}
				}
				c := edge(t, time.Hour, first)
				s, done := stream(t.Context(), ofrep.New(c), path, edgeKey)
				synctest.Wait()
				takes(t, c, 2, end) // with rotation, the old key is valid for an overlap
				time.Sleep(39 * time.Second)
				if got := s.take(); !strings.Contains(got, "2") {
					t.Errorf("%s: a change while the key is valid: %q", path, got)
				}
				select {
				case <-done:
					t.Errorf("%s, rotated %t: it ended before its key did", path, rotated)
				default:
				}
				time.Sleep(time.Second)
				takes(t, c, 3, end)
				<-done
				if got := s.take(); got != "" {
					t.Errorf("%s, rotated %t: told after the key's end: %q", path, rotated, got)
				}
			})
		}
	}
}

// TestKeyExpiresInSilence ends a stream whose key has expired though nothing changes.
func TestKeyExpiresInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		_, done := stream(t.Context(), ofrep.New(edge(t, time.Hour, begun.Add(40*time.Second))), ofrep.EventsPath, edgeKey)
		<-done
		if took := time.Since(begun); took < 40*time.Second || took > 55*time.Second {
			t.Errorf("ended after %s", took)
		}
	})
}

// TestTooManyStreams refuses one more than there may be, until another ends.
func TestTooManyStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := ofrep.New(edge(t, time.Hour, time.Time{}))
		h.MaxStreams = 2
		first, cancel := context.WithCancel(t.Context())
		_, firstDone := stream(first, h, ofrep.EventsPath, edgeKey)
		second, cancelSecond := context.WithCancel(t.Context())
		_, secondDone := stream(second, h, ofrep.SnapshotPath, edgeKey)
		synctest.Wait()
		for _, path := range []string{ofrep.EventsPath, ofrep.SnapshotPath} {
			s, done := stream(t.Context(), h, path, edgeKey)
			<-done
			if s.Code != http.StatusServiceUnavailable || s.Header().Get("Retry-After") == "" || !strings.Contains(s.take(), "too many streams") {
				t.Errorf("%s: %d %v", path, s.Code, s.Header())
			}
		}
		cancel()
		<-firstDone
		third, cancelThird := context.WithCancel(t.Context())
		s, thirdDone := stream(third, h, ofrep.EventsPath, edgeKey)
		synctest.Wait()
		if got := s.take(); !strings.HasPrefix(got, "retry: ") {
			t.Errorf("after one ended: %q", got)
		}
		cancelSecond()
		cancelThird()
		<-secondDone
		<-thirdDone
	})
}

// TestUnchangedIsNotEvaluated answers 304 by the tag alone.
func TestUnchangedIsNotEvaluated(t *testing.T) {
	w := newWorld(t)
	w.set(t, "a", env(davit.TurnOn))
	server := w.texts[davit.AccessServer]
	resp, _ := w.ask(t, http.MethodPost, flags, server, "{}")
	for range 3 {
		if again, text := w.ask(t, http.MethodPost, flags, server, "{}", "If-None-Match", resp.Header.Get("ETag")); again.StatusCode != http.StatusNotModified || text != "" {
			t.Errorf("%d %s", again.StatusCode, text)
		}
	}
	told := map[string]float64{}
	registry := prometheus.NewRegistry()
	registry.MustRegister(w.handler)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families[0].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == "request" {
				told[l.GetValue()] += m.GetCounter().GetValue()
			}
		}
	}
	if told["bulk"] != 1 || told["unchanged"] != 3 {
		t.Errorf("evaluations: %v", told)
	}
}

// TestTooLargeUnannounced refuses a body that is too large and does not say so before.
func TestTooLargeUnannounced(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{flags + "/a", flags} {
		body := io.MultiReader(strings.NewReader(`{"context":{"x":"`), strings.NewReader(strings.Repeat("x", ofrep.MaxBodyBytes)), strings.NewReader(`"}}`))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		if req.ContentLength > 0 {
			t.Fatal("its length is said")
		}
		req.Header.Set("Authorization", "Bearer "+w.texts[davit.AccessServer])
		resp, err := w.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
		_ = resp.Body.Close()
	}
}
