//go:build e2e && linux

// Package e2e runs the real binary with real instances, a real proxy and a real
// store, breaks things, and looks at what is left.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/load"
)

// versions of the example application that the tests deploy.
var versions = []string{"v1", "v2", "v3"}

// built holds what TestMain built: the davit binary and the shop's versions.
var built string

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == streamApp {
		os.Exit(runStreamApp())
	}
	if filepath.Base(os.Args[0]) == guestbook {
		os.Exit(runGuestbook())
	}
	if len(os.Args) > 2 && os.Args[1] == fakeSuccessor {
		os.Exit(runFakeSuccessor(os.Args[2]))
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "davit-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		built = dir
		if err := build(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func build(dir string) error {
	targets := [][]string{
		{"build", "-o", filepath.Join(dir, "davit"), "../cmd/davit"},
		{"build", "-ldflags", "-X main.version=next", "-o", filepath.Join(dir, "davit-next"), "../cmd/davit"},
	}
	for _, v := range versions {
		targets = append(targets, []string{"build", "-ldflags", "-s -w -X main.version=" + v, "-o", filepath.Join(dir, "shop", v, "shop"), "../examples/shop"})
	}
	for _, args := range targets {
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// machine is an installation of Davit in a folder of its own, with a copy of
// the shop's releases and a davit.yaml beside them.
type machine struct {
	*testing.T
	dir, state, front string
	env               []string
	flags             []string // of the server
	server            *exec.Cmd
	log               serverLog
}

// serverLog is what servers wrote, one after the other: a file, so that a server
// that was put in another's place writes on.
type serverLog string

func (l serverLog) String() string {
	text, _ := os.ReadFile(string(l)) // there is none before the first server
	return string(text)
}

// settings is the davit.yaml of a machine. Its canary takes about a second.
const settings = `application: shop
services:
  web:
    command: shop web
    artifact: build/${version}
    replicas: 2
    env: {API_URL: "http://FRONT"}
    probes: {readiness: {http: /readyz, period: 100ms}}
  api:
    command: shop api
    artifact: build/${version}
    replicas: 2
    files: [{path: faults.json, source: "releases/${version}.json"}]
    probes: {readiness: {http: /readyz, period: 100ms}}
  worker:
    command: shop worker
    artifact: build/${version}
    traffic: false
routes:
  - {prefix: /, service: web}
  - {prefix: /api, service: api}
environments:
  staging:
    listen: ["FRONT"]
    strategy: {canary: {steps: [10, 50, 100], bake: 300ms}}
    gates: [{errors: {max: 5%, minRequests: 5}}]
    deadline: 1m
    patience: 20s
    rollbackWindow: 30s
  plain:
    listen: ["PLAIN"]
    strategy: blueGreen
    deadline: 1m
    rollbackWindow: 0s
`

// newMachine prepares a machine without a server. prepare may do something to
// it that is to be undone after everything was taken down.
func newMachine(t *testing.T, prepare ...func(*machine)) *machine {
	t.Helper()
	// Not t.TempDir: its path can be too long for a unix socket.
	dir, err := os.MkdirTemp("", "davit-m-")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{T: t, dir: dir, state: filepath.Join(dir, "state"), front: freeAddress(t)}
	m.log = serverLog(filepath.Join(dir, "server.log"))
	for _, p := range prepare {
		p(m)
	}
	t.Cleanup(m.wreck)
	m.env = append(os.Environ(), "DAVIT_STATE="+m.state)
	m.write("davit.yaml", strings.NewReplacer("FRONT", m.front, "PLAIN", freeAddress(t)).Replace(settings))
	for _, v := range versions {
		m.write("releases/"+v+".json", "{}")
		m.copy(filepath.Join(built, "shop", v, "shop"), "build/"+v+"/shop")
	}
	return m
}

// serving is a machine with a server.
func serving(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	m.serve()
	return m
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (m *machine) write(name, content string) {
	m.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		m.Fatal(err)
	}
}

func (m *machine) copy(from, to string) {
	m.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		m.Fatal(err)
	}
	m.write(to, string(data))
	if err := os.Chmod(filepath.Join(m.dir, to), 0o755); err != nil {
		m.Fatal(err)
	}
}

// edit replaces text in the machine's davit.yaml, which must be there.
func (m *machine) edit(old, new string) {
	m.Helper()
	path := filepath.Join(m.dir, "davit.yaml")
	data, err := os.ReadFile(path)
	if err != nil {
		m.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		m.Fatalf("davit.yaml has no %q", old)
	}
	m.write("davit.yaml", strings.Replace(string(data), old, new, 1))
}

// result is what a run of davit said.
type result struct {
	stdout, stderr string
	code           int
}

// command prepares a run of davit in the machine's folder.
func (m *machine) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(built, "davit"), args...)
	cmd.Dir, cmd.Env = m.dir, m.env
	return cmd
}

// longestRun is longer than any command takes.
const longestRun = 3 * time.Minute

// davit runs davit to its end.
func (m *machine) davit(args ...string) result {
	m.Helper()
	var stdout, stderr bytes.Buffer
	cmd := m.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Start()
	if err == nil {
		stuck := time.AfterFunc(longestRun, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) }) // it says where
		err = cmd.Wait()
		stuck.Stop()
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		m.Fatalf("davit %s: %v", strings.Join(args, " "), err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// must runs davit and wants it to exit with code.
func (m *machine) must(code int, args ...string) result {
	m.Helper()
	r := m.davit(args...)
	if r.code != code {
		m.Fatalf("davit %s exited %d, want %d\n%s%s\nserver's log:\n%s", strings.Join(args, " "), r.code, code, r.stdout, r.stderr, m.log.String())
	}
	return r
}

// start runs a server and does not wait for anything.
func (m *machine) start() *exec.Cmd {
	m.Helper()
	m.server = m.command(append([]string{"serve"}, m.flags...)...)
	log, err := os.OpenFile(string(m.log), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.Fatal(err)
	}
	defer log.Close()
	m.server.Stderr = log
	if err := m.server.Start(); err != nil {
		m.Fatal(err)
	}
	return m.server
}

// serve runs a server and waits until it answers.
func (m *machine) serve() {
	m.Helper()
	m.start()
	m.eventually("the server answers", func() bool { return m.davit("status", "--output", "json").code == 0 })
}

// kill ends the server with a signal and waits for its end; after an upgrade
// also the one that took its place.
func (m *machine) kill(signal syscall.Signal) {
	m.Helper()
	if m.server == nil {
		return
	}
	for _, pid := range m.running("serve") {
		_ = syscall.Kill(pid, signal) // it may have ended already
	}
	_ = m.server.Wait() // ended by the signal
	m.eventually("the server has ended", func() bool { return len(m.running("serve")) == 0 })
	m.server = nil
}

// running lists the pids of the machine's processes that are that command of
// davit.
func (m *machine) running(command string) []int {
	var pids []int
	for _, pid := range m.processes() {
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && bytes.Contains(cmdline, []byte("\x00"+command+"\x00")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// eventually waits for a condition that nothing announces.
func (m *machine) eventually(what string, holds func() bool) {
	m.Helper()
	m.within(time.Minute, what, holds)
}

// within is eventually, with a limit of its own.
func (m *machine) within(limit time.Duration, what string, holds func() bool) {
	m.Helper()
	deadline := time.Now().Add(limit)
	for !holds() {
		if time.Now().After(deadline) {
			m.Fatalf("waited %s, and still not: %s\nserver's log:\n%s", limit, what, m.log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// status is what davit status says of an environment.
func (m *machine) status(environment string) (s struct {
	Environment davit.Environment `json:"environment"`
	Rollout     *davit.Rollout    `json:"rollout"`
	Instances   []davit.Instance  `json:"instances"`
	Split       davit.Split       `json:"split"`
},
) {
	m.Helper()
	r := m.must(0, "status", environment, "--output", "json")
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
		m.Fatalf("reading the status: %v\n%s", err, r.stdout)
	}
	return s
}

// under runs f under live traffic, and wants no request lost.
func (m *machine) under(rate float64, f func()) {
	m.Helper()
	if s := m.traffic(rate, f); s.TotalLost() > 0 {
		m.Errorf("%d of %d requests lost: %v\n%+v", s.TotalLost(), s.Sent, s.Lost, s.Samples)
	}
}

// traffic runs f under live traffic, and returns what became of it.
func (m *machine) traffic(rate float64, f func()) load.Snapshot {
	m.Helper()
	g, err := load.New(load.Options{
		Target: "http://" + m.front, Rate: rate, Fresh: 0.2, Users: 50, Known: 0.5, Prefix: "e2e",
		Mix: []load.Request{
			{Method: "GET", Path: "/api/products", Expect: "compass", Weight: 3},
			{Method: "POST", Path: "/api/orders", Body: `{"key":"{key}","product":"compass"}`, Expect: "{key}", Weight: 1},
		},
	})
	if err != nil {
		m.Fatal(err)
	}
	ctx, stop := context.WithCancel(m.Context())
	done := make(chan struct{})
	go func() { defer close(done); g.Run(ctx) }()
	defer func() { stop(); <-done }()
	m.eventually("traffic flows", func() bool { return g.Snapshot().Answered > 0 })
	f()
	stop()
	<-done
	return g.Snapshot()
}

// wreck takes everything down, and wants nothing to be left.
func (m *machine) wreck() {
	if m.server == nil {
		m.start()
	}
	for env, application := range map[string]string{"staging": "shop", "plain": "shop", "live": "streams"} {
		m.davit("abort", env, "--application", application, "--reason", "the test is over")
		m.eventuallyQuiet(env)
		m.davit("down", env, "--application", application, "--reason", "the test is over")
	}
	m.kill(syscall.SIGTERM)
	deadline := time.Now().Add(20 * time.Second)
	for len(m.processes()) > 0 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	for _, pid := range m.processes() {
		cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		m.Errorf("left running: %d %q", pid, cmdline)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if m.Failed() {
		m.Logf("server's log:\n%s", m.log.String())
	}
	_ = os.RemoveAll(m.dir)
}

// verifyAudit exports the audit log and verifies the export, as an auditor
// would who has nothing but it and the public key.
func (m *machine) verifyAudit() {
	m.Helper()
	m.write("audit.ndjson", m.must(0, "audit", "export").stdout)
	m.must(0, "audit", "verify", "audit.ndjson", "--key", filepath.Join(m.state, "audit.key.pub"))
}

// eventuallyQuiet waits until an environment moves no more.
func (m *machine) eventuallyQuiet(environment string) {
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		r := m.davit("status", environment, "--output", "json")
		var s struct{ Rollout *davit.Rollout }
		if r.code != 0 || json.Unmarshal([]byte(r.stdout), &s) != nil || s.Rollout == nil || s.Rollout.Phase.Ended() || s.Rollout.Phase == davit.Watching {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// processes lists the pids of everything that belongs to the machine: what has
// its folder in the command line or the environment, or works in it.
func (m *machine) processes() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		m.Fatal(err)
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		var marks []byte
		for _, file := range []string{"cmdline", "environ"} {
			data, _ := os.ReadFile(filepath.Join("/proc", e.Name(), file)) // it may have ended
			marks = append(marks, data...)
		}
		folder, _ := os.Readlink(filepath.Join("/proc", e.Name(), "cwd")) // as above
		if bytes.Contains(marks, []byte(m.dir+"/")) || strings.HasPrefix(folder, m.dir+"/") {
			pids = append(pids, pid)
		}
	}
	return pids
}
