package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/user"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/client"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/server"
)

var update = flag.Bool("update", false, "write the API's description anew")

func TestOpenAPIIsCommitted(t *testing.T) {
	const path = "../../docs/reference/openapi.yaml"
	got, err := server.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil { //nolint:gosec // documentation
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is stale: go test ./internal/server -run OpenAPI -update\n%s", path, diff)
	}
}

// start serves a fake on a socket and returns a client.
func start(t *testing.T, configure func(*server.Config)) (*fake, *client.Client) {
	t.Helper()
	f, path := newFake(), socket(t)
	serve(t, f, configure, listenUnix(t, path))
	return f, dial(t, "unix:"+path, "")
}

func dial(t *testing.T, address, token string) *client.Client {
	t.Helper()
	c, err := client.New(address, token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// me is how the server names the user that the test runs as.
func me(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return "uid " + u.Uid + " (" + u.Username + ")"
}

func deployment() api.Deployment {
	return api.Deployment{
		Platform: "process", Version: "v2", Reason: "why", Queue: true,
		Config: davit.ReleaseConfig{Services: map[string]davit.Service{"web": {
			Name: "web", Command: []string{"web"}, Traffic: true, Replicas: 2,
			Files:     []davit.File{{Path: "a", Content: []byte{0, 255}}},
			Readiness: &davit.Probe{HTTP: &davit.HTTPProbe{Path: "/"}, Period: davit.Duration(5e9)},
		}}, Routes: []davit.Route{{Prefix: "/", Service: "web"}}},
		Policy: davit.Policy{
			Strategy: davit.Strategy{Kind: davit.KindCanary, Canary: davit.CanaryOptions{Steps: []davit.CanaryStep{{Weight: 1000}}}},
			Gates:    []davit.Gate{davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.01, MinRequests: 1})},
		},
	}
}

func TestCallsReachTheEngine(t *testing.T) {
	third := 3
	d := deployment()
	d.OverrideFreeze = true
	want := engine.DeployRequest{
		Application: "shop", Environment: "staging", Platform: d.Platform, Version: d.Version, Config: d.Config,
		Policy: d.Policy, Actor: me(t), Reason: d.Reason, Queue: true, OverrideFreeze: true,
	}
	for _, test := range []struct {
		name string
		call func(context.Context, *client.Client) error
		want any
	}{
		{"plan", func(ctx context.Context, c *client.Client) error {
			p, err := c.Plan(ctx, "shop", "staging", d)
			if err == nil && len(p.Notes) != 1 {
				t.Errorf("notes: %q", p.Notes)
			}
			return err
		}, want},
		{"deploy", func(ctx context.Context, c *client.Client) error {
			_, err := c.Deploy(ctx, "shop", "staging", d)
			return err
		}, want},
		{"rollback", func(ctx context.Context, c *client.Client) error {
			_, err := c.Rollback(ctx, "shop", "staging", api.Rollback{To: "v1", Force: true, Reason: "bad"})
			return err
		}, engine.RollbackRequest{Application: "shop", Environment: "staging", To: "v1", Force: true, Actor: me(t), Reason: "bad"}},
		{"down", func(ctx context.Context, c *client.Client) error {
			_, err := c.Down(ctx, "shop", "staging", api.Down{Reason: "over"})
			return err
		}, engine.DownRequest{Application: "shop", Environment: "staging", Actor: me(t), Reason: "over"}},
		{"abort", func(ctx context.Context, c *client.Client) error {
			_, err := c.Command(ctx, "shop", "staging", api.Command{Kind: "abort", Rollout: "r7", Force: true, Reason: "no"})
			return err
		}, engine.Command{Application: "shop", Environment: "staging", Rollout: "r7", Kind: engine.CommandAbort, Force: true, Actor: me(t), Reason: "no"}},
		{"approve", func(ctx context.Context, c *client.Client) error {
			_, err := c.Command(ctx, "shop", "staging", api.Command{Kind: "approve", Rollout: "r7", Stage: &third})
			return err
		}, engine.Command{Application: "shop", Environment: "staging", Rollout: "r7", Kind: engine.CommandApprove, Stage: &third, Actor: me(t)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, c := start(t, nil)
			if err := test.call(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]any{test.want}, f.asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReads(t *testing.T) {
	_, c := start(t, nil)
	ctx := t.Context()
	if v, err := c.Version(ctx); err != nil || v.Version != "test" {
		t.Errorf("version: %v, %v", v, err)
	}
	if list, err := c.Environments(ctx); err != nil || len(list) != 1 || list[0].Name != "staging" {
		t.Errorf("environments: %v, %v", list, err)
	}
	if s, err := c.Status(ctx, "shop", "staging"); err != nil || s.Split["v1-a"] != davit.Whole {
		t.Errorf("status: %v, %v", s, err)
	}
	if r, err := c.Rollout(ctx, "r1"); err != nil || r.Plan.Target != "v2-b" {
		t.Errorf("rollout: %v, %v", r, err)
	}
	if list, err := c.History(ctx, "shop", "staging", 5); err != nil || len(list) != 1 {
		t.Errorf("history: %v, %v", list, err)
	}
	if list, err := c.Audit(ctx, davit.AuditFilter{Application: "shop", From: 7, Limit: 3}); err != nil || len(list) != 1 || list[0].Index != 7 || list[0].Application != "shop" {
		t.Errorf("audit: %v, %v", list, err)
	}
	if text, err := c.AuditCheckpoint(ctx); err != nil || string(text) != "checkpoint\n" {
		t.Errorf("checkpoint: %q, %v", text, err)
	}
	var export bytes.Buffer
	if err := c.AuditExport(ctx, &export); err != nil || export.String() != "the log" {
		t.Errorf("export: %q, %v", &export, err)
	}
}

func TestErrorsCrossTheWire(t *testing.T) {
	f, c := start(t, nil)
	for _, code := range []davit.Code{
		davit.CodeInvalid, davit.CodeNotFound, davit.CodeConflict, davit.CodeRefused,
		davit.CodeUnsupported, davit.CodeUnavailable, davit.CodeInternal,
	} {
		f.err = &davit.Error{Code: code, Message: "what happened", Hint: "what to do", Err: io.ErrUnexpectedEOF}
		_, err := c.Status(t.Context(), "shop", "staging")
		want := &davit.Error{Code: code, Message: "what happened: unexpected EOF", Hint: "what to do"}
		if diff := cmp.Diff(error(want), err); diff != "" {
			t.Errorf("%s: %s", code, diff)
		}
	}
	f.err = io.ErrNoProgress // not meant for people
	_, err := c.Status(t.Context(), "shop", "staging")
	if davit.ErrorCode(err) != davit.CodeInternal || strings.Contains(err.Error(), f.err.Error()) {
		t.Errorf("an internal error is told as %v", err)
	}
}

func TestExportThatFailsIsNotTakenForWhole(t *testing.T) {
	_, c := start(t, func(config *server.Config) {
		config.Export = func(_ context.Context, w io.Writer) error {
			_, _ = io.WriteString(w, "half")
			return io.ErrClosedPipe
		}
	})
	if err := c.AuditExport(t.Context(), io.Discard); davit.ErrorCode(err) != davit.CodeUnavailable {
		t.Errorf("error %v, want one of %s", err, davit.CodeUnavailable)
	}
}

func TestRequestsAreValidated(t *testing.T) {
	path := socket(t)
	f := newFake()
	serve(t, f, nil, listenUnix(t, path))
	h := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	deploy, err := json.Marshal(deployment())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"no such path", "GET", "/v2", "", 404, "there is no /v2"},
		{"name", "GET", "/v1/environments/Shop_1/staging", "", 422, "path.application"},
		{"unknown field", "POST", "/v1/environments/shop/staging/down", `{"reason":"x","force":true}`, 422, "body.force"},
		{"line end in a name", "GET", "/v1/environments/shop/staging:a%0Ab", "", 422, "path.environment"},
		{"deployment to a flag", "POST", "/v1/environments/shop/staging:..%2F..%2Fetc/rollouts", string(deploy), 501, "a flag is ramped"},
		{"logs of a flag", "GET", "/v1/environments/shop/staging:..%2F..%2Fetc/logs", "", 501, "a flag is ramped"},
		{"command", "POST", "/v1/environments/shop/staging/command", `{"kind":"explode"}`, 422, "body.kind"},
		{"no reason", "POST", "/v1/environments/shop/staging/rollback", `{"reason":""}`, 422, "body.reason"},
		{"no JSON", "POST", "/v1/environments/shop/staging/down", `{`, 400, "the request is wrong"},
		{"too large", "POST", "/v1/environments/shop/staging/down", `{"reason":"` + strings.Repeat("x", api.MaxBodyBytes) + `"}`, 413, "the request is wrong"},
		{"limit", "GET", "/v1/environments/shop/staging/rollouts?limit=0", "", 422, "query.limit"},
		{"unknown parameter", "GET", "/v1/environments?all=1", "", 422, "query.all"},
		{"event ID", "GET", "/v1/rollouts/r1/events?after=-1", "", 422, "query.after"},
		{"no such rollout", "GET", "/v1/rollouts/r2/events", "", 404, "there is no rollout r2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), test.method, "http://davit"+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if test.body != "" {
				req.Header.Set("Content-Type", "application/json")
			}
			resp, err := h.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != test.status || !strings.Contains(string(text), test.says) ||
				resp.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(string(text), `"code":`) {
				t.Errorf("%s %s: %s", resp.Status, resp.Header.Get("Content-Type"), text)
			}
		})
	}
	if len(f.asked) > 0 {
		t.Errorf("the engine was asked: %v", f.asked)
	}
}

func TestMetrics(t *testing.T) {
	path := socket(t)
	serve(t, newFake(), nil, listenUnix(t, path))
	h := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	if _, err := dial(t, "unix:"+path, "").Rollout(t.Context(), "r1"); err != nil {
		t.Fatal(err)
	}
	resp, err := h.Get("http://davit/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`davit_api_requests_total{route="GET /v1/rollouts/{id}",status="200"} 1`, "go_goroutines", "more_metrics 1", `davit_build_info{version="test"} 1`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

func TestLogs(t *testing.T) {
	_, c := start(t, nil)
	for line, err := range c.Logs(t.Context(), api.LogQuery{Application: "shop", Environment: "staging", Service: "api", Tail: -1}) {
		if err != nil || line.Service != "api" || line.Text != "hello" {
			t.Errorf("%v, %v", line, err)
		}
	}
	_, c = start(t, func(config *server.Config) {
		config.Logs = func(context.Context, api.LogQuery, func(api.LogLine) error) error {
			return &davit.Error{Code: davit.CodeNotFound, Message: "no logs"}
		}
	})
	var last error
	for _, err := range c.Logs(t.Context(), api.LogQuery{Application: "shop", Environment: "staging"}) {
		last = err
	}
	if davit.ErrorCode(last) != davit.CodeNotFound {
		t.Errorf("a stream that fails ends with %v", last)
	}
}
