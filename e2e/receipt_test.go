//go:build e2e && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/proxy"
	"github.com/davit-dev/davit/internal/receipt"
)

// receiptOf waits until a rollout has its receipt, verifies it with the public
// key alone, and returns what it says.
func (m *machine) receiptOf(rollout string) receipt.Predicate {
	m.Helper()
	file := filepath.Join(m.dir, "receipt.json")
	m.eventually("rollout "+rollout+" has a receipt", func() bool {
		return m.davit("receipt", "export", rollout, file).code == 0
	})
	m.must(0, "receipt", "verify", file, "--key", filepath.Join(m.state, "audit.key.pub"))
	text, err := os.ReadFile(file)
	if err != nil {
		m.Fatal(err)
	}
	s, _, err := receipt.Read(text)
	if err != nil {
		m.Fatal(err)
	}
	return s.Predicate
}

// entries returns how many entries of an action the audit log has for a rollout.
func (m *machine) entries(rollout, action string) (n int) {
	m.Helper()
	for line := range strings.Lines(m.must(0, "audit", "list", "--rollout", rollout, "--output", "json").stdout) {
		var e davit.AuditEntry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			m.Fatal(err)
		}
		if e.Action == action {
			n++
		}
	}
	return n
}

// TestReceiptAfterTheServerWasKilled kills the server in the middle of a rollout,
// and again when it has ended. There is one receipt, and it says that nobody
// watched in between.
func TestReceiptAfterTheServerWasKilled(t *testing.T) {
	m := newMachine(t)
	m.edit("rollbackWindow: 30s", "rollbackWindow: 1s")
	m.edit("bake: 300ms", "bake: 2s")
	m.serve()
	m.must(0, "deploy", "staging", "v1")
	m.under(100, func() {
		m.must(0, "deploy", "staging", "v2", "--detach")
		id := m.status("staging").Rollout.ID
		m.eventually("probes were noted", func() bool {
			s := m.status("staging")
			return s.Rollout.Measured != nil && s.Rollout.Measured.Probes > 0
		})
		m.kill(syscall.SIGKILL)
		m.serve()
		m.eventually("the rollout has ended", func() bool { return m.status("staging").Rollout.Phase.Ended() })
		m.kill(syscall.SIGKILL) // before or after its receipt was made
		m.serve()
		p := m.receiptOf(id)
		if w := p.Witness; w == nil || w.Holes == 0 || w.Unwatched <= 0 || w.Probes == 0 {
			t.Errorf("the witness says %+v, want a hole", w)
		}
		if p.Outcome != davit.Promoted || len(p.Incidents) == 0 {
			t.Errorf("%s with the incidents %v", p.Outcome, p.Incidents)
		}
		if n := m.entries(id, receipt.Action); n != 1 {
			t.Errorf("%d receipts were made", n)
		}
	})
	m.verifyAudit()
}

// TestDowntimeBesideTheTruth stops the real proxy for known times during the
// watch of a rollout, and wants its receipt to say that within one interval. What
// the machine adds of its own makes a measurement longer, so that it is taken
// again.
func TestDowntimeBesideTheTruth(t *testing.T) {
	m := newMachine(t)
	m.edit("rollbackWindow: 30s", "rollbackWindow: 3s")
	m.serve()
	m.must(0, "deploy", "staging", "v1")
	status, err := proxy.NewClient(filepath.Join(m.state, "proxy")).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	version := 0
	for _, length := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, time.Second} {
		const attempts = 5
		for attempt := 1; ; attempt++ {
			version++
			truth, measured := m.stopDuringWatch(versions[version%2], status.PID, length)
			t.Logf("stopped for %s: %s", truth.Round(100*time.Microsecond), measured)
			off := measured.Downtime.D() - truth.Round(time.Millisecond)
			if off >= -measured.Interval.D() && off <= measured.Interval.D() {
				break
			}
			if attempt == attempts {
				t.Errorf("a stop of %s is measured as %s", truth, measured)
				break
			}
		}
	}
}

// stopDuringWatch deploys, stops the proxy for a time, and returns how long it was
// stopped at least, and what the receipt says.
func (m *machine) stopDuringWatch(version string, pid int, length time.Duration) (time.Duration, davit.Measured) {
	m.Helper()
	var id string
	m.under(50, func() {
		m.must(0, "deploy", "staging", version)
		id = m.status("staging").Rollout.ID
	})
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		m.Fatal(err)
	}
	m.eventually("the proxy is stopped", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			m.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		return strings.HasPrefix(rest, "T")
	})
	sure := time.Now()
	time.Sleep(length) // the truth is what passes, not what was asked for
	truth := time.Since(sure)
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		m.Fatal(err)
	}
	p := m.receiptOf(id)
	if p.Witness == nil || !p.Witness.Complete {
		m.Fatalf("the witness says %+v", p.Witness)
	}
	return truth, *p.Witness
}
