// Command chaos breaks Davit on purpose, with real processes and under live
// traffic, and says what the users noticed:
//
//	kills     the server is killed (SIGKILL) at random moments of rollouts, and
//	          started again, as systemd would
//	stops     the same with SIGTERM
//	upgrades  server and proxy are upgraded in place at such moments, there and
//	          back between two builds, with WebSockets and event streams open
//
// It prints one table and fails when a promise of docs/guarantees.md was broken.
// The moments are drawn from a seed, which is printed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/davit-dev/davit/internal/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench/chaos:", err)
		os.Exit(1)
	}
}

// options are the command line's.
type options struct {
	davit        string
	rate         float64
	kills, stops int
	upgrades     int
	seed         uint64
	json         bool
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.StringVar(&o.davit, "davit", "bin/davit", "the davit binary")
	flags.Float64Var(&o.rate, "rate", 300, "requests a second")
	flags.IntVar(&o.kills, "kills", 200, "how often the server is killed in the middle of a rollout")
	flags.IntVar(&o.stops, "stops", 20, "how often it is told to stop there")
	flags.IntVar(&o.upgrades, "upgrades", 20, "how often server and proxy are upgraded there")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "draws the moments") //nolint:gosec // any number will do
	flags.BoolVar(&o.json, "json", false, "print JSON in place of the table")
	if err := flags.Parse(args); err != nil {
		return err
	}
	fmt.Fprintf(progress, "chaos: %.0f requests/s, seed %d (%d processors, %s/%s, %s)\n",
		o.rate, o.seed, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	rows, err := play(ctx, o, progress)
	if err != nil {
		return err
	}
	if o.json {
		err = json.NewEncoder(out).Encode(rows)
	} else {
		err = writeTable(out, rows)
	}
	return errors.Join(err, broken(rows))
}

// play sets the rig up, runs the scenes, and takes it down.
func play(ctx context.Context, o options, progress io.Writer) (rows []row, err error) {
	rig, err := demo.NewRig(ctx, o.davit, append(strategies, demo.BlueGreen)...)
	if err != nil {
		return nil, err
	}
	defer func() {
		left, closeErr := rig.Close(ctx)
		if len(left) > 0 {
			closeErr = errors.Join(closeErr, fmt.Errorf("left running: %v", left))
		}
		err = errors.Join(err, closeErr)
	}()
	c, err := newChaos(ctx, rig, o, progress)
	if err != nil {
		return nil, err
	}
	defer c.traffic.End()
	for _, s := range []scene{
		{"kill -9 of the server", o.kills, c.breaks(syscall.SIGKILL)},
		{"SIGTERM of the server", o.stops, c.breaks(syscall.SIGTERM)},
		{"upgrade of server and proxy", o.upgrades, c.upgrades(o.davit)}, // the last: the server is none of ours then
	} {
		if s.times == 0 {
			continue
		}
		r, err := c.play(ctx, s)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return c.balance(rows)
}
