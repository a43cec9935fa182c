// Command deployments measures deployments of the example application under
// live traffic, as its users see them:
//
//	switch       blue-green without bake, from the command to full traffic
//	rollback     from the first bad answer of a candidate that answers nothing but
//	             errors, at a weight of 5 %, to all traffic on the stable release
//	deployments  requests lost in ten deployments of each strategy
//	death        requests lost when one of two instances is killed
//	streams      the same with 100 WebSockets and 100 event streams open throughout
//
// Everything runs on this machine: instances, proxy, server, and the load
// generator too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/davit-dev/davit/internal/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench/deployments:", err)
		os.Exit(1)
	}
}

// options are the command line's.
type options struct {
	davit string
	count int
	rate  float64
}

// benchmark is one of the figures: what it needs, and how it is measured.
type benchmark struct {
	rate       float64 // requests a second, unless the command line says otherwise
	count      int     // deployments, likewise
	strategies []demo.Strategy
	measure    func(ctx context.Context, b *bench) error
}

func benchmarks() map[string]benchmark {
	return map[string]benchmark{
		"switch":      {200, 20, []demo.Strategy{atOnce}, measureSwitch},
		"rollback":    {500, 20, []demo.Strategy{atOnce, fivePercent}, measureRollback},
		"deployments": {3000, 30, strategies, measureDeployments},
		"death":       {1000, 20, []demo.Strategy{two}, measureDeath},
		"streams":     {3000, 30, strategies, measureStreams},
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("deployments", flag.ContinueOnError)
	flags.StringVar(&o.davit, "davit", "bin/davit", "the davit binary")
	flags.IntVar(&o.count, "count", 0, "number of deployments (0: that of the figure)")
	flags.Float64Var(&o.rate, "rate", 0, "requests a second (0: that of the figure)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, known := benchmarks()[flags.Arg(0)]
	if !known || flags.NArg() != 1 {
		return errors.New("name one figure: switch, rollback, deployments, death or streams")
	}
	if o.count > 0 {
		chosen.count = o.count
	}
	if o.rate > 0 {
		chosen.rate = o.rate
	}
	fmt.Fprintf(out, "%s: %d deployments at %.0f requests/s (%d processors, %s/%s, %s)\n",
		flags.Arg(0), chosen.count, chosen.rate, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	return set(ctx, o.davit, chosen, out)
}

// set builds a rig for a benchmark, measures, and takes the rig down.
func set(ctx context.Context, davit string, chosen benchmark, out io.Writer) (err error) {
	rig, err := demo.NewRig(ctx, davit, append(chosen.strategies, demo.BlueGreen)...)
	if err != nil {
		return err
	}
	defer func() {
		left, closeErr := rig.Close(ctx)
		if len(left) > 0 {
			closeErr = errors.Join(closeErr, fmt.Errorf("left running: %v", left))
		}
		err = errors.Join(err, closeErr)
	}()
	return chosen.measure(ctx, &bench{Rig: rig, out: out, rate: chosen.rate, count: chosen.count, strategies: chosen.strategies})
}

// middle returns the median, and the longest.
func middle(times []time.Duration) (median, longest time.Duration) {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2], sorted[len(sorted)-1]
}
