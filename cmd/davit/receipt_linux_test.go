package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/receipt"
)

// receiptOfLast waits for the receipt of the newest rollout, and returns both.
func receiptOfLast(t *testing.T) (rollout string, statement receipt.Statement) {
	t.Helper()
	rollout = lastRollout(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		r := runDavit(t, "receipt", "show", rollout, "--output", "json")
		if r.code == exitOK {
			if err := json.Unmarshal([]byte(r.stdout), &statement); err != nil {
				t.Fatal(err)
			}
			return rollout, statement
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("rollout %s gets no receipt: %s", rollout, r.stderr)
		}
	}
}

// TestReceipt makes receipts of a rollout that is hauled back and of what came
// before, and verifies them as a user does, without the server at last.
func TestReceipt(t *testing.T) {
	s := newSite(t, "{blueGreen: {bake: 1s}}")
	mustRun(t, "deploy", "staging", "v1")
	if out := mustRun(t, "deploy", "staging", "v2"); !strings.Contains(out, "\nmeasured: ") || strings.Contains(out, "receipt") {
		t.Errorf("deploy:\n%s", out)
	}
	if r := runDavit(t, "receipt", "show", lastRollout(t)); r.code != exitRefused || !strings.Contains(r.stderr, "when it has ended") {
		t.Errorf("the receipt of a rollout that goes on: exit code %d, %s", r.code, r.stderr)
	}
	if out := mustRun(t, "rollback", "staging", "--reason", "bad feeling"); !strings.Contains(out, "receipt:  davit receipt show ") {
		t.Errorf("rollback:\n%s", out)
	}
	rollout, statement := receiptOfLast(t)
	p := statement.Predicate
	if p.Outcome != davit.RolledBack || !strings.Contains(p.Reason, "bad feeling") || len(p.Commands) == 0 || !p.Stages[len(p.Stages)-1].Back {
		t.Errorf("the receipt says %+v", p)
	}
	if w := p.Witness; w == nil || w.Probes < 20 || !w.Complete || w.Holes != 0 || w.Failed != 0 {
		t.Errorf("the witness says %+v, want 20 probes or more and none failed", w)
	}
	if p.Samples == nil {
		t.Error("nothing was sampled")
	}
	if out := mustRun(t, "receipt", "show", rollout); !strings.Contains(out, "deploy to v2 of shop/staging: rolled back") || !strings.Contains(out, "bad feeling") {
		t.Errorf("show:\n%s", out)
	}
	file := filepath.Join(t.TempDir(), "receipt.json")
	mustRun(t, "receipt", "export", rollout, file)
	key := filepath.Join(s.state, "audit.key.pub")
	for _, args := range [][]string{{rollout}, {"staging"}, {file}, {file, "--key", key}} {
		if out := mustRun(t, append([]string{"receipt", "verify"}, args...)...); !strings.Contains(out, "is sound: rollout "+rollout) {
			t.Errorf("verify %s:\n%s", args, out)
		}
	}
	if out := mustRun(t, "report", "staging", "-o", "report.html"); !strings.Contains(out, "report.html: The receipt is sound") {
		t.Errorf("report:\n%s", out)
	}
	if page, err := os.ReadFile("report.html"); err != nil || strings.Count(string(page), "<svg") != 5 {
		t.Errorf("the report has %d plots (%v), want 5", strings.Count(string(page), "<svg"), err)
	}
	if out := mustRun(t, "report", rollout, "-o", "json"); !strings.Contains(out, `"verified": true`) || !strings.Contains(out, `"samples"`) {
		t.Errorf("report:\n%s", out)
	}
	for _, args := range [][]string{{"receipt", "show", "nowhere"}, {"report", "nowhere", "-o", "-"}, {"receipt", "verify", "nowhere.json"}} {
		if r := runDavit(t, args...); r.code != exitUsage {
			t.Errorf("davit %s: exit code %d, %s", args, r.code, r.stderr)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(t.TempDir(), "changed.json")
	bad := strings.Replace(string(text), `"checkpoint": "davit`, `"checkpoint": "Davit`, 1)
	if err := os.WriteFile(changed, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DAVIT_SERVER", "unix:/nowhere") // no server from here on
	if r := runDavit(t, "receipt", "verify", changed, "--key", key); r.code != exitRefused || !strings.Contains(r.stderr, "checkpoint") {
		t.Errorf("a changed receipt: exit code %d, %s", r.code, r.stderr)
	}
	r := runDavit(t, "receipt", "verify", changed, "--key", key, "--output", "json")
	var answer struct {
		Sound bool
		Fault receipt.Fault
	}
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil || answer.Sound || answer.Fault.Part != receipt.PartCheckpoint {
		t.Errorf("%s (%v)", r.stdout, err)
	}
	t.Setenv("DAVIT_SERVER", "")
}

func lastRollout(t *testing.T) string {
	t.Helper()
	var list []davit.Rollout
	if err := json.Unmarshal([]byte(mustRun(t, "history", "staging", "-n", "1", "--output", "json")), &list); err != nil || len(list) != 1 {
		t.Fatalf("%d rollouts, %v", len(list), err)
	}
	return list[0].ID
}
