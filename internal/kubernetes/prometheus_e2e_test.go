//go:build e2e

package kubernetes

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit/internal/prometheus"
)

// A real Prometheus understands the queries of all families together, and gives
// each series with what it takes to tell whose it is.
func TestQueriesOfFamilies(t *testing.T) {
	began := time.Now()
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int(100 * time.Since(began).Seconds())
		for _, f := range families {
			for _, name := range []string{oldWeb, newWeb} {
				workload := name
				if f.workload == "pod" {
					workload += "-6c5b-abcde"
				}
				labels := fmt.Sprintf("%s=%q,%s=\"200\"%s", f.workload, workload, f.code[0], f.selector)
				fmt.Fprintf(w, "%s{%s} %d\n%s{%s,le=\"+Inf\"} %d\n", f.requests, labels, n, f.buckets, labels, n)
			}
		}
	}))
	defer exporter.Close()
	base := startPrometheus(t, strings.TrimPrefix(exporter.URL, "http://"))
	names := []string{oldWeb, newWeb}
	for i := range families {
		counts := newCounts()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		if !until(ctx, 30*time.Second, func(ctx context.Context) bool {
			samples, err := prometheus.Query(ctx, http.DefaultClient, base, query(families[i:], names), time.Now())
			if err != nil {
				return false // it starts
			}
			counts.add(samples, lives{oldWeb: "1", newWeb: "2"})
			took := counts.traffic(newWeb).Latency
			return counts.traffic(oldWeb).Requests > 0 && took.Count() > 0
		}) {
			_, err := prometheus.Query(t.Context(), http.DefaultClient, base, query(families[i:], names), time.Now())
			t.Errorf("%s: nothing is counted, %v", families[i].name, err)
		}
		if counts.family != &families[i] {
			t.Errorf("%s does not count, but %v", families[i].name, counts.family)
		}
		cancel()
	}
}

// startPrometheus runs a Prometheus that scrapes a target, and returns its URL.
func startPrometheus(t *testing.T, target string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close() // Prometheus takes it
	dir := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs: [{job_name: gateway, static_configs: [{targets: [%q]}]}]\n", target)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	if err := cmd.Start(); err != nil {
		t.Fatalf("prometheus is not installed: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		_ = cmd.Wait()
	})
	return "http://" + address
}
