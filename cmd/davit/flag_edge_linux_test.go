package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/redis"
)

// edgePassword is the password of the Redis of tests.
const edgePassword = "an-open-secret"

// startRedis starts a real Redis on an address, empty, and returns what ends it.
func startRedis(t *testing.T, address string) (end func()) {
	t.Helper()
	if out, err := exec.Command("../../scripts/need", "redis-server=redis-server").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	process := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir(), "--requirepass", edgePassword)
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if !ended {
			ended = true
			_ = process.Process.Kill() // it may have ended
			_ = process.Wait()         // it was killed
		}
	}
	t.Cleanup(end)
	return end
}

// startEdge starts an edge server, and returns its output and what ends it.
func startEdge(t *testing.T, o edgeOptions) (log *waiter, end func()) {
	t.Helper()
	log = newWaiter("serving flags")
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() {
		if err := newApp(nil, log, log).edge(ctx, o); err != nil {
			t.Error(err)
		}
		code <- 0
		close(code)
	}()
	end = func() { cancel(); <-code }
	t.Cleanup(end)
	log.wait(t, code)
	return log, end
}

// until asks for a flag until the answer is as wanted.
func until(t *testing.T, edge *flagServer, key string, status int, want string) string {
	t.Helper()
	deadline, tick := time.Now().Add(time.Minute), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for {
		resp, text := edge.ask(t, http.MethodPost, "/ofrep/v1/evaluate/flags/checkout-v2", key, `{"context":{"targetingKey":"anna"}}`)
		if resp.StatusCode == status && strings.Contains(text, want) {
			return text
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d %s, want %d %s", resp.StatusCode, text, status, want)
		}
		<-tick.C
	}
}

func (s *flagServer) turn(t *testing.T, kind davit.FlagInstructionKind) {
	t.Helper()
	_, err := s.book.Change(t.Context(), davit.FlagEdit{
		Application: "shop", Key: "checkout-v2", Actor: "test", Action: "flag.change", Match: davit.AnyFlagRevision,
		Alter: func(f davit.Flag) (davit.Flag, error) {
			return f.Instruct(davit.FlagInstruction{Kind: kind, Environment: "production"})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// edgeWorld is a server with a flag that is on, and the Redis that it hands that over by.
type edgeWorld struct {
	*flagServer
	made     davit.AccessKey // reads the flag
	key      string          // its text
	edge     edgeOptions     // to start edge servers with
	log      *waiter         // what the server says of handing over
	endRedis func()
}

func newEdgeWorld(t *testing.T) *edgeWorld {
	t.Helper()
	s := serveFlagsWith(t, func(b *flagBook) { b.openUsage(t.TempDir(), slog.New(slog.DiscardHandler)) })
	if _, err := s.book.Change(t.Context(), davit.FlagEdit{
		Application: "shop", Key: "checkout-v2", Actor: "test", Action: "flag.create",
		Alter: func(davit.Flag) (davit.Flag, error) {
			return davit.Flag{Key: "checkout-v2", Type: davit.FlagBoolean, Variants: davit.BooleanVariants(), Metadata: map[string]any{"team": "web"}}.Instruct(
				davit.FlagInstruction{Kind: davit.TurnOn, Environment: "production"})
		},
	}); err != nil {
		t.Fatal(err)
	}
	made, key, err := s.book.CreateKey(t.Context(), "test", davit.AccessKey{Application: "shop", Environment: "production", Kind: davit.AccessServer, Name: "web"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	place := freeAddress(t)
	o := edgeOptions{
		redis: redisOptions{address: "redis://:" + edgePassword + "@" + place, prefix: redis.Prefix, every: 50 * time.Millisecond},
		dir:   t.TempDir(), level: "info", listen: freeAddress(t),
	}
	endRedis := startRedis(t, place)
	ctx, cancel := context.WithCancel(context.Background())
	published := make(chan error, 1)
	log := newWaiter("cannot hand flags over")
	logger, err := newLog(log, "debug")
	if err != nil {
		t.Fatal(err)
	}
	go func() { published <- s.book.publish(ctx, o.redis, logger) }()
	t.Cleanup(func() {
		cancel()
		if err := <-published; err != nil {
			t.Error(err)
		}
	})
	return &edgeWorld{s, made, key, o, log, endRedis}
}

// TestFlagEdge reads flags from an edge server: with Redis, while Redis is away, and
// from the last good file.
func TestFlagEdge(t *testing.T) {
	s := newEdgeWorld(t)
	key, o := s.key, s.edge
	said, end := startEdge(t, o)
	edge := &flagServer{url: "http://" + o.listen}
	until(t, edge, key, 200, `"value":true,"metadata":{"team":"web"}}`)
	until(t, edge, "davit_server_nobody", 401, "")
	for path, status := range map[string]int{"/healthz": 200, "/metrics": 401, "/v1/flags/shop": 401, "/v1/version": 401} {
		if resp, text := edge.ask(t, http.MethodGet, path, "", ""); resp.StatusCode != status {
			t.Errorf("%s: %d %s", path, resp.StatusCode, text)
		}
	}
	if resp, text := edge.ask(t, http.MethodGet, "/v1/flags/shop", key, ""); resp.StatusCode != 401 {
		t.Errorf("the API on the edge: %d %s", resp.StatusCode, text)
	}
	s.turn(t, davit.TurnOff)
	until(t, edge, key, 200, `"value":false,"metadata":{"team":"web"}}`)

	s.endRedis()
	s.turn(t, davit.TurnOn) // goes on, and is handed over later
	until(t, edge, key, 200, `"value":false,"metadata":{"stale":true,"age":`)
	if _, text := edge.ask(t, http.MethodPost, "/ofrep/v1/evaluate/flags", key, `{}`); !strings.Contains(text, `"stale":true,"age":`) {
		t.Errorf("all flags: %s", text)
	}
	end()
	again, end := startEdge(t, o)
	until(t, edge, key, 200, `"value":false,"metadata":{"stale":true,"age":`)
	until(t, edge, "davit_server_nobody", 503, "keys cannot be heard of")
	until(t, edge, "", 401, "no access key")
	startRedis(t, strings.TrimPrefix(o.redis.address, "redis://:"+edgePassword+"@"))
	until(t, edge, key, 200, `"value":true,"metadata":{"team":"web"}}`)
	until(t, edge, "davit_server_nobody", 401, "")

	end() // and it tells what was used
	r, err := o.redis.open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	uses, err := r.Uses(t.Context(), time.Now(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.book.takeUses(uses)
	last := s.book.Keys("shop")[0].LastUsedAt
	if used := s.book.usage.Of("shop").Last("checkout-v2", false); used.IsZero() || last.IsZero() {
		t.Errorf("the flag was used at %s and the key at %s, by %+v", used, last, uses)
	}
	startEdge(t, o)
	if _, err := s.book.RevokeKey(t.Context(), "test", "shop", s.made.ID, ""); err != nil {
		t.Fatal(err)
	}
	until(t, edge, key, 401, "")
	for _, w := range []*waiter{said, again, s.log} {
		if text := w.String(); text == "" || strings.Contains(text, edgePassword) || strings.Contains(text, key) {
			t.Errorf("said: %s", text)
		}
	}
	kept, err := os.ReadFile(filepath.Join(o.dir, "shop@production"+editionSuffix))
	if err != nil || strings.Contains(string(kept), key) {
		t.Errorf("%s (%v)", kept, err)
	}
}

// TestFlagEdgeColdStart starts edge servers beside a Redis that answers, is away or
// hangs, with a file of the last flags that is good, damaged or missing.
func TestFlagEdgeColdStart(t *testing.T) {
	s := newEdgeWorld(t)
	key, o := s.key, s.edge
	_, end := startEdge(t, o)
	edge := &flagServer{url: "http://" + o.listen}
	until(t, edge, key, 200, `"value":true`)
	end()
	kept, err := os.ReadFile(filepath.Join(o.dir, "shop@production"+editionSuffix))
	if err != nil {
		t.Fatal(err)
	}
	s.turn(t, davit.TurnOff)
	hanging, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and answers none
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	here, away, hangs := o.redis.address, "redis://"+freeAddress(t), "redis://"+hanging.Addr().String()
	damaged := append([]byte("{"), kept...)
	const fresh, stale = `"value":false,"metadata":{"team":"web"}}`, `"value":true,"metadata":{"stale":true,"age":`
	for name, c := range map[string]struct {
		redis  string
		file   []byte
		status int
		want   string
	}{
		"Redis comes before the file": {here, kept, 200, fresh},
		"no file":                     {here, nil, 200, fresh},
		"a damaged file":              {here, damaged, 200, fresh},
		"away":                        {away, kept, 200, stale},
		"away, no file":               {away, nil, 503, "keys cannot be heard of"},
		"away, a damaged file":        {away, damaged, 503, "keys cannot be heard of"},
		"hangs":                       {hangs, kept, 200, stale},
		"hangs, no file":              {hangs, nil, 503, "keys cannot be heard of"},
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			o.redis.address, o.dir, o.listen = c.redis, t.TempDir(), freeAddress(t)
			if c.file != nil {
				if err := os.WriteFile(filepath.Join(o.dir, "shop@production"+editionSuffix), c.file, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, end := startEdge(t, o)
			defer end()
			until(t, &flagServer{url: "http://" + o.listen}, key, c.status, c.want)
		})
	}
}
