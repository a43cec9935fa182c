//go:build e2e && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// A real Prometheus counts what two variants answer: 20 and 180 requests a second. The
// ramped one turns bad after the server was killed; the flag, which was on, ends off,
// and who is to be told is told why, once, whatever dies later.
func TestHarmByPrometheus(t *testing.T) {
	began, bad := time.Now(), atomic.Int64{} // when it turned bad, in nanoseconds; 0 not yet
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		seconds, failed := time.Since(began).Seconds(), 0.0
		if at := bad.Load(); at > 0 {
			failed = 10 * time.Since(time.Unix(0, at)).Seconds()
		}
		fmt.Fprintf(w, "# TYPE served_total counter\n")
		fmt.Fprintf(w, "served_total{variant=\"off\",code=\"200\"} %.0f\n", 180*seconds)
		fmt.Fprintf(w, "served_total{variant=\"on\",code=\"200\"} %.0f\n", 20*seconds-failed)
		fmt.Fprintf(w, "served_total{variant=\"on\",code=\"503\"} %.0f\n", failed)
	}))
	defer shop.Close()
	var mu sync.Mutex
	var told []map[string]any
	listener := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var post map[string]any
		if err := json.NewDecoder(r.Body).Decode(&post); err != nil {
			t.Errorf("what was posted: %v", err)
		}
		told = append(told, post)
	}))
	defer listener.Close()
	m := newMachine(t)
	m.serve()
	m.must(0, "flag", "create", "checkout-v2", "--type", "boolean")
	m.must(0, "flag", "set", "checkout-v2", "--serve", "off")
	m.must(0, "flag", "on", "checkout-v2")
	m.must(0, "flag", "ramp", "checkout-v2", "--steps", "5,25,100", "--bake", "3s", "--min-requests", "20", "--max-errors", "5%", "--detach",
		"--prometheus", prometheus(t, strings.TrimPrefix(shop.URL, "http://")), "--every", "500ms", "--notify", listener.URL,
		"--requests", `sum(served_total{variant="{{version}}"})`, "--errors", `sum(served_total{variant="{{version}}",code=~"5.."})`)
	m.eventually("a quarter gets it", func() bool { return strings.Contains(m.must(0, "flag", "list").stdout, "on 25 %") })
	m.kill(syscall.SIGKILL)
	m.serve()
	bad.Store(time.Now().UnixNano())
	over := func() bool {
		return m.status(davit.RampEnvironment("production", "checkout-v2")).Rollout.Phase == davit.RolledBack
	}
	m.eventually("the ramp is hauled back", over)
	m.kill(syscall.SIGKILL)
	m.serve()
	if list := m.must(0, "flag", "list").stdout; !strings.Contains(list, "production: off") || !over() {
		t.Errorf("the flag is not off:\n%s", list)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 1 || !strings.Contains(fmt.Sprint(told[0]["cause"]), "gate analysis failed") {
		t.Errorf("told %v", told)
	}
	m.verifyAudit()
}
