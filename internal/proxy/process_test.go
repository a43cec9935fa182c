package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// proxyDir, when set, makes the test binary be the proxy's process, of the
// version in proxyVersion.
const (
	proxyDir     = "DAVIT_TEST_PROXY_DIR"
	proxyVersion = "DAVIT_TEST_PROXY_VERSION"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(proxyDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	o := Options{Dir: dir, Version: os.Getenv(proxyVersion), Drain: patience, Stdout: os.Stdout, Stderr: os.Stderr,
		Takeover: slices.Contains(os.Args, "--takeover")}
	if err := Run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// supervise runs a supervisor of a real proxy process until the returned
// function is called. The proxy goes on after that.
func supervise(t *testing.T, dir string) (*Supervisor, func()) {
	t.Helper()
	t.Setenv(proxyDir, dir)
	s := NewSupervisor(dir, []string{os.Args[0]}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := s.Start(testContext(t)); err != nil {
		log, _ := os.ReadFile(dir + "/" + logFile)
		t.Fatalf("%v\n%s", err, log)
	}
	var run sync.WaitGroup
	run.Go(func() { _ = s.Run(ctx) })
	end := sync.OnceFunc(func() { cancel(); run.Wait() })
	t.Cleanup(func() {
		if err := s.Stop(testContext(t)); err != nil {
			t.Errorf("stopping the proxy: %v", err)
		}
		end()
	})
	return s, end
}

// TestSupervisorRestartsAKilledProxy wants the proxy back within 300 ms. On a
// busy machine the best of a few tries has to do.
func TestSupervisorRestartsAKilledProxy(t *testing.T) {
	const within, tries = 300 * time.Millisecond, 5
	for n := 1; ; n++ {
		took := time.Duration(0)
		t.Run(fmt.Sprintf("try %d", n), func(t *testing.T) { took = killed(t) })
		switch {
		case t.Failed() || took <= within:
			return
		case n == tries:
			t.Fatalf("served again %v after the last of %d kills, want %v", took, tries, within)
		}
	}
}

// killed kills a proxy, wants it to serve again with the table it had, and
// returns how long that took.
func killed(t *testing.T) (took time.Duration) {
	t.Helper()
	dir := tempDir(t)
	s, _ := supervise(t, dir)
	ctx := testContext(t)
	site := oneRelease("", backendServer(t, says("ok")))
	site.Front.Listen[0].Address = deadAddress(t)
	if err := s.client.Apply(ctx, &Table{Number: 9, Key: testKey, Sites: []Site{site}}); err != nil {
		t.Fatal(err)
	}
	before, err := s.client.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if before.PID == os.Getpid() {
		t.Fatal("the proxy is no process of its own")
	}
	began := time.Now()
	if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	client := newClient(t)
	eventually(t, "it serves again by its kept table", func() bool {
		res, err := client.Get("http://" + site.Front.Listen[0].Address)
		if err != nil {
			return false
		}
		defer func() { _ = res.Body.Close() }()
		return res.StatusCode == http.StatusOK
	})
	took = time.Since(began)
	eventually(t, "another process answers", func() bool {
		after, err := s.client.Status(ctx)
		return err == nil && after.PID != before.PID && after.Boot != before.Boot && after.Table == 9
	})
	return took
}

func TestServerThatEndsLeavesTheProxyAndTheNextAdoptsIt(t *testing.T) {
	dir := tempDir(t)
	first, end := supervise(t, dir)
	ctx := testContext(t)
	before, err := first.client.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	end()
	next := NewSupervisor(dir, []string{"/nonexistent"}, slog.New(slog.DiscardHandler))
	adopted, err := next.Start(ctx)
	if err != nil || !adopted {
		t.Fatalf("adopted is %v, %v", adopted, err)
	}
	if after, err := next.client.Status(ctx); err != nil || after.PID != before.PID || after.Boot != before.Boot {
		t.Errorf("after: %+v, %v; before: %+v", after, err, before)
	}
	if err := next.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := next.client.Status(ctx); davit.ErrorCode(err) != davit.CodeUnavailable {
		t.Errorf("after Stop: %v", err)
	}
}

func TestAPidOfAnotherProgramIsNotAdopted(t *testing.T) {
	dir := tempDir(t)
	started, err := startTime(os.Getpid())
	if err != nil {
		t.Skip(err)
	}
	if err := writeIdentity(filepath.Join(dir, stateFile), identity{PID: os.Getpid(), Started: started + "0"}); err != nil {
		t.Fatal(err)
	}
	s := NewSupervisor(dir, []string{"/nonexistent"}, slog.New(slog.DiscardHandler))
	if _, err := s.adopt(testContext(t)); err == nil {
		t.Error("a process that started at another time was adopted")
	}
	if err := s.Stop(testContext(t)); err != nil { // must not signal this process
		t.Error(err)
	}
}

func TestProxyThatCannotStartSaysWhereToLook(t *testing.T) {
	dir := tempDir(t)
	for _, name := range []string{tableFile, previousFile} {
		if err := os.WriteFile(dir+"/"+name, []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(proxyDir, dir)
	s := NewSupervisor(dir, []string{os.Args[0]}, slog.New(slog.DiscardHandler))
	if _, err := s.Start(testContext(t)); davit.ErrorCode(err) != davit.CodeUnavailable {
		t.Errorf("got %v", err)
	}
}
