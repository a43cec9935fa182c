package server_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/server"
)

// fake is an engine and its store that do what a test tells them: one rollout,
// a journal that grows, and answers that are errors.
type fake struct {
	mu        sync.Mutex
	err       error // of every call of the engine
	rollout   davit.Rollout
	events    []davit.Event
	status    engine.Status
	asked     []any
	listeners map[chan struct{}]bool
}

func newFake() *fake {
	return &fake{
		listeners: map[chan struct{}]bool{},
		rollout: davit.Rollout{
			ID: "r1", Application: "shop", Environment: "staging", Kind: davit.KindDeploy, Phase: davit.Running,
			Plan: davit.Plan{Target: "v2-b", Stable: "v1-a", Stages: []davit.Stage{{Name: "all", State: davit.State{
				Run: map[davit.ReleaseID]davit.Size{"v2-b": {"web": 2}}, Split: davit.All("v2-b"),
			}}}},
		},
		status: engine.Status{Split: davit.All("v1-a")},
	}
}

// change changes the fake and wakes all who watch.
func (f *fake) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	for c := range f.listeners {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// happen adds events to the journal.
func (f *fake) happen(n int) {
	f.change(func() {
		for range n {
			seq := int64(len(f.events) + 1)
			f.events = append(f.events, davit.Event{Seq: seq, Rollout: "r1", Kind: davit.EventHeld, Message: fmt.Sprint("event ", seq)})
		}
	})
}

func (f *fake) ask(what any) (*davit.Rollout, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, what)
	r := f.rollout
	return &r, f.err
}

func (f *fake) Propose(_ context.Context, r engine.DeployRequest) (*engine.Proposal, error) {
	rollout, err := f.ask(r)
	return &engine.Proposal{Rollout: rollout, Notes: []string{"only a plan"}}, err
}

func (f *fake) Deploy(_ context.Context, r engine.DeployRequest) (*engine.Proposal, error) {
	rollout, err := f.ask(r)
	return &engine.Proposal{Rollout: rollout}, err
}

func (f *fake) Rollback(_ context.Context, r engine.RollbackRequest) (*davit.Rollout, error) {
	return f.ask(r)
}

func (f *fake) Down(_ context.Context, r engine.DownRequest) (*davit.Rollout, error) { return f.ask(r) }

func (f *fake) Command(_ context.Context, c engine.Command) (*davit.Rollout, error) { return f.ask(c) }

func (f *fake) Status(_ context.Context, application, environment string) (*engine.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.Environment = davit.Environment{Application: application, Name: environment}
	return &s, f.err
}

func (f *fake) Watch(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	f.mu.Lock()
	f.listeners[c] = true
	f.mu.Unlock()
	context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.listeners, c)
		close(c)
	})
	return c
}

func (f *fake) Environments(context.Context) ([]*davit.Environment, error) {
	return []*davit.Environment{{Application: "shop", Name: "staging"}}, nil
}

func (f *fake) Rollout(_ context.Context, id string) (*davit.Rollout, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if id != f.rollout.ID {
		return nil, &davit.Error{Code: davit.CodeNotFound, Message: "there is no rollout " + id}
	}
	r := f.rollout
	return &r, nil
}

func (f *fake) Rollouts(context.Context, string, string, int) ([]*davit.Rollout, error) {
	return []*davit.Rollout{&f.rollout}, nil
}

func (f *fake) Events(_ context.Context, _ string, after int64, limit int) ([]davit.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from := min(int(after), len(f.events))
	return f.events[from:min(from+limit, len(f.events))], nil
}

func (f *fake) Audit(_ context.Context, filter davit.AuditFilter) ([]davit.AuditEntry, error) {
	return []davit.AuditEntry{{Index: filter.From, Actor: "davit", Application: filter.Application, Before: json.RawMessage(`{"a":1}`)}}, nil
}

func (f *fake) AuditCheckpoint(context.Context) ([]byte, error) { return []byte("checkpoint\n"), nil }

// quiet returns the configuration of a server whose log nobody reads.
func quiet(t testing.TB, f *fake) server.Config {
	t.Helper()
	return server.Config{
		Engine: f, Store: f, Version: "test", Log: slog.New(slog.DiscardHandler),
		Logs: func(_ context.Context, q api.LogQuery, each func(api.LogLine) error) error {
			return each(api.LogLine{Service: cmp.Or(q.Service, "web"), Text: "hello"})
		},
		Export: func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "the log"); return err },
		Metrics: func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, "more_metrics 1\n")
			return err
		},
	}
}

// serve serves a fake on listeners until the test ends.
func serve(t testing.TB, f *fake, configure func(*server.Config), listeners ...server.Listener) {
	t.Helper()
	config := quiet(t, f)
	if configure != nil {
		configure(&config)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.New(config).Serve(ctx, 10*time.Second, listeners...) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// socket returns a path that is short enough for a socket.
func socket(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "davit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "davit.sock")
}

func listenUnix(t testing.TB, path string) server.Listener {
	t.Helper()
	l, err := server.ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
