package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/davit-dev/davit/internal/proxy"
)

// site is a folder with a davit.yaml and a state directory of its own. What
// davit starts there ends with the test.
type site struct {
	state, address string
}

// patience bounds the waits of tests on a loaded machine.
const patience = time.Minute

func newSite(t *testing.T, strategy string) *site {
	t.Helper()
	state, err := os.MkdirTemp("", "davit")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{state: state, address: freeAddress(t)}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	yaml := fmt.Sprintf(`application: shop
services:
  web:
    command: [%q, test-app, "${version}"]
    replicas: 1
    grace: 5s
routes:
  - {prefix: /, service: web}
environments:
  staging:
    listen: [%q]
    strategy: %s
    deadline: 5m
    rollbackWindow: 10m
`, self, s.address, strategy)
	if err := os.WriteFile(defaultFile, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DAVIT_STATE", state)
	t.Setenv("DAVIT_SERVER", "")
	t.Cleanup(func() { s.tearDown(t) })
	return s
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

// tearDown ends all that runs from the state directory.
func (s *site) tearDown(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out bytes.Buffer
	if s.serverPID() != 0 {
		for run(ctx, []string{"abort", "staging", "--reason", "tear down"}, nil, &out, &out) == exitOK {
			run(ctx, []string{"status", "staging", "--watch"}, nil, &out, &out)
		}
		if code := run(ctx, []string{"down", "staging", "--reason", "tear down"}, nil, &out, &out); code != exitOK {
			t.Errorf("davit down: exit code %d\n%s", code, &out)
		}
	}
	if pid := s.serverPID(); pid != 0 && pid != os.Getpid() {
		end(t, pid)
	}
	if status, err := proxy.NewClient(filepath.Join(s.state, "proxy")).Status(context.Background()); err == nil {
		end(t, status.PID)
	}
	if err := os.RemoveAll(s.state); err != nil {
		t.Error(err)
	}
}

// serverPID returns the process that listens on the site's socket; 0 for none.
func (s *site) serverPID() int {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: filepath.Join(s.state, "davit.sock")})
	if err != nil {
		return 0
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}

// end stops a process that the test's site started and waits until it is gone.
func end(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // gone already
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, syscall.SIGTERM, nil, 0); err != nil {
		t.Errorf("ending process %d: %v", pid, err)
	}
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, int(patience.Milliseconds())); n != 1 {
		t.Errorf("process %d did not end: %v", pid, err)
	}
}

func (s *site) get(t *testing.T) string {
	t.Helper()
	resp, err := http.Get("http://" + s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return body.String()
}

// waiter is an output that tells when it holds a text.
type waiter struct {
	mu   sync.Mutex
	all  bytes.Buffer
	text string
	seen chan struct{}
}

func newWaiter(text string) *waiter { return &waiter{text: text, seen: make(chan struct{})} }

func (w *waiter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	had := strings.Contains(w.all.String(), w.text)
	w.all.Write(p)
	if !had && strings.Contains(w.all.String(), w.text) {
		close(w.seen)
	}
	return len(p), nil
}

func (w *waiter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// wait waits until the output holds the text, or the program ended.
func (w *waiter) wait(t *testing.T, ended <-chan int) {
	t.Helper()
	select {
	case <-w.seen:
	case code := <-ended:
		t.Fatalf("ended with exit code %d before it said %q:\n%s", code, w.text, w)
	case <-time.After(patience):
		t.Fatalf("did not say %q:\n%s", w.text, w)
	}
}
