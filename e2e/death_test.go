//go:build e2e && linux

package e2e

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// TestServerKilledInTheMiddle kills the server at random moments of rollouts
// under load. No request may be lost, and the next server goes on.
func TestServerKilledInTheMiddle(t *testing.T) {
	const rounds = 10
	m := serving(t)
	m.must(0, "deploy", "staging", "v1")
	m.under(200, func() {
		for round := range rounds {
			version := versions[1+round%2]
			m.must(0, "deploy", "staging", version, "--detach")
			time.Sleep(time.Duration(rand.Int64N(int64(2 * time.Second)))) // the moment is the test's, not the code's
			m.kill(syscall.SIGKILL)
			m.serve()
			m.eventually("the rollout has ended", func() bool {
				s := m.status("staging")
				return s.Rollout.Phase == davit.Watching || s.Rollout.Phase.Ended()
			})
			if s := m.status("staging"); s.Environment.Stable.Short() != version {
				t.Fatalf("round %d: %s is stable after rollout %s of %s: %s", round, s.Environment.Stable, s.Rollout.Phase, version, s.Rollout.Cause)
			}
			m.verifyAudit()
		}
	})
	m.whole()
}

// whole compares what runs with what the record says.
func (m *machine) whole() {
	m.Helper()
	m.eventually("as many instances run as the record says", func() bool {
		s := m.status("staging")
		want := 0
		for _, size := range s.Environment.State.Run {
			want += size.Total()
		}
		ready := 0
		for _, i := range s.Instances {
			if i.Condition == davit.Ready {
				ready++
			}
		}
		return ready == want && len(s.Instances) == want
	})
}

func TestInterruptedRolloutIsRolledBackWhereThePolicySaysSo(t *testing.T) {
	m := serving(t)
	m.edit("patience: 20s", "patience: 20s\n    onInterrupt: rollback")
	m.edit("bake: 300ms", "bake: 5s")
	m.must(0, "deploy", "staging", "v1")
	m.under(100, func() {
		m.must(0, "deploy", "staging", "v2", "--detach")
		m.eventually("the candidate has traffic", func() bool { return len(m.status("staging").Split) == 2 })
		m.kill(syscall.SIGKILL)
		m.serve()
		m.eventually("it is hauled back", func() bool { return m.status("staging").Rollout.Phase == davit.RolledBack })
	})
}

func TestSecondServerIsRefused(t *testing.T) {
	m := serving(t)
	first := m.server
	r := m.must(4, "serve")
	if !strings.Contains(r.stderr, "server") {
		t.Errorf("the second server said:\n%s", r.stderr)
	}
	m.server = first
	m.must(0, "deploy", "plain", "v1")
}

func TestTruncatedStoreIsRefusedAndLeftAlone(t *testing.T) {
	m := serving(t)
	m.must(0, "deploy", "plain", "v1")
	m.kill(syscall.SIGTERM)
	path := filepath.Join(m.state, "davit.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wal, walErr := os.ReadFile(path + "-wal")
	if walErr != nil && !errors.Is(walErr, os.ErrNotExist) {
		t.Fatal(walErr)
	}
	if err := os.WriteFile(path, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	r := m.must(4, "serve")
	if !strings.Contains(r.stderr, "davit.db") || !strings.Contains(r.stderr, "hint") {
		t.Errorf("the server said:\n%s", r.stderr)
	}
	if after, err := os.ReadFile(path); err != nil || len(after) != len(whole)/2 {
		t.Errorf("the damaged store was changed: %d bytes, %v", len(after), err)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if walErr == nil {
		if err := os.WriteFile(path+"-wal", wal, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m.serve()
	if s := m.status("plain"); s.Environment.Stable.Short() != "v1" || len(s.Instances) != 5 {
		t.Errorf("after the store came back: %s with %d instances, want v1 with 5", s.Environment.Stable, len(s.Instances))
	}
}

// TestFullDiskRefusesAndLosesNothing runs a machine's state on a small file
// system and fills it.
func TestFullDiskRefusesAndLosesNothing(t *testing.T) {
	m := newMachine(t, func(m *machine) {
		if err := os.Mkdir(m.state, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("davit-e2e", m.state, "tmpfs", 0, "size=96m,mode=700"); err != nil {
			t.Fatalf("mounting a small file system (needs root): %v", err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(m.state, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	})
	m.serve()
	m.must(0, "deploy", "staging", "v1")
	m.under(100, func() {
		filler := m.fill()
		r := m.davit("deploy", "staging", "v2")
		if r.code == 0 || !strings.Contains(r.stderr, "full") && !strings.Contains(r.stderr, "no space") {
			t.Errorf("deploying with a full disk exited %d:\n%s%s", r.code, r.stdout, r.stderr)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		m.must(0, "deploy", "staging", "v2")
	})
	m.verifyAudit()
}

// fill takes all the room that the state's file system has.
func (m *machine) fill() string {
	m.Helper()
	path := filepath.Join(m.state, "filler")
	f, err := os.Create(path)
	if err != nil {
		m.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	return path
}
