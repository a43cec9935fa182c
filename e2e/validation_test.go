//go:build e2e && linux

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestDependenciesThatAreReal validates against a real Redis and a real
// PostgreSQL, in a rollout and by hand, and takes them away.
func TestDependenciesThatAreReal(t *testing.T) {
	m := newMachine(t)
	redis, postgres := m.redis(), m.postgres()
	m.edit("[{errors: {max: 5%, minRequests: 5}}]", fmt.Sprintf(
		`[{validation: {settings: {dependencies.redis: {with: {addresses: [%q]}}, dependencies.postgres: {with: {addresses: [%q]}}, dependencies.tcp: {with: {addresses: [%q, %q]}}}}}]`,
		redis.address, postgres.address, redis.address, postgres.address))
	m.serve()
	m.must(0, "deploy", "staging", "v1")
	m.must(0, "deploy", "staging", "v2")
	want := func(code int, outcomes string) {
		t.Helper()
		r := m.must(code, "validate", "staging", "--checks", "dependencies.tcp,dependencies.postgres,dependencies.redis", "--output", "json")
		var report struct {
			Results []struct{ Outcome, Reason string } `json:"results"`
		}
		if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, result := range report.Results {
			got = append(got, result.Outcome)
		}
		if strings.Join(got, " ") != outcomes {
			t.Errorf("%v, want %s\n%+v", got, outcomes, report.Results)
		}
	}
	want(0, "pass pass pass")
	redis.end()
	want(1, "fail pass fail")
	if r := m.must(3, "deploy", "staging", "v3"); !strings.Contains(r.stdout+r.stderr, "dependencies.redis") {
		t.Errorf("v3 was hauled back for something else:\n%s%s", r.stdout, r.stderr)
	}
	postgres.end()
	want(1, "fail fail fail")
}

// TestGracefulStopIsProven deploys what ignores SIGTERM: no user would notice,
// and every later rollout would wait for it.
func TestGracefulStopIsProven(t *testing.T) {
	m := newMachine(t)
	m.edit("[{errors: {max: 5%, minRequests: 5}}]", "[{validation: {checks: [runtime.stop, functional.requests], settings: {runtime.stop: {with: {path: /api/products}}}}}]")
	m.edit("canary: {steps: [10, 50, 100], bake: 300ms}", "blueGreen: {}")
	m.edit("    files: [{path", "    grace: 1s\n    files: [{path")
	m.write("releases/v2.json", `{"api": {"hangOnTerm": true}}`)
	m.serve()
	r := m.must(0, "deploy", "staging", "v1", "--output", "json")
	if !strings.Contains(r.stdout, `"id":"runtime.stop","category":"runtime","severity":"required","outcome":"pass"`) {
		t.Errorf("no instance was ended:\n%s", r.stdout)
	}
	m.under(200, func() {
		if r := m.must(3, "deploy", "staging", "v2"); !strings.Contains(r.stdout+r.stderr, "runtime.stop") {
			t.Errorf("v2 was hauled back for something else:\n%s%s", r.stdout, r.stderr)
		}
	})
}

// dependency is a server that the test started.
type dependency struct {
	address string
	end     func()
}

func (m *machine) redis() dependency {
	m.Helper()
	_, port, err := net.SplitHostPort(freeAddress(m.T))
	if err != nil {
		m.Fatal(err)
	}
	return m.depend(port, exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", m.dir), func() bool {
		return exec.Command("redis-cli", "-p", port, "ping").Run() == nil
	})
}

// postgres runs as another user when the test is root's, as it wants.
func (m *machine) postgres() dependency {
	m.Helper()
	_, port, err := net.SplitHostPort(freeAddress(m.T))
	if err != nil {
		m.Fatal(err)
	}
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(programs) == 0 {
		m.Skip("there is no PostgreSQL below /usr/lib/postgresql")
	}
	data, err := os.MkdirTemp("", "davit-pg-")
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() { _ = os.RemoveAll(data) })
	as := m.unprivileged(data)
	run := func(program string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(programs[0], program), args...)
		cmd.Dir, cmd.SysProcAttr = data, as
		return cmd
	}
	if out, err := run("initdb", "-D", filepath.Join(data, "db"), "-A", "scram-sha-256", "-U", "owner", "--pwfile", "/proc/self/comm").CombinedOutput(); err != nil {
		m.Fatalf("initdb: %v\n%s", err, out)
	}
	server := run("postgres", "-D", filepath.Join(data, "db"), "-h", "127.0.0.1", "-p", port, "-k", data)
	return m.depend(port, server, func() bool { return run("pg_isready", "-q", "-h", "127.0.0.1", "-p", port).Run() == nil })
}

// unprivileged returns how to run a program as a user other than root, to whom
// dir is given.
func (m *machine) unprivileged(dir string) *syscall.SysProcAttr {
	m.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		m.Fatal(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		m.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// depend starts a server and waits until it is ready.
func (m *machine) depend(port string, cmd *exec.Cmd, ready func() bool) dependency {
	m.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		m.Fatal(err)
	}
	ended := false
	d := dependency{address: "127.0.0.1:" + port, end: func() {
		if !ended {
			ended = true
			_ = cmd.Process.Signal(syscall.SIGINT) // PostgreSQL ends fast by it
			_ = cmd.Wait()
		}
	}}
	m.Cleanup(d.end)
	m.eventually(cmd.Path+" is ready", ready)
	return d
}
