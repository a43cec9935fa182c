package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// subject is a proxy under test.
type subject struct {
	name    string
	address string
	results []result
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("proxy", flag.ContinueOnError)
	rounds := flags.Int("rounds", 5, "times that each proxy is measured; the median counts")
	each := flags.Duration("each", 4*time.Second, "length of one measurement")
	profile := flags.String("cpuprofile", "", "write a profile of the embedded proxy's process to this file")
	if role := os.Getenv(roleVariable); role != "" {
		return serveRole(ctx, role)
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := need(ctx, map[string]string{"nginx": "nginx-light", "wrk": "wrk"}); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "davit-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // scratch
	ctx, cancel := context.WithCancel(ctx)
	world := &world{dir: dir, profile: *profile}
	defer world.wait()
	defer cancel()

	upstream, err := world.startUpstream(ctx)
	if err != nil {
		return err
	}
	subjects := []*subject{{name: "nginx"}, {name: "davit proxy"}, {name: "bare ReverseProxy"}}
	for i, start := range []func(context.Context, string) (string, error){world.startNginx, world.startDavit, world.startBare} {
		if subjects[i].address, err = start(ctx, upstream); err != nil {
			return fmt.Errorf("starting %s: %w", subjects[i].name, err)
		}
	}
	for _, s := range subjects { // warm up
		if _, err := wrk(ctx, s.address, time.Second); err != nil {
			return err
		}
	}
	for range *rounds {
		for _, s := range subjects {
			r, err := wrk(ctx, s.address, *each)
			if err != nil {
				return err
			}
			s.results = append(s.results, r)
		}
	}
	return report(out, subjects)
}

// report prints the medians, and what they are of those of the first subject.
func report(out io.Writer, subjects []*subject) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "proxy\trequests/s\tof nginx\tp50\tof nginx\tp99\tof nginx\terrors\t")
	base := median(subjects[0].results)
	for _, s := range subjects {
		m := median(s.results)
		fmt.Fprintf(t, "%s\t%.0f\t%.2f\t%s\t%.2f\t%s\t%.2f\t%d\t\n", s.name, m.rate, m.rate/base.rate,
			m.p50, ratio(m.p50, base.p50), m.p99, ratio(m.p99, base.p99), m.errors)
	}
	return t.Flush()
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

// median takes the median of each figure; errors are summed.
func median(results []result) result {
	var m result
	m.rate = middle(results, func(r result) float64 { return r.rate })
	m.p50 = time.Duration(middle(results, func(r result) float64 { return float64(r.p50) }))
	m.p99 = time.Duration(middle(results, func(r result) float64 { return float64(r.p99) }))
	for _, r := range results {
		m.errors += r.errors
	}
	return m
}

func middle(results []result, of func(result) float64) float64 {
	var values []float64
	for _, r := range results {
		values = append(values, of(r))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// freeAddress returns a loopback address that nothing listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := l.Addr().String()
	return address, l.Close()
}
