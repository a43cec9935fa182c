package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

// begin deploys a version in the background, and returns when the output says
// the text. Its exit code comes by the channel.
func begin(t *testing.T, version, text string) (*waiter, <-chan int) {
	t.Helper()
	out, ended := newWaiter(text), make(chan int, 1)
	go func() { ended <- run(context.Background(), []string{"deploy", "staging", version}, nil, out, out) }()
	out.wait(t, ended)
	return out, ended
}

// exit waits for the exit code.
func exit(t *testing.T, ended <-chan int, want int, out *waiter) {
	t.Helper()
	select {
	case code := <-ended:
		if code != want {
			t.Fatalf("exit code %d, want %d\n%s", code, want, out)
		}
	case <-time.After(patience):
		t.Fatalf("did not end:\n%s", out)
	}
}

func TestApproveAndReject(t *testing.T) {
	newSite(t, "{blueGreen: {}}\n    approvals: [{before: traffic, author: true}, {before: promotion}]")
	plan := mustRun(t, "plan", "staging", "v1")
	for _, text := range []string{"approval before open", "approved by anybody within 24h0m0s", "approved by anybody but its author", "Waits for people for 48h0m0s more"} {
		if !strings.Contains(plan, text) {
			t.Errorf("the plan does not say %q:\n%s", text, plan)
		}
	}
	out, ended := begin(t, "v1", "davit approve staging --rollout")
	if status := mustRun(t, "status", "staging"); !strings.Contains(status, "waiting  approval before open: waits for approval until") {
		t.Errorf("status:\n%s", status)
	}
	if r := runDavit(t, "approve"); r.code != exitUsage {
		t.Errorf("approve of nothing: exit code %d, %s", r.code, r.stderr)
	}
	if r := runDavit(t, "approve", "staging", "--rollout", "another"); r.code != exitRefused {
		t.Errorf("approve of another: exit code %d, %s", r.code, r.stderr)
	}
	if said := mustRun(t, "approve", "staging", "--reason", "tried it"); !strings.Contains(said, "deploy of v1 is approved by you: approval before open") {
		t.Errorf("approve: %s", said)
	}
	if r := runDavit(t, "reject", "staging"); r.code != exitUsage {
		t.Errorf("reject without a reason: exit code %d, %s", r.code, r.stderr)
	}
	for deadline := time.Now().Add(patience); ; {
		r := runDavit(t, "approve", "staging")
		if r.code == exitRefused && strings.Contains(r.stderr, "another has to approve") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the author's approval: exit code %d, %s", r.code, r.stderr)
		}
	}
	mustRun(t, "reject", "staging", "--reason", "wrong day", "--output", "json")
	exit(t, ended, exitHauledBack, out)
	if !strings.Contains(out.String(), "wrong day") {
		t.Errorf("who deployed is not told why:\n%s", out)
	}
	for _, text := range []string{"tried it", "wrong day", "rollout.approve", "rollout.reject"} {
		if log := mustRun(t, "audit", "list"); !strings.Contains(log, text) {
			t.Errorf("the audit log does not say %q:\n%s", text, log)
		}
	}
}
