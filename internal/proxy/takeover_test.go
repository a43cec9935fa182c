package proxy

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/davit-dev/davit"
)

// replacing is a supervised proxy process with a site, for tests that put others
// in its place.
type replacing struct {
	*Supervisor
	t    *testing.T
	dir  string
	site Site
}

// replace serves a site of one release at the backend by a proxy process.
func replace(t *testing.T, backend string) *replacing {
	t.Helper()
	t.Setenv(proxyVersion, "v1")
	dir := tempDir(t)
	s, _ := supervise(t, dir)
	r := &replacing{Supervisor: s, t: t, dir: dir, site: oneRelease("", backend)}
	r.site.Front.Listen[0].Address = deadAddress(t)
	r.apply(1, r.site)
	return r
}

func (r *replacing) apply(number int64, site Site) {
	r.t.Helper()
	if err := r.client.Apply(testContext(r.t), &Table{Number: number, Key: testKey, Sites: []Site{site}}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *replacing) url(path string) string { return "http://" + r.site.Front.Listen[0].Address + path }

// next puts a proxy of that version in place.
func (r *replacing) next(version string) {
	r.t.Helper()
	r.t.Setenv(proxyVersion, version)
	_, after, err := r.Replace(testContext(r.t), version)
	if err != nil || after != version {
		log, _ := os.ReadFile(r.logPath())
		r.t.Fatalf("replaced by %q: %v\n%s", after, err, log)
	}
}

func (r *replacing) status() Status {
	r.t.Helper()
	status, err := r.client.Status(testContext(r.t))
	if err != nil {
		r.t.Fatal(err)
	}
	return status
}

func (r *replacing) requests() int64 {
	r.t.Helper()
	figures, err := r.client.Figures(testContext(r.t))
	if err != nil {
		r.t.Fatal(err)
	}
	return figures.Site("shop/test").Release("v1").Requests
}

// echo answers WebSockets with what they say, and all else with a text.
func echo(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			says(text)(w, r)
			return
		}
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		for {
			kind, data, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, data) != nil {
				return
			}
		}
	}
}

// TestReplacedProxyLosesNothing replaces the proxy several times under requests
// that cannot be repeated, on kept connections, with a WebSocket open throughout.
func TestReplacedProxyLosesNothing(t *testing.T) {
	const clients, rounds = 8, 5
	r := replace(t, backendServer(t, echo("ok")))
	ctx := testContext(t)
	socket, _, err := websocket.Dial(ctx, r.url("/ws"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.CloseNow() }()
	before := r.status()
	var sent, lost atomic.Int64
	var load sync.WaitGroup
	stop := make(chan struct{})
	for range clients {
		client := newClient(t)
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := client.Post(r.url("/"), "text/plain", strings.NewReader("order"))
				sent.Add(1)
				if err != nil || res.StatusCode != http.StatusOK {
					lost.Add(1)
					t.Errorf("a request was lost: %v", err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		})
	}
	for _, version := range []string{"v2", "v3", "v4", "v5", "v6"}[:rounds] {
		seen := sent.Load()
		r.next(version)
		eventually(t, "requests flow", func() bool { return sent.Load() > seen+clients || lost.Load() > 0 })
	}
	close(stop)
	load.Wait()
	if after := r.status(); after.PID == before.PID || after.Boot != before.Boot || after.Table != 1 {
		t.Errorf("after: %+v; before: %+v", after, before)
	}
	eventually(t, "every request is counted once, and the WebSocket too", func() bool { return r.requests() == sent.Load()+1 })
	for _, said := range []string{"still", "there"} {
		if err := socket.Write(ctx, websocket.MessageText, []byte(said)); err != nil {
			t.Fatal(err)
		}
		if _, heard, err := socket.Read(ctx); err != nil || string(heard) != said {
			t.Fatalf("the WebSocket of the first proxy says %q, %v", heard, err)
		}
	}
	// What an old proxy serves counts as in flight, until the drain limit ends it.
	if n, err := r.client.Drain(ctx, DrainRequest{Site: "shop/test", Release: "v1", Limit: davit.Duration(20 * time.Millisecond)}); n != 1 || err != nil {
		t.Errorf("%d in flight (%v), want the WebSocket", n, err)
	}
	if _, _, err := socket.Read(ctx); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("at the drain limit the WebSocket ended with %v", err)
	}
	r.alone()
	if got := r.requests(); got != sent.Load()+1 {
		t.Errorf("%d requests are counted when the old proxies have ended, want %d", got, sent.Load()+1)
	}
}

// alone waits until no proxy parts any more.
func (r *replacing) alone() {
	r.t.Helper()
	eventually(r.t, "the old proxies have ended", func() bool {
		left, err := filepath.Glob(filepath.Join(r.dir, partingDir, "*"))
		return err == nil && len(left) == 0
	})
}

// TestPartingProxyFollowsTables leaves a kept connection with a proxy that parts:
// its next request goes by the table that is in effect then, and is its last.
func TestPartingProxyFollowsTables(t *testing.T) {
	r := replace(t, backendServer(t, says("one")))
	client := newClient(t)
	exchangeWith(t, client, http.MethodPost, r.url("/"), nil)
	r.next("v2")
	other := r.site
	other.Releases = map[davit.ReleaseID]Release{"v1": releaseAt("", "v1", backendServer(t, says("two")))}
	r.apply(2, other)
	res, body := exchangeWith(t, client, http.MethodPost, r.url("/"), nil)
	if body != "two" || !res.Close {
		t.Errorf("the kept connection's request got %q, its end said: %t", body, res.Close)
	}
	r.alone()
	if got := r.requests(); got != 2 {
		t.Errorf("%d requests are counted, want 2", got)
	}
}

func TestSameVersionIsNotReplaced(t *testing.T) {
	r := replace(t, backendServer(t, says("ok")))
	if before, after, err := r.Replace(testContext(t), "v1"); before != "v1" || after != "" || err != nil {
		t.Errorf("%q was replaced by %q, %v", before, after, err)
	}
}

func TestProxyThatCannotTakeOverLeavesTheOther(t *testing.T) {
	r := replace(t, backendServer(t, says("ok")))
	before := r.status()
	for _, command := range [][]string{{"/nonexistent"}, {"/bin/false"}} {
		r.command = command
		if _, after, err := r.Replace(testContext(t), "v2"); err == nil || after != "" {
			t.Errorf("%v: replaced by %q, %v", command, after, err)
		}
	}
	if after := r.status(); after.PID != before.PID {
		t.Errorf("after: %+v; before: %+v", after, before)
	}
	if _, body := exchangeWith(t, newClient(t), http.MethodGet, r.url("/"), nil); body != "ok" {
		t.Errorf("it answers %q", body)
	}
}

// TestKilledDuringTakeover kills the old or the new proxy at random moments of a
// takeover: one serves afterwards, by the table that was, and another takeover
// works.
func TestKilledDuringTakeover(t *testing.T) {
	const rounds = 12
	r := replace(t, backendServer(t, says("ok")))
	for round := range rounds {
		old := r.status().PID
		done := make(chan struct{})
		t.Setenv(proxyVersion, "v2")
		go func() {
			defer close(done)
			_, _, _ = r.Replace(testContext(t), "another version each time") // whatever it says
		}()
		time.Sleep(time.Duration(rand.Int64N(int64(40 * time.Millisecond)))) // the moment is the test's
		if victim := old; round%2 == 0 {
			_ = syscall.Kill(victim, syscall.SIGKILL)
		} else if victim = childOf(os.Getpid(), "--takeover", old); victim > 0 {
			_ = syscall.Kill(victim, syscall.SIGKILL)
		}
		<-done
		eventually(t, "a proxy serves", func() bool {
			status, err := r.client.Status(context.Background())
			if err != nil || status.Table != 1 {
				return false
			}
			res, err := newClient(t).Get(r.url("/"))
			if err != nil {
				return false
			}
			defer func() { _ = res.Body.Close() }()
			return res.StatusCode == http.StatusOK
		})
	}
	t.Setenv(proxyVersion, "last")
	r.next("last")
}

// childOf returns the youngest child of a process that has the argument, but for
// one; 0 when there is none.
func childOf(parent int, argument string, but int) int {
	found := 0
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		cmdline, err := os.ReadFile(path)
		stat, statErr := os.ReadFile(filepath.Join(filepath.Dir(path), "status"))
		if err == nil && statErr == nil && pid != but && pid > found && strings.Contains(string(cmdline), argument) &&
			strings.Contains(string(stat), "\nPPid:\t"+strconv.Itoa(parent)+"\n") {
			found = pid
		}
	}
	return found
}
