//go:build e2e && linux

package e2e

import (
	"database/sql"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/handover"
	"github.com/davit-dev/davit/internal/proxy"
	_ "modernc.org/sqlite" // the store's driver
)

// next is the program that the tests upgrade to.
func next() string { return filepath.Join(built, "davit-next") }

// serverVersion returns the version of the server that answers.
func (m *machine) serverVersion() string {
	m.Helper()
	var v struct{ Server *api.Version }
	if err := json.Unmarshal([]byte(m.must(0, "version", "--output", "json").stdout), &v); err != nil || v.Server == nil {
		m.Fatalf("no server says its version: %v", err)
	}
	return v.Server.Version
}

// TestUpgradedServerGoesOn upgrades the server alone, there and back, under load.
func TestUpgradedServerGoesOn(t *testing.T) {
	m := serving(t)
	m.must(0, "deploy", "staging", "v1")
	m.under(200, func() {
		for _, step := range []struct{ binary, version string }{{next(), "next"}, {filepath.Join(built, "davit"), "dev"}} {
			r := m.must(0, "upgrade", "--proxy=false", "--binary", step.binary)
			if !strings.Contains(r.stdout, "-> "+step.version) {
				t.Errorf("it said %q", r.stdout)
			}
			if got := m.serverVersion(); got != step.version {
				t.Fatalf("version %s serves, want %s", got, step.version)
			}
		}
		m.must(0, "deploy", "staging", "v2")
	})
	m.whole()
	m.verifyAudit()
}

// TestUpgradeLosesNothing upgrades server and proxy several times under load,
// with kept connections, WebSockets and event streams open throughout.
func TestUpgradeLosesNothing(t *testing.T) {
	const rounds, open = 4, 10
	m := serving(t)
	m.must(0, "deploy", "staging", "v1")
	front := m.deployStreams("v1")
	long := openStreams(t, front, open)
	m.under(300, func() {
		for round := range rounds {
			binary, version := next(), "next"
			if round%2 == 1 {
				binary, version = filepath.Join(built, "davit"), "dev"
			}
			r := m.must(0, "upgrade", "--binary", binary)
			for _, part := range []string{"server  ", "proxy   "} {
				if !strings.Contains(r.stdout, part) {
					t.Errorf("round %d: it said %q", round, r.stdout)
				}
			}
			if status := m.proxyStatus(); status.Version != version || m.serverVersion() != version {
				t.Fatalf("round %d: server %s and proxy %s, want %s", round, m.serverVersion(), status.Version, version)
			}
		}
	})
	if heard := long.heard.Load(); heard == 0 || long.cut.Load() > 0 {
		t.Errorf("%d messages heard, %d streams cut", heard, long.cut.Load())
	}
	if n := len(m.running("proxy")); n < 2 {
		t.Errorf("%d proxies run while streams of the first are open", n)
	}
	long.end()
	// A kept connection that is not used again is closed after 75 s.
	m.within(3*time.Minute, "the old proxies have ended", func() bool { return len(m.running("proxy")) == 1 })
	m.under(100, func() { m.must(0, "deploy", "staging", "v2") })
	m.whole()
	m.verifyAudit()
}

// proxyStatus is what the proxy says of itself.
func (m *machine) proxyStatus() proxy.Status {
	m.Helper()
	status, err := proxy.NewClient(filepath.Join(m.state, "proxy")).Status(m.Context())
	if err != nil {
		m.Fatal(err)
	}
	return status
}

// TestUpgradeInTheMiddleOfACanary upgrades twice while a candidate has traffic.
// The rollout goes on, also where the policy hauls interrupted ones back, and the
// lease on its traffic holds.
func TestUpgradeInTheMiddleOfACanary(t *testing.T) {
	m := newMachine(t)
	m.flags = []string{"--lease", "2s"}
	m.edit("patience: 20s", "patience: 20s\n    onInterrupt: rollback")
	m.edit("steps: [10, 50, 100], bake: 300ms", "steps: [50, 100], bake: 2s")
	m.serve()
	m.must(0, "deploy", "staging", "v1")
	m.under(200, func() {
		m.must(0, "deploy", "staging", "v2", "--detach")
		m.eventually("the candidate has traffic", func() bool { return len(m.status("staging").Split) == 2 })
		m.must(0, "upgrade", "--binary", next())
		if s := m.status("staging"); s.Rollout.Phase != davit.Running || len(s.Split) != 2 {
			t.Errorf("after the upgrade the rollout is %s: %s", s.Rollout.Phase, s.Rollout.Cause)
		}
		m.must(0, "upgrade")
		m.eventually("the rollout is promoted", func() bool {
			phase := m.status("staging").Rollout.Phase
			return phase == davit.Watching || phase.Ended()
		})
	})
	if s := m.status("staging"); s.Environment.Stable.Short() != "v2" {
		t.Errorf("%s is stable: %s", s.Environment.Stable, s.Rollout.Cause)
	}
	log := m.must(0, "audit", "list", "--output", "json").stdout
	for text, want := range map[string]int{
		`"rollout.lapsed"`: 0, `"server.upgrade"`: 2, `"server.upgraded"`: 2,
		`"before":{"server":"dev","proxy":"dev"},"after":{"server":"next","proxy":"next"}`: 1,
	} {
		if got := strings.Count(log, text); got != want {
			t.Errorf("the audit log has %s %d times, want %d\n%s", text, got, want, log)
		}
	}
	m.verifyAudit()
	m.whole()
}

// TestUpgradeToWhatCannotServe tries programs that are none, and wants the server
// and the proxy that run to go on.
func TestUpgradeToWhatCannotServe(t *testing.T) {
	m := serving(t)
	m.must(0, "deploy", "staging", "v1")
	servers, proxies := m.running("serve"), m.running("proxy")
	m.write("text", "no program")
	unready := func(kind string) string { return "exec " + os.Args[0] + " " + fakeSuccessor + " " + kind }
	for name, script := range map[string]string{"dies late": unready("dies"), "hangs late": unready("hangs"), "hangs": "exec sleep 60", "exits": "exit 7", "other": "echo hello >&3; exec sleep 60"} {
		m.write(name, "#!/bin/sh\n"+script+"\n")
		if err := os.Chmod(filepath.Join(m.dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m.under(100, func() {
		for binary, says := range map[string]string{
			"none": "no such file", "text": "no program that can be run", ".": "no program that can be run",
			"hangs": "did not answer in time", "exits": "exit status 7", "other": "invalid character",
			"dies late": "did not take over: it ended without a word (exit status 9)", "hangs late": "did not take over: it did not answer in time",
		} {
			r := m.must(1, "upgrade", "--binary", filepath.Join(m.dir, binary))
			if !strings.Contains(r.stderr, says) || !strings.Contains(r.stderr, "version dev goes on serving") || !strings.Contains(r.stderr, "hint") {
				t.Errorf("%s: it said %q, want %q", binary, r.stderr, says)
			}
		}
	})
	m.store("INSERT INTO goose_db_version (version_id, is_applied) VALUES (2000, 1)")
	if r := m.must(1, "upgrade", "--binary", next()); !strings.Contains(r.stderr, "has schema 2000") {
		t.Errorf("a program that is older than the store: it said %q", r.stderr)
	}
	m.store("DELETE FROM goose_db_version WHERE version_id = 2000")
	if log := m.must(0, "audit", "list", "--output", "json").stdout; strings.Count(log, `"server.upgrade_failed"`) != 2 {
		t.Errorf("the audit log does not say what became of the upgrades:\n%s", log)
	}
	if now := m.running("serve"); !slices.Equal(now, servers) || !slices.Equal(m.running("proxy"), proxies) {
		t.Errorf("server %v and proxy %v run, want %v and %v", now, m.running("proxy"), servers, proxies)
	}
	m.under(100, func() { m.must(0, "deploy", "staging", "v2") })
	m.verifyAudit()
}

// fakeSuccessor, as first argument, makes the test's own program a server that is
// prepared to take over, and does not.
const fakeSuccessor = "fake-successor"

func runFakeSuccessor(kind string) int {
	before, err := handover.Inherit("fake")
	if err != nil || before == nil || before.Await() != nil {
		return 8
	}
	if kind == "hangs" {
		select {}
	}
	return 9
}

// store changes the server's store beside it.
func (m *machine) store(statement string) {
	m.Helper()
	db, err := sql.Open("sqlite", filepath.Join(m.state, "davit.db")+"?_busy_timeout=5000")
	if err != nil {
		m.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(m.Context(), statement); err != nil {
		m.Fatal(err)
	}
}

func TestTwoUpgradesAtOnce(t *testing.T) {
	m := serving(t)
	m.must(0, "deploy", "plain", "v1")
	m.write("slow", "#!/bin/sh\necho here > "+filepath.Join(m.dir, "begun")+"\nsleep 2\nexec "+next()+` "$@"`+"\n")
	if err := os.Chmod(filepath.Join(m.dir, "slow"), 0o755); err != nil {
		t.Fatal(err)
	}
	first := m.command("upgrade", "--binary", filepath.Join(m.dir, "slow"))
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	m.eventually("the first has begun", func() bool { _, err := os.Stat(filepath.Join(m.dir, "begun")); return err == nil })
	if r := m.must(4, "upgrade", "--binary", next()); !strings.Contains(r.stderr, "upgraded already") {
		t.Errorf("the second said %q", r.stderr)
	}
	if err := first.Wait(); err != nil || m.serverVersion() != "next" {
		t.Errorf("the first: %v, and version %s serves", err, m.serverVersion())
	}
}

// TestKilledDuringUpgrade kills one of the four processes of an upgrade at random
// moments. What is left is whole, and the next server, started when none runs,
// mends it. A killed server costs no request; a killed proxy what it had open.
func TestKilledDuringUpgrade(t *testing.T) {
	const rounds = 12
	m := serving(t)
	m.must(0, "deploy", "staging", "v1")
	for round := range rounds {
		binary := []string{next(), filepath.Join(built, "davit")}[round%2]
		kind := []string{"serve", "proxy"}[round/2%2]
		before := m.running(kind)
		strike := func() {
			cmd := m.command("upgrade", "--binary", binary)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rand.Int64N(int64(400 * time.Millisecond)))) // the moment is the test's
			victims := before
			if round%3 > 0 { // the new one, if it is there
				victims = slices.DeleteFunc(m.running(kind), func(pid int) bool { return slices.Contains(before, pid) })
			}
			for _, pid := range victims[:min(1, len(victims))] {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended already
			}
			_ = cmd.Wait() // whatever it says
			m.eventually("a server answers", func() bool {
				if len(m.running("serve")) == 0 {
					_ = m.server.Wait()
					m.start()
				}
				return m.davit("status", "--output", "json").code == 0
			})
		}
		if kind == "serve" {
			m.under(100, strike)
		} else {
			strike()
		}
		m.eventually("the front door answers", func() bool { return m.traffic(50, func() { time.Sleep(100 * time.Millisecond) }).TotalLost() == 0 })
		m.whole()
	}
	m.eventually("upgrades work again", func() bool { return m.davit("upgrade", "--binary", next()).code == 0 })
	m.under(100, func() { m.must(0, "deploy", "staging", "v2") })
	m.whole()
	m.verifyAudit()
}

// TestServerAndProxyOneVersionApart runs a proxy that speaks the protocol before
// and one that speaks the next: the server drives both, and says what cannot be.
func TestServerAndProxyOneVersionApart(t *testing.T) {
	for name, test := range map[string]struct {
		protocol string
		serves   int // exit code of davit serve; -1 when it goes on
		upgrades int // of davit upgrade
		says     string
	}{
		"the one before": {"1", -1, 1, "cannot give its place to another"},
		"the next":       {"3", -1, 0, "proxy   dev -> next"},
		"too far":        {"4", 4, 0, "speaks protocol 4"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			old := m.command("proxy", "--dir", filepath.Join(m.state, "proxy"), "--protocol", test.protocol)
			if err := old.Start(); err != nil {
				t.Fatal(err)
			}
			go func() { _ = old.Wait() }() // until it is ended, with the machine
			m.eventually("the proxy answers", func() bool {
				_, err := proxy.NewClient(filepath.Join(m.state, "proxy")).Status(m.Context())
				return err == nil
			})
			if test.serves >= 0 {
				if r := m.must(test.serves, "serve"); !strings.Contains(r.stderr, test.says) {
					t.Errorf("the server said %q", r.stderr)
				}
				_ = old.Process.Signal(syscall.SIGTERM)
				m.eventually("the proxy has ended", func() bool { return len(m.running("proxy")) == 0 })
				return
			}
			m.serve()
			m.must(0, "deploy", "staging", "v1")
			m.under(100, func() {
				r := m.must(test.upgrades, "upgrade", "--binary", next())
				if !strings.Contains(r.stdout+r.stderr, test.says) || m.serverVersion() != "next" {
					t.Errorf("it said %q, and version %s serves", r.stdout+r.stderr, m.serverVersion())
				}
				m.must(0, "deploy", "staging", "v2")
			})
			m.whole()
		})
	}
}
