//go:build e2e && linux

package e2e

import (
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

func TestFirstThenNextVersion(t *testing.T) {
	m := serving(t)
	m.must(0, "deploy", "staging", "v1", "--reason", "the first") // has nothing to be compared with, and no traffic yet
	m.under(200, func() {
		r := m.must(0, "deploy", "staging", "v2")
		if !strings.Contains(r.stdout, "promoted") {
			t.Errorf("deploy said:\n%s", r.stdout)
		}
	})
	s := m.status("staging")
	if s.Environment.Stable.Short() != "v2" || s.Split[s.Environment.Stable] != davit.Whole {
		t.Errorf("stable is %s with split %v, want v2 with all", s.Environment.Stable, s.Split)
	}
	m.verifyAudit()
}

func TestCandidateThatFailsUnderTrafficIsHauledBack(t *testing.T) {
	m := serving(t)
	m.must(0, "deploy", "staging", "v1")
	m.write("releases/v2.json", `{"api": {"errorRate": 1}}`)
	s := m.traffic(200, func() {
		r := m.must(3, "deploy", "staging", "v2")
		if !strings.Contains(r.stdout+r.stderr, "requests failed") {
			t.Errorf("deploy said:\n%s%s", r.stdout, r.stderr)
		}
	})
	if lost := s.TotalLost(); lost == 0 || lost > s.Sent/5 {
		t.Errorf("%d of %d requests failed, want some at a weight of 10%%, and not many", lost, s.Sent)
	}
	if s := m.status("staging"); s.Environment.Stable.Short() != "v1" || s.Split[s.Environment.Stable] != davit.Whole {
		t.Errorf("stable is %s with split %v, want v1 with all", s.Environment.Stable, s.Split)
	}
	m.under(200, func() { m.must(0, "status", "staging") })
}

func TestWatchedCandidateIsRolledBackOnAnOperatorsWord(t *testing.T) {
	m := serving(t)
	m.must(0, "deploy", "staging", "v1")
	m.under(200, func() {
		m.must(0, "deploy", "staging", "v2")
		m.must(0, "rollback", "staging", "--reason", "second thoughts")
	})
	if got := m.get("/api/products"); !strings.Contains(got, `"v1"`) && !strings.Contains(got, "v1") {
		t.Errorf("after the rollback the shop says %s", got)
	}
}

func TestRollbackRestoresTheConfiguration(t *testing.T) {
	m := serving(t)
	m.edit("replicas: 2\n    env:", "replicas: 1\n    env:")
	m.must(0, "deploy", "plain", "v1")
	m.edit("replicas: 1\n    env:", "replicas: 3\n    env:")
	r := m.must(0, "deploy", "plain", "v1")
	if !strings.Contains(r.stdout+r.stderr, "another configuration") {
		t.Errorf("the same version with another configuration was not said:\n%s%s", r.stdout, r.stderr)
	}
	web := func() (n int) {
		for _, i := range m.status("plain").Instances {
			if i.Service == "web" {
				n++
			}
		}
		return n
	}
	m.eventually("the new size is there", func() bool { return web() == 3 })
	m.must(0, "rollback", "plain", "--reason", "three were too many")
	m.eventually("the old size is back", func() bool { return web() == 1 })
}

func TestTwoOperatorsAtOnce(t *testing.T) {
	m := serving(t)
	m.must(0, "deploy", "staging", "v1")
	m.under(200, func() {
		r := m.must(0, "deploy", "staging", "v2", "--detach")
		id := strings.TrimSpace(r.stdout)
		refused := m.must(4, "deploy", "staging", "v3")
		if !strings.Contains(refused.stderr, id) {
			t.Errorf("the second was not told of rollout %q:\n%s", id, refused.stderr)
		}
		m.must(0, "deploy", "staging", "v3", "--queue")
	})
	if s := m.status("staging"); s.Environment.Stable.Short() != "v3" {
		t.Errorf("stable is %s, want v3", s.Environment.Stable)
	}
}

func TestWrongConfigurationNamesItsPlace(t *testing.T) {
	m := newMachine(t)
	m.edit("replicas: 2", "replcas: 2")
	r := m.must(2, "deploy", "staging", "v1")
	if !strings.Contains(r.stderr, "davit.yaml:6:5") || !strings.Contains(r.stderr, "replicas") {
		t.Errorf("the error names neither the place nor what to write:\n%s", r.stderr)
	}
}

// TestSecretsStaySecret looks for a secret's value in everything that Davit
// wrote and said.
func TestSecretsStaySecret(t *testing.T) {
	const value = "correct-horse-battery-staple"
	m := newMachine(t)
	m.env = append(m.env, "SHOP_PASSWORD="+value)
	m.edit("command: shop api", "command: shop api\n    secrets: {DB_PASSWORD: \"env:SHOP_PASSWORD\"}")
	m.serve()
	r := m.must(0, "deploy", "plain", "v1")
	said := r.stdout + r.stderr
	for _, args := range [][]string{
		{"status", "plain", "--output", "json"}, {"audit", "list", "--output", "json"}, {"history", "plain", "--output", "json"},
		{"plan", "plain", "v2", "--output", "json"}, {"logs", "plain"},
	} {
		r := m.must(0, args...)
		said += r.stdout + r.stderr
	}
	if strings.Contains(said+m.log.String(), value) {
		t.Error("davit printed the secret")
	}
	err := filepath.WalkDir(m.state, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), value) {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// get asks the front door.
func (m *machine) get(path string) string {
	m.Helper()
	res, err := http.Get("http://" + m.front + path)
	if err != nil {
		m.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		m.Fatal(err)
	}
	return string(body)
}
