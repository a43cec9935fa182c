//go:build linux

// Command kubernetes measures deployments of the example application to a real
// cluster, through its Gateway and under live traffic, as its users see them:
//
//	deployments   requests lost in four deployments of each strategy; and beside
//	              it, in the same run, in updates by kubectl set image
//	switch        blue-green without bake, from the command to full traffic, beside
//	              what the kubelet takes to make the pods ready
//	rollback      from the first bad answer of a candidate that answers nothing but
//	              errors to all traffic on the stable release, beside what the Gateway
//	              takes to apply a weight
//	calls         what the API server is asked for during a canary of five steps
//	environments  100 environments of one server that roll at once, on a control
//	              plane whose kubelet only says so
//
// Everything runs on this machine: cluster, server, and the load generator too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/davit-dev/davit/e2e/cluster"
	"github.com/davit-dev/davit/e2e/rig"
)

func main() {
	var b bench
	flag.StringVar(&b.davit, "davit", "bin/davit", "the davit binary")
	flag.IntVar(&b.count, "count", 0, "how often to measure (0: as the figure needs)")
	flag.Float64Var(&b.rate, "rate", 500, "requests a second")
	flag.Parse()
	figure, known := figures()[flag.Arg(0)]
	if !known || flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "bench/kubernetes: name one figure: deployments, switch, rollback, calls or environments")
		os.Exit(2)
	}
	if b.count == 0 {
		b.count = figure.count
	}
	os.Exit(cluster.Run(cluster.Options{ControlPlane: figure.controlPlane}, func(kube *cluster.Cluster) int {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		b.kube, b.out = kube, os.Stdout
		fmt.Fprintf(b.out, "%s (%d processors, %s/%s, %s)\n", flag.Arg(0), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
		if err := figure.measure(ctx, &b); err != nil {
			fmt.Fprintln(os.Stderr, "bench/kubernetes:", err)
			return 1
		}
		return 0
	}))
}

// figure is what is measured, how often, and what it needs.
type figure struct {
	count        int
	controlPlane bool // no node and no Gateway
	measure      func(context.Context, *bench) error
}

func figures() map[string]figure {
	return map[string]figure{
		"deployments":  {12, false, measureDeployments},
		"switch":       {8, false, measureSwitch},
		"rollback":     {6, false, measureRollback},
		"calls":        {1, false, measureCalls},
		"environments": {100, true, measureEnvironments},
	}
}

// bench is what all figures have.
type bench struct {
	kube  *cluster.Cluster
	davit string
	count int
	rate  float64
	out   io.Writer
}

// in calls do with a new namespace, which goes afterwards.
func in(ctx context.Context, do func(rig.Space) error) (err error) {
	space := rig.Space{Name: fmt.Sprintf("davit-bench-%08x", rand.Uint32())} //nolint:gosec // a name, guards nothing
	if err := space.Make(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, space.Remove(context.WithoutCancel(ctx))) }()
	return do(space)
}

// on calls do with a rig whose server runs and where the first version of the shop
// is deployed; counted has a Prometheus count its requests.
func (b *bench) on(ctx context.Context, counted bool, do func(*rig.Rig) error) error {
	if err := rig.LoadShop(ctx, b.kube, "v1", "v2", "v3"); err != nil {
		return err
	}
	return in(ctx, func(space rig.Space) (err error) {
		options := rig.Options{Davit: b.davit, Space: space}
		if counted {
			prometheus, err := rig.StartPrometheus(ctx, b.kube)
			if err != nil {
				return err
			}
			defer prometheus.Close()
			options.Prometheus = prometheus.URL
		}
		r, err := rig.New(ctx, options)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Close(ctx)) }()
		if err := r.Start(ctx); err != nil {
			return err
		}
		if _, err := r.Promote(ctx, rig.BlueGreen, "v1"); err != nil {
			return err
		}
		return do(r)
	})
}

// middle returns the median, and the longest.
func middle(times []time.Duration) (median, longest time.Duration) {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2], sorted[len(sorted)-1]
}

func ms(d time.Duration) string { return d.Round(time.Millisecond).String() }
