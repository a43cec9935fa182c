package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
)

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[A-Za-z0-9._:@/-]+)?$`)

// FuzzRequest looks for a request that the server answers with a failure of its
// own, or with an error that is no problem in JSON, or that asks the engine for
// what nobody may ask for.
func FuzzRequest(f *testing.F) {
	deploy, err := json.Marshal(deployment())
	if err != nil {
		f.Fatal(err)
	}
	const environment = "/v1/environments/shop/staging"
	for _, seed := range []struct{ method, target, body string }{
		{"GET", "/v1/version", ""},
		{"GET", "/v1/environments", ""},
		{"GET", environment, ""},
		{"GET", environment + "/rollouts?limit=3", ""},
		{"GET", environment + "/logs?tail=1&service=web&since=1s", ""},
		{"GET", "/v1/rollouts/r1/events?after=1", ""},
		{"GET", "/v1/audit?application=shop&from=0&limit=9", ""},
		{"GET", "/v1/audit/export", ""},
		{"GET", "/v1/../..//v1/%2e%2e/rollouts/%00", ""},
		{"POST", environment + "/plan", string(deploy)},
		{"POST", environment + "/deploy", string(deploy)},
		{"POST", environment + ":a%2F..%2Fb/rollouts", string(deploy)},
		{"GET", environment + ":a%2F..%2Fb/logs", ""},
		{"POST", environment + "/rollback", `{"to":"v1","reason":"slow"}`},
		{"POST", environment + "/down", `{"reason":"moved"}`},
		{"POST", environment + "/command", `{"kind":"promote","rollout":"r1","reason":"looks good"}`},
		{"POST", environment + "/command", strings.Repeat(`[`, 20_000)},
		{"POST", environment + "/command", `{"kind":"abort","kind":"promote","Kind":"pause"}`},
	} {
		f.Add(seed.method, seed.target, seed.body)
	}
	path, engineFake := socket(f), newFake()
	serve(f, engineFake, nil, listenUnix(f, path))
	f.Fuzz(func(t *testing.T, method, target, body string) {
		status, kind, text := request(t, path, method, target, body)
		switch {
		case status == 0: // it was not answered, or is no HTTP
		case status >= http.StatusInternalServerError && status != http.StatusNotImplemented:
			t.Errorf("%s %q: %d %s", method, target, status, text)
		case status >= http.StatusBadRequest && kind == "application/problem+json":
			var p api.Problem
			if err := json.Unmarshal([]byte(text), &p); err != nil || p.Code == "" || p.Status != status {
				t.Errorf("%s %q: %d %s (%v)", method, target, status, text, err)
			}
		}
		engineFake.mu.Lock()
		defer engineFake.mu.Unlock()
		for _, asked := range engineFake.asked {
			application, environment, actor := askedFor(asked)
			if !validName.MatchString(application) || !validName.MatchString(environment) || !strings.HasPrefix(actor, "uid ") {
				t.Errorf("%s %q %q asked the engine for %+v", method, target, body, asked)
			}
		}
		engineFake.asked = nil
	})
}

// askedFor returns what a request to the engine names, and who asks.
func askedFor(asked any) (application, environment, actor string) {
	switch r := asked.(type) {
	case engine.DeployRequest:
		return r.Application, r.Environment, r.Actor
	case engine.RollbackRequest:
		return r.Application, r.Environment, r.Actor
	case engine.DownRequest:
		return r.Application, r.Environment, r.Actor
	case engine.Command:
		return r.Application, r.Environment, r.Actor
	}
	return "", "", ""
}

// request sends a request as it is, and returns the answer; its text only when it
// is an error, since others may go on for ever. The status is 0 when none came.
func request(t *testing.T, path, method, target, body string) (status int, kind, text string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// The server may answer and close before it has read all.
	_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: davit\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		method, target, len(body), body)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, "", ""
	}
	if res.StatusCode >= http.StatusBadRequest {
		all, _ := io.ReadAll(res.Body) // cut short, it is no problem in JSON
		text = string(all)
	}
	return res.StatusCode, res.Header.Get("Content-Type"), text
}
