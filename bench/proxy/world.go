package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/proxy"
)

// world starts what is measured, each in a process of its own.
type world struct {
	dir     string
	profile string
	ended   sync.WaitGroup
}

// wait waits for all processes; they end with the context they were started with.
func (w *world) wait() { w.ended.Wait() }

// need looks for programs, and installs the Debian packages of those missing.
func need(ctx context.Context, programs map[string]string) error {
	for program, pkg := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		out, err := exec.CommandContext(ctx, "apt-get", "install", "-y", "-qq", pkg).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s is needed for the comparison and could not be installed (apt-get install %s): %w: %s", program, pkg, err, out)
		}
	}
	return nil
}

func (w *world) startUpstream(ctx context.Context) (string, error) {
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	return address, w.nginx(ctx, "upstream", address, fmt.Sprintf(`
    server {
        listen %s;
        location / { default_type text/plain; return 200 "%s"; }
    }`, address, strings.Repeat("d", 1024)))
}

func (w *world) startNginx(ctx context.Context, upstream string) (string, error) {
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	return address, w.nginx(ctx, "front", address, fmt.Sprintf(`
    upstream app { server %s; keepalive 128; }
    server {
        listen %s;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Host $host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Request-Id $request_id;
        }
    }`, upstream, address))
}

func (w *world) nginx(ctx context.Context, name, address, servers string) error {
	prefix := filepath.Join(w.dir, name)
	if err := os.MkdirAll(prefix, 0o700); err != nil {
		return err
	}
	config := fmt.Sprintf(`daemon off;
worker_processes auto;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
%[2]s
}
`, prefix, servers)
	path := filepath.Join(prefix, "nginx.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return err
	}
	return w.start(ctx, exec.CommandContext(ctx, "nginx", "-p", prefix, "-c", path, "-e", prefix+"/error.log"), listens(address))
}

// start runs a command until ctx ends, and returns when it answers.
func (w *world) start(ctx context.Context, cmd *exec.Cmd, answers func(context.Context) error) error {
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	w.ended.Go(func() { _ = cmd.Wait() }) // it is ended by a signal
	if err := until(ctx, answers); err != nil {
		return fmt.Errorf("%s does not answer: %w", cmd.Path, err)
	}
	return nil
}

// listens returns a check that something listens at address.
func listens(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// startDavit starts the proxy from a kept table, and checks that it counts.
func (w *world) startDavit(ctx context.Context, upstream string) (string, error) {
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(w.dir, "davit")
	if err := w.startSelf(ctx, "davit", dir, address, upstream); err != nil {
		return "", err
	}
	if err := proxy.NewClient(dir).Apply(ctx, table(address, upstream)); err != nil {
		return "", err
	}
	res, err := http.Get("http://" + address)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", errors.New(res.Status)
	}
	return address, res.Body.Close()
}

func table(address, upstream string) *proxy.Table {
	return &proxy.Table{Number: 1, Key: []byte("only for measurements"), Sites: []proxy.Site{{
		Name:  "bench/bench",
		Front: davit.Front{Listen: []davit.Listener{{Address: address}}},
		Split: davit.All("v1"), Stable: "v1",
		Releases: map[davit.ReleaseID]proxy.Release{"v1": {
			Routes:   []davit.Route{{Prefix: "/", Service: "web"}},
			Services: map[string]proxy.Service{"web": {Backends: []proxy.Backend{{Instance: "web-1", Address: upstream}}}},
		}},
	}}}
}

func (w *world) startBare(ctx context.Context, upstream string) (string, error) {
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	return address, w.startSelf(ctx, "bare", "", address, upstream)
}

// until tries until there is no error, for 5 s at most.
func until(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-poll.C:
		}
	}
}
