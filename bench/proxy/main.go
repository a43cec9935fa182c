// Command proxy measures the embedded proxy beside nginx: the same load through
// each in turn, in one run, to the same upstream.
//
// Everything is on loopback and on the same processors: the load generator
// (wrk, 64 connections), the upstream (an nginx of its own that answers 1 KiB,
// so that it costs as little as an upstream can) and the proxy under test. So
// the figures are ratios, not capacities. nginx gets one worker a processor
// (worker_processes auto), as Go uses all of them too; keep-alive to the
// upstream is on, the access log is off. A bare httputil.ReverseProxy runs along
// as a yardstick.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "bench/proxy:", err)
		os.Exit(1)
	}
}
