// Command validation measures how long the whole validation suite takes against
// the example application: at its URL alone, as an environment, and as a
// candidate beside the stable release in the middle of a canary.
//
// Everything runs on this machine: instances, proxy, server and davit validate.
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

// limit is what the suite may take.
const limit = 3 * time.Second

// runs is how often each target is validated.
const runs = 5

// canary holds its first step until it is aborted.
var canary = demo.Strategy{Name: "held", Rules: "{canary: {steps: [50, 100], bake: 10m}}", Deadline: "30m", Window: "0s"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench/validation:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("validation", flag.ContinueOnError)
	davit := flags.String("davit", "bin/davit", "the davit binary")
	if err := flags.Parse(args); err != nil {
		return err
	}
	rig, err := demo.NewRig(ctx, *davit, demo.BlueGreen, canary)
	if err != nil {
		return err
	}
	defer func() {
		_, closeErr := rig.Close(context.WithoutCancel(ctx))
		err = errors.Join(err, closeErr)
	}()
	if err := begin(ctx, rig); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s/%s, %d processors, %d runs each\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runs)
	return errors.Join(
		measure(ctx, rig, out, "URL alone", "--url", "http://"+rig.Front()),
		measure(ctx, rig, out, "environment", rig.Environment()),
		measureCandidate(ctx, rig, out),
	)
}

// begin deploys the first version.
func begin(ctx context.Context, rig *demo.Rig) error {
	if err := rig.Build(ctx, "v1", "v2"); err != nil {
		return err
	}
	if err := rig.Start(ctx); err != nil {
		return err
	}
	d, err := rig.Deploy(ctx, demo.BlueGreen, "v1")
	if err == nil && d.Exit != 0 {
		err = fmt.Errorf("v1 ended with exit code %d: %s", d.Exit, d.Stderr)
	}
	return err
}

func measureCandidate(ctx context.Context, rig *demo.Rig, out io.Writer) error {
	if err := rig.Ask(ctx, canary, "v2"); err != nil {
		return err
	}
	if err := rig.Held(ctx); err != nil {
		return err
	}
	err := measure(ctx, rig, out, "candidate beside stable", rig.Environment(), "--candidate")
	if err := errors.Join(err, rig.Abort(ctx)); err != nil {
		return err
	}
	_, err = rig.Ended(ctx)
	return err
}

// measure validates a target several times, and fails when the median is above
// the limit.
func measure(ctx context.Context, rig *demo.Rig, out io.Writer, what string, args ...string) error {
	var took []time.Duration
	var last *demo.Validation
	for range runs {
		v, err := rig.Validate(ctx, canary, args...)
		if err != nil {
			return err
		}
		if v.Exit != 0 {
			return fmt.Errorf("%s: davit validate ended with exit code %d: %+v", what, v.Exit, v.Results)
		}
		took, last = append(took, v.Whole), v
	}
	slices.Sort(took)
	median := took[len(took)/2]
	fmt.Fprintf(out, "%-24s median %s, longest %s; %d checks, %d passed, %d failed, %d skipped\n", what,
		median.Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), len(last.Results), last.Counts.Passed, last.Counts.Failed, last.Counts.Skipped)
	if median > limit {
		return fmt.Errorf("%s: %s is more than %s", what, median, limit)
	}
	return nil
}
