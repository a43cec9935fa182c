package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

func TestDeployFromNothing(t *testing.T) {
	s := newSite(t, "{blueGreen: {}}")
	first := runDavit(t, "deploy", "staging", "v1")
	if first.code != exitOK || !strings.Contains(first.stderr, "started a server") || !strings.Contains(first.stdout, "v1 is promoted after") {
		t.Fatalf("exit code %d\n%s%s", first.code, first.stdout, first.stderr)
	}
	if got := s.get(t); got != "v1" {
		t.Errorf("%s is served", got)
	}
	second := runDavit(t, "deploy", "staging", "v2", "--output", "json")
	if second.code != exitOK || strings.Contains(second.stderr, "started a server") {
		t.Fatalf("exit code %d\n%s%s", second.code, second.stdout, second.stderr)
	}
	lines := strings.Split(strings.TrimSpace(second.stdout), "\n")
	var last jsonLine
	for _, line := range lines {
		last = jsonLine{}
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if last.Rollout == nil || last.Rollout.Phase != davit.Watching {
		t.Errorf("the last line is %s", lines[len(lines)-1])
	}
	if got := s.get(t); got != "v2" {
		t.Errorf("%s is served", got)
	}
	if out := mustRun(t, "status", "staging"); !strings.Contains(out, "serves   v2") || !strings.Contains(out, "traffic  v2 100%") {
		t.Errorf("status:\n%s", out)
	}
	if out := mustRun(t, "rollback", "staging", "--reason", "bad feeling"); !strings.Contains(out, "v2 was hauled back") {
		t.Errorf("rollback:\n%s", out)
	}
	if got := s.get(t); got != "v1" {
		t.Errorf("%s is served after the rollback", got)
	}
	if out := mustRun(t, "history", "staging"); !strings.Contains(out, "rolled back") || strings.Count(out, "\n") != 3 {
		t.Errorf("history:\n%s", out)
	}
	if out := mustRun(t, "logs", "staging", "--release", "v2"); !strings.Contains(out, "listening as v2") || strings.Contains(out, "v1") {
		t.Errorf("logs:\n%s", out)
	}
	if out := mustRun(t, "audit", "list"); !strings.Contains(out, "bad feeling") {
		t.Errorf("audit:\n%s", out)
	}
	for _, test := range []struct {
		args string
		code int
		says string
	}{
		{"abort staging --reason x", exitRefused, "no rollout to abort"},
		{"deploy nowhere v1", exitUsage, `no environment "nowhere"`},
		{"status nowhere -a shop", exitUsage, "nothing was ever deployed"},
		{"rollback staging", exitUsage, "reason"},
		{"serve", exitRefused, "another"},
	} {
		if r := runDavit(t, strings.Fields(test.args)...); r.code != test.code || !strings.Contains(r.stderr, test.says) {
			t.Errorf("davit %s: exit code %d, %s", test.args, r.code, r.stderr)
		}
	}
}

func TestInterruptDetaches(t *testing.T) {
	s := newSite(t, "{canary: {steps: [50, 100], bake: 2m}}")
	mustRun(t, "deploy", "staging", "v1")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	stdout, ended := newWaiter("reached after"), make(chan int, 1)
	var stderr bytes.Buffer
	go func() { ended <- run(ctx, []string{"deploy", "staging", "v2"}, nil, stdout, &stderr) }()
	stdout.wait(t, ended)
	interrupt()
	if code := <-ended; code != exitDetached || !strings.Contains(stderr.String(), "davit abort staging") {
		t.Fatalf("exit code %d, %s", code, &stderr)
	}
	if out := mustRun(t, "status", "staging"); !strings.Contains(out, "v2 is running") {
		t.Errorf("after the interrupt:\n%s", out)
	}
	if r := runDavit(t, "deploy", "staging", "v3"); r.code != exitRefused || !strings.Contains(r.stderr, "has a rollout already") {
		t.Errorf("a second deployment: exit code %d, %s", r.code, r.stderr)
	}
	queued := strings.TrimSpace(mustRun(t, "deploy", "staging", "v3", "--queue", "--detach"))
	if queued == "" || strings.ContainsAny(queued, " \n") {
		t.Errorf("--detach printed %q", queued)
	}
	if out := mustRun(t, "abort", "staging", "--rollout", strings.TrimSpace(mustRun(t, "deploy", "staging", "v4", "--queue", "--detach")), "--reason", "x"); !strings.Contains(out, "v4 is aborted") {
		t.Errorf("abort of a queued rollout: %s", out)
	}
	for _, command := range []string{"pause", "resume", "promote"} {
		mustRun(t, command, "staging", "--reason", "a test")
	}
	watching, watched := newWaiter("deploy to v2 began"), make(chan int, 1)
	go func() { watched <- run(t.Context(), []string{"status", "staging", "--watch"}, nil, watching, &stderr) }()
	watching.wait(t, watched)
	mustRun(t, "abort", "staging", "--reason", "a test")
	if code := <-watched; code != exitOK {
		t.Errorf("status --watch: exit code %d\n%s", code, watching)
	}
	next, followed := newWaiter("deploy to v3 began"), make(chan int, 1)
	go func() { followed <- run(t.Context(), []string{"status", "staging", "--watch"}, nil, next, &stderr) }()
	next.wait(t, followed) // it was waiting for the abort
	mustRun(t, "abort", "staging", "--reason", "a test")
	if code := <-followed; code != exitOK {
		t.Errorf("status --watch: exit code %d\n%s", code, next)
	}
	if got := s.get(t); got != "v1" {
		t.Errorf("%s is served after the aborts", got)
	}
}

func TestServerStopsAndLeavesTheRest(t *testing.T) {
	s := newSite(t, "{blueGreen: {}}")
	serve := func() (stop context.CancelFunc, ended <-chan int, log *waiter) {
		ctx, cancel := context.WithCancel(t.Context())
		log = newWaiter(`"serving"`)
		done := make(chan int, 1)
		go func() { done <- run(ctx, []string{"serve"}, nil, log, log) }()
		log.wait(t, done)
		return cancel, done, log
	}
	stop, ended, log := serve()
	defer stop()
	mustRun(t, "deploy", "staging", "v1")
	before := mustRun(t, "status", "staging", "-o", "json")
	stop()
	if code := <-ended; code != exitOK {
		t.Fatalf("serve: exit code %d\n%s", code, log)
	}
	if got := s.get(t); got != "v1" {
		t.Errorf("%s is served without a server", got)
	}
	if r := runDavit(t, "status"); r.code != exitUnavailable || !strings.Contains(r.stderr, "no server answers") {
		t.Errorf("status without a server: exit code %d, %s", r.code, r.stderr)
	}
	stop, ended, _ = serve()
	defer func() { stop(); <-ended }()
	after := mustRun(t, "status", "staging", "-o", "json")
	if a, b := instanceIDs(t, before), instanceIDs(t, after); a != b || a == "" {
		t.Errorf("instances %s before and %s after", a, b)
	}
	mustRun(t, "down", "staging", "--reason", "end of the test")
}

func instanceIDs(t *testing.T, status string) string {
	t.Helper()
	var s struct{ Instances []davit.Instance }
	if err := json.Unmarshal([]byte(status), &s); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, i := range s.Instances {
		ids = append(ids, i.ID)
	}
	return strings.Join(ids, " ")
}
