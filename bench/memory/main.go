// Command memory measures the memory of server and proxy with twenty instances:
// over many requests, in tenths of them, and with many idle connections. It runs
// wrk for the requests. It fails when a bound is passed, or when the memory grew
// over the second half of the requests by more than a tenth.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/davit-dev/davit/internal/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench/memory:", err)
		os.Exit(1)
	}
}

const (
	mib         = 1 << 20
	boundBusy   = 120 * mib
	boundIdle   = 400 * mib
	samples     = 10
	connections = 64 // of wrk
)

// twenty has 2 instances of web, 17 of the api, and the worker.
var twenty = demo.Strategy{Name: "twenty", Rules: "blueGreen", Deadline: "1m", Window: "0s", Replicas: 17}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("memory", flag.ContinueOnError)
	davit := flags.String("davit", "bin/davit", "the davit binary")
	requests := flags.Int64("requests", 10_000_000, "how many")
	idle := flags.Int("idle", 10_000, "idle connections")
	if err := flags.Parse(args); err != nil {
		return err
	}
	fmt.Fprintf(out, "memory: %d requests, %d idle connections (%d processors, %s/%s, %s)\n",
		*requests, *idle, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	rig, err := demo.NewRig(ctx, *davit, twenty)
	if err != nil {
		return err
	}
	defer func() {
		_, closeErr := rig.Close(ctx)
		err = errors.Join(err, closeErr)
	}()
	if err := rig.Build(ctx, "v1"); err != nil {
		return err
	}
	if err := rig.Start(ctx); err != nil {
		return err
	}
	if d, err := rig.Deploy(ctx, twenty, "v1"); err != nil || d.Exit != 0 {
		return errors.Join(err, fmt.Errorf("deploying twenty instances: %+v", d))
	}
	return errors.Join(busy(ctx, rig, *requests, out), quiet(ctx, rig, *idle, out))
}

// busy sends requests and looks at the memory after each tenth of them.
func busy(ctx context.Context, rig *demo.Rig, requests int64, out io.Writer) error {
	if _, err := sample(ctx, rig, out, "before"); err != nil {
		return err
	}
	var sums [samples]int64
	var sent int64
	for i := range samples {
		for sent < requests*int64(i+1)/samples {
			n, err := wrk(ctx, rig.Front())
			if err != nil {
				return err
			}
			sent += n
		}
		var err error
		if sums[i], err = sample(ctx, rig, out, fmt.Sprintf("%d requests", sent)); err != nil {
			return err
		}
	}
	last, middle := sums[samples-1], sums[samples/2-1]
	switch {
	case last > boundBusy:
		return fmt.Errorf("server and proxy take %d MiB after %d requests, more than %d", last/mib, sent, boundBusy/mib)
	case last > middle+middle/10:
		return fmt.Errorf("server and proxy grew from %d to %d MiB over the second half of %d requests", middle/mib, last/mib, sent)
	}
	return nil
}

// quiet opens connections that have each sent a request, and leaves them open.
func quiet(ctx context.Context, rig *demo.Rig, count int, out io.Writer) error {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	for range count {
		conn, err := dialer.DialContext(ctx, "tcp", rig.Front())
		if err != nil {
			return fmt.Errorf("opening idle connections: %w", err)
		}
		defer conn.Close() //nolint:errcheck,gocritic // all of them, at the end
		if err := ask(conn, rig.Front()); err != nil {
			return fmt.Errorf("using a connection before it is idle: %w", err)
		}
	}
	sum, err := sample(ctx, rig, out, fmt.Sprintf("%d idle connections", count))
	if err != nil {
		return err
	}
	if sum > boundIdle {
		return fmt.Errorf("server and proxy take %d MiB with %d idle connections, more than %d", sum/mib, count, boundIdle/mib)
	}
	return nil
}

// ask sends one request on a connection and reads its answer.
func ask(conn net.Conn, host string) error {
	if _, err := fmt.Fprintf(conn, "GET /api/products HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}

func sample(ctx context.Context, rig *demo.Rig, out io.Writer, when string) (sum int64, err error) {
	server, proxy, err := rig.Resident(ctx)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(out, "%-24s server %3d MiB, proxy %3d MiB\n", when, server/mib, proxy/mib)
	return server + proxy, nil
}

var countPattern = regexp.MustCompile(`(\d+) requests in`)

// wrk sends requests for some seconds and returns how many.
func wrk(ctx context.Context, address string) (int64, error) {
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c"+strconv.Itoa(connections), "-d5s", "http://"+address+"/api/products").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	match := countPattern.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("wrk printed something unexpected: %s", out)
	}
	return strconv.ParseInt(string(match[1]), 10, 64)
}
