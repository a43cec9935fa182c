package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/sqlite"
)

// rampAsked returns what davit flag ramp asks the server for.
func rampAsked(t *testing.T, args ...string) davit.FlagRamp {
	t.Helper()
	var ask davit.FlagRamp
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method != http.MethodPost { // it looks whether it understands the server
			_, _ = io.WriteString(w, `{}`)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"rollout": {"id": "asked"}}`)
	}))
	defer server.Close()
	t.Setenv("DAVIT_SERVER", server.URL)
	t.Setenv("DAVIT_TOKEN", operatorToken)
	args = append([]string{"flag", "ramp", "checkout-v2", "--application", "shop", "--steps", "50,100", "--bake", "1m", "--min-requests", "20", "--detach"}, args...)
	var out bytes.Buffer
	if code := run(t.Context(), args, strings.NewReader(""), &out, &out); code != 0 || out.String() != "asked\n" {
		t.Fatalf("davit %s: exit code %d: %s", strings.Join(args, " "), code, out.String())
	}
	return ask
}

// rampRig is the engine with the ramps of a flag, on a store of its own, by the clock
// of a synctest bubble. The flag serves off to everybody.
type rampRig struct {
	dir     string
	metrics http.RoundTripper // that Prometheus is asked through
	failing int64             // of ten outcomes of on

	store  *sqlite.Store
	book   *flagBook
	ramps  *ramps
	engine *engine.Engine
	stop   func()
}

func newRampRig(t *testing.T) *rampRig {
	t.Helper()
	r := &rampRig{dir: t.TempDir()}
	r.start(t)
	for _, edit := range []davit.FlagEdit{
		{Match: 0, Alter: func(davit.Flag) (davit.Flag, error) {
			return davit.Flag{Type: davit.FlagBoolean, Variants: davit.BooleanVariants()}, nil
		}},
		{Match: 1, Alter: func(f davit.Flag) (davit.Flag, error) {
			return f.Instruct(davit.FlagInstruction{Kind: davit.Serve, Environment: "production", Variant: "off"}, davit.FlagInstruction{Kind: davit.TurnOn, Environment: "production"})
		}},
	} {
		edit.Application, edit.Key, edit.Actor, edit.Action = "shop", "checkout-v2", "token anna", "flag.change"
		if _, err := r.book.Change(t.Context(), edit); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// start starts a server on what is stored; stop ends it.
func (r *rampRig) start(t *testing.T) {
	t.Helper()
	key, err := audit.LoadOrCreateKey(filepath.Join(r.dir, auditKeyFile), auditOrigin)
	if err != nil {
		t.Fatal(err)
	}
	if r.store, err = sqlite.Open(t.Context(), filepath.Join(r.dir, storeFile), sqlite.Options{Audit: audit.New(key)}); err != nil {
		t.Fatal(err)
	}
	if r.book, err = openFlagBook(t.Context(), r.store); err != nil {
		t.Fatal(err)
	}
	r.ramps = newRamps(r.book.Book, r.store)
	judges := engine.Judges()
	judges[davit.GateHook], judges[davit.GateAnalysis] = judgeHook(), judgeAnalysis(carrying(func(q *http.Request) (*http.Response, error) { return r.metrics.RoundTrip(q) }))
	r.engine = engine.New(engine.Config{
		Store: r.store, Platform: r.ramps.platform, Judges: judges, Now: time.Now, NewID: newID, Log: slog.New(slog.DiscardHandler),
	})
	r.ramps.engine = r.engine
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.engine.Run(ctx) }()
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := r.store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// ramp begins a ramp, and returns its rollout.
func (r *rampRig) ramp(t *testing.T, ask davit.FlagRamp) *davit.Rollout {
	t.Helper()
	p, err := r.ramps.Start(t.Context(), "shop", "checkout-v2", "token anna", ask)
	if err != nil {
		t.Fatal(err)
	}
	return p.Rollout
}

// until lets time go by while both variants are reported on, for half an hour at most.
func (r *rampRig) until(t *testing.T, id string, when func(*davit.Rollout) bool) *davit.Rollout {
	t.Helper()
	var rollout *davit.Rollout
	for range 30 * 60 {
		synctest.Wait()
		var err error
		if rollout, err = r.store.Rollout(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if when(rollout) {
			return rollout
		}
		err = r.ramps.Report("shop", "checkout-v2", api.FlagOutcomes{Environment: "production", Outcomes: []davit.FlagTally{
			{Variant: "on", Requests: 10, Failures: r.failing}, {Variant: "off", Requests: 10},
		}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
	}
	t.Fatalf("half an hour later the ramp is %s at stage %d: %+v", rollout.Phase, rollout.Stage, rollout.Verdicts)
	return nil
}

// asks reports whether a rollout waits for people.
func asks(r *davit.Rollout) bool {
	return r.Phase == davit.Running && slices.ContainsFunc(r.Plan.Stages[r.Stage].Gates, func(g davit.Gate) bool { return g.Kind == davit.GateApproval })
}

func over(r *davit.Rollout) bool { return r.Phase.Ended() }

// answer answers a stage that waits for people.
func (r *rampRig) answer(t *testing.T, rollout *davit.Rollout, kind engine.CommandKind, actor string) error {
	t.Helper()
	_, err := r.engine.Command(t.Context(), engine.Command{
		Application: "shop", Environment: rollout.Environment, Rollout: rollout.ID, Kind: kind, Stage: &rollout.Stage, Actor: actor, Reason: "looked at it",
	})
	return err
}

// says checks what the flag serves when all is over.
func (r *rampRig) says(t *testing.T, rollout *davit.Rollout, phase davit.Phase, variant string, enabled bool) {
	t.Helper()
	record, err := r.book.Flag("shop", "checkout-v2")
	if err != nil {
		t.Fatal(err)
	}
	s := record.Flag.Environments["production"]
	if rollout.Phase != phase || s.Enabled != enabled || s.Default.Split != nil || s.Default.Variant != variant {
		t.Errorf("the ramp is %s because %q, and the flag says %+v: %s", rollout.Phase, rollout.Cause, s, record.Comment)
	}
}

// Each step waits for the approval of another than who asked; a rejection is no harm.
func TestRampApprove(t *testing.T) {
	ask := rampAsked(t, "--approve")
	for _, verdict := range []engine.CommandKind{engine.CommandApprove, engine.CommandReject} {
		synctest.Test(t, func(t *testing.T) {
			r := newRampRig(t)
			defer func() { r.stop() }()
			id := r.ramp(t, ask).ID
			waits := r.until(t, id, asks)
			r.says(t, waits, davit.Running, "off", true)
			if err := r.answer(t, waits, engine.CommandApprove, "token anna"); davit.ErrorCode(err) != davit.CodeRefused {
				t.Errorf("approved by who asked: %v", err)
			}
			if err := r.answer(t, waits, engine.CommandApprove, "token bo"); err != nil {
				t.Fatal(err)
			}
			second := r.until(t, id, func(now *davit.Rollout) bool { return asks(now) && now.Stage > waits.Stage })
			if err := r.answer(t, second, verdict, "token bo"); err != nil {
				t.Fatal(err)
			}
			end := r.until(t, id, over)
			if verdict == engine.CommandApprove {
				r.says(t, end, davit.Promoted, "on", true)
				return
			}
			r.says(t, end, davit.RolledBack, "off", true)
			if !strings.Contains(end.Cause, "looked at it") {
				t.Errorf("because %q", end.Cause)
			}
		})
	}
}

// A ramp takes the approvals and hooks of davit.yaml, and nothing else of it; a hook
// that fails is evidence of harm.
func TestRampHolds(t *testing.T) {
	for name, c := range map[string]struct {
		exit    int
		phase   davit.Phase
		variant string
		enabled bool
	}{"passes": {0, davit.Promoted, "on", true}, "fails": {3, davit.RolledBack, "off", false}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			yaml := "application: shop\nservices:\n  web:\n    command: [./web]\nenvironments:\n  production:\n    listen: [\"127.0.0.1:8080\"]\n" +
				"    approvals: [{before: start}]\n    hooks:\n      - name: smoke\n        before: promotion\n        run: [\"./smoke\"]\n"
			script := fmt.Sprintf("#!/bin/sh\necho \"$DAVIT_VERSION after $DAVIT_STABLE_VERSION in $DAVIT_ENVIRONMENT\" >told\nexit %d\n", c.exit)
			for file, text := range map[string]string{defaultFile: yaml, "smoke": script} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o700); err != nil { //nolint:gosec // it is run
					t.Fatal(err)
				}
			}
			ask := rampAsked(t, "--holds", "--file", filepath.Join(dir, defaultFile))
			synctest.Test(t, func(t *testing.T) {
				r := newRampRig(t)
				defer func() { r.stop() }()
				id := r.ramp(t, ask).ID
				if err := r.answer(t, r.until(t, id, asks), engine.CommandApprove, "token bo"); err != nil {
					t.Fatal(err)
				}
				r.says(t, r.until(t, id, over), c.phase, c.variant, c.enabled)
			})
			told, err := os.ReadFile(filepath.Join(dir, "told"))
			if err != nil || string(told) != "on after off in production:checkout-v2\n" {
				t.Errorf("the hook was told %q, %v", told, err)
			}
		})
	}
}

// A variant that is slow more often than the other does harm, though none fails.
func TestRampLatency(t *testing.T) {
	ask := rampAsked(t, "--latency", "300ms", "--prometheus", "http://prometheus.example", "--requests", "requests {{version}}", "--errors", "errors {{version}}", "--slow", "slow {{version}}")
	for name, c := range map[string]struct {
		slow    float64 // of a hundred requests of on; one of off's
		phase   davit.Phase
		variant string
		enabled bool
	}{"passes": {1, davit.Promoted, "on", true}, "fails": {20, davit.RolledBack, "off", false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRampRig(t)
				defer func() { r.stop() }()
				began := time.Now()
				r.metrics = carrying(func(q *http.Request) (*http.Response, error) {
					count := 20 * time.Since(began).Seconds()
					switch what, variant, _ := strings.Cut(q.URL.Query().Get("query"), " "); {
					case what == "errors":
						count = 0
					case what == "slow" && variant == "on":
						count *= c.slow / 100
					case what == "slow":
						count /= 100
					}
					text := fmt.Sprintf(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"%.0f"]}]}}`, count)
					return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}, nil
				})
				end := r.until(t, r.ramp(t, ask).ID, over)
				r.says(t, end, c.phase, c.variant, c.enabled)
				if slow := strings.Contains(end.Cause, "slower than 300ms"); slow != (c.phase == davit.RolledBack) {
					t.Errorf("because %q", end.Cause)
				}
			})
		})
	}
}
