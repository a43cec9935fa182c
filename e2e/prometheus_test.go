//go:build e2e && linux

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// prometheus runs a Prometheus server that scrapes a target every 200 ms, and
// returns its URL.
func prometheus(t *testing.T, target string) string {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatal("prometheus is not installed: make e2e installs it")
	}
	dir, address := t.TempDir(), freeAddress(t)
	config := fmt.Sprintf("global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs: [{job_name: shop, static_configs: [{targets: [%q]}]}]\n", target)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus said:\n%s", log.String())
		}
	})
	return "http://" + address
}

// TestAnalysisByPrometheus has a real Prometheus count what two releases answer:
// 20 and 180 requests a second, of which only the candidate's fail.
func TestAnalysisByPrometheus(t *testing.T) {
	began := time.Now()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		seconds := time.Since(began).Seconds()
		fmt.Fprintf(w, "# TYPE http_requests_total counter\n")
		fmt.Fprintf(w, "http_requests_total{version=\"v1\",code=\"200\"} %.0f\n", 180*seconds)
		fmt.Fprintf(w, "http_requests_total{version=\"v2\",code=\"200\"} %.0f\n", 16*seconds)
		fmt.Fprintf(w, "http_requests_total{version=\"v2\",code=\"503\"} %.0f\n", 4*seconds)
	}))
	defer shop.Close()
	url := prometheus(t, strings.TrimPrefix(shop.URL, "http://"))
	m := analysed(t, `{analysis: {source: {prometheus: "`+url+`", every: 500ms,
      requests: 'sum(http_requests_total{version="{{version}}"})', errors: 'sum(http_requests_total{version="{{version}}",code=~"5.."})'}}}`)
	r := m.must(3, "deploy", "staging", "v2")
	if !strings.Contains(r.stdout+r.stderr, "e-value") {
		t.Errorf("deploy said:\n%s%s", r.stdout, r.stderr)
	}
}
