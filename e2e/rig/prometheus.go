//go:build linux

package rig

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/davit-dev/davit/e2e/cluster"
)

// Prometheus counts what goes through the Gateway.
type Prometheus struct {
	URL string
	cmd *exec.Cmd
	dir string
}

// StartPrometheus starts one that scrapes the Gateway of the tests' own cluster
// every second. For a cluster that is not, PROMETHEUS names one; without that there
// is none, and the URL is "".
func StartPrometheus(ctx context.Context, kube *cluster.Cluster) (*Prometheus, error) {
	if !kube.Own() {
		return &Prometheus{URL: os.Getenv("PROMETHEUS")}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("finding a free port: %w", err)
	}
	address := listener.Addr().String()
	_ = listener.Close() // Prometheus takes it
	dir, err := os.MkdirTemp("", "davit-prometheus-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for Prometheus: %w", err)
	}
	config := fmt.Sprintf("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs: [{job_name: gateway, static_configs: [{targets: [%q]}]}]\n", cluster.GatewayMetrics)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("configuring Prometheus: %w", err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "prometheus", //nolint:gosec // folders and addresses of our own
		"--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting Prometheus: %w", err)
	}
	return &Prometheus{URL: "http://" + address, cmd: cmd, dir: dir}, nil
}

// Close ends it.
func (p *Prometheus) Close() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	_ = p.cmd.Wait()
	_ = os.RemoveAll(p.dir) // the system's temporary folder
}
