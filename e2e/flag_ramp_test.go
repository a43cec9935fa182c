//go:build e2e && linux

package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// outcomes reports those of both variants of checkout-v2 ten times a second, until
// the test's f returns; failures says how many of ten requests of "on" fail.
func (m *machine) outcomes(failures func() int, f func()) {
	m.Helper()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			// While the server is down nobody can be told.
			m.davit("flag", "outcome", "checkout-v2", "--variant", "on", "--requests", "10", "--failures", strconv.Itoa(failures()))
			m.davit("flag", "outcome", "checkout-v2", "--variant", "off", "--requests", "90", "--failures", "0")
		}
	})
	f()
	close(done)
	wg.Wait()
}

func (m *machine) ramp(more ...string) result {
	m.Helper()
	return m.davit(append([]string{"flag", "ramp", "checkout-v2", "-e", "production", "--steps", "5,25,100", "--bake", "1s", "--min-requests", "20"}, more...)...)
}

// A ramp whose variant turns bad ends with the flag off, and the audit trail says why.
func TestABadRampTurnsTheFlagOff(t *testing.T) {
	m := newMachine(t)
	m.serve()
	m.must(0, "flag", "create", "checkout-v2", "--type", "boolean")
	bad := func() int {
		if strings.Contains(m.must(0, "flag", "list").stdout, "on 25 %") {
			return 5
		}
		return 0
	}
	m.outcomes(bad, func() {
		if r := m.ramp(); r.code != 3 {
			t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
		}
	})
	if list := m.must(0, "flag", "list").stdout; !strings.Contains(list, "production: off") {
		t.Errorf("the flag is not off:\n%s", list)
	}
	// The limit on errors is that of two gates, of which the faster one speaks.
	cause := regexp.MustCompile(`ramp hauled back: gate (errors|analysis) failed: .*requests failed`)
	trail := m.must(0, "audit", "list").stdout
	for _, action := range []string{"flag.ramp", "rollout.haul_back", "rollout.rolled_back"} {
		if !strings.Contains(trail, action) {
			t.Errorf("the audit trail has no %s:\n%s", action, trail)
		}
	}
	if !cause.MatchString(trail) {
		t.Errorf("the audit trail does not say why:\n%s", trail)
	}
	m.verifyAudit()
}

// A server that is killed in a ramp goes on with it; nobody loses the variant that
// they have.
func TestARampSurvivesTheServer(t *testing.T) {
	m := newMachine(t)
	m.serve()
	m.must(0, "flag", "create", "checkout-v2", "--type", "boolean")
	m.outcomes(func() int { return 0 }, func() {
		id := strings.TrimSpace(m.must(0, "flag", "ramp", "checkout-v2", "--steps", "5,25,100", "--bake", "1s", "--min-requests", "20", "--detach").stdout)
		m.eventually("a quarter gets it", func() bool { return strings.Contains(m.must(0, "flag", "list").stdout, "on 25 %") })
		m.kill(syscall.SIGKILL)
		m.serve()
		m.eventually("everybody gets it", func() bool { return strings.Contains(m.must(0, "flag", "list").stdout, "production: on, on ") })
		m.eventually("the ramp "+id+" is over", func() bool {
			return m.status(davit.RampEnvironment("production", "checkout-v2")).Rollout.Phase == davit.Promoted
		})
	})
	m.verifyAudit()
}

// Whoever turns the flag off ends the ramp at once, and it stays off.
func TestTheKillSwitchEndsARamp(t *testing.T) {
	m := newMachine(t)
	m.serve()
	m.must(0, "flag", "create", "checkout-v2", "--type", "boolean")
	m.outcomes(func() int { return 0 }, func() {
		m.must(0, "flag", "ramp", "checkout-v2", "--steps", "25,100", "--bake", "1m", "--detach")
		m.eventually("a quarter gets it", func() bool { return strings.Contains(m.must(0, "flag", "list").stdout, "on 25 %") })
		m.must(0, "flag", "off", "checkout-v2", "--reason", "carts were lost")
		m.eventually("the ramp is hauled back", func() bool {
			r := m.status(davit.RampEnvironment("production", "checkout-v2")).Rollout
			return r.Phase == davit.RolledBack && strings.Contains(r.Cause, "turned the flag off: carts were lost")
		})
	})
	m.kill(syscall.SIGKILL)
	m.serve()
	if list := m.must(0, "flag", "list").stdout; !strings.Contains(list, "production: off") {
		t.Errorf("the flag is not off:\n%s", list)
	}
}
