package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/davit-dev/davit/internal/proxy"
)

// The program starts itself to be one of the proxies. These variables say which
// and how.
const (
	roleVariable     = "DAVIT_BENCH_ROLE"
	dirVariable      = "DAVIT_BENCH_DIR"
	addressVariable  = "DAVIT_BENCH_ADDRESS"
	upstreamVariable = "DAVIT_BENCH_UPSTREAM"
	profileVariable  = "DAVIT_BENCH_PROFILE"
)

func (w *world) startSelf(ctx context.Context, role, dir, address, upstream string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, dirVariable+"="+dir, addressVariable+"="+address,
		upstreamVariable+"="+upstream, profileVariable+"="+w.profile)
	if role == "davit" {
		return w.start(ctx, cmd, func(ctx context.Context) error {
			_, err := proxy.NewClient(dir).Status(ctx)
			return err
		})
	}
	return w.start(ctx, cmd, listens(address))
}

func serveRole(ctx context.Context, role string) error {
	if role == "bare" {
		return serveBare(ctx, os.Getenv(addressVariable), os.Getenv(upstreamVariable))
	}
	if path := os.Getenv(profileVariable); path != "" {
		file, err := os.Create(filepath.Clean(path))
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // a profile is no data to lose
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	return proxy.Run(ctx, proxy.Options{Dir: os.Getenv(dirVariable), Drain: time.Second, Stdout: os.Stdout, Stderr: os.Stderr})
}

// serveBare is a reverse proxy of the standard library with nothing but enough
// kept connections.
func serveBare(ctx context.Context, address, upstream string) error {
	target := &url.URL{Scheme: "http", Host: upstream}
	server := &http.Server{
		Addr: address,
		Handler: &httputil.ReverseProxy{
			ErrorLog:  log.New(io.Discard, "", 0), // wrk cuts its last requests off
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
			Transport: &http.Transport{MaxIdleConnsPerHost: 128},
		},
		ReadHeaderTimeout: time.Minute,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
