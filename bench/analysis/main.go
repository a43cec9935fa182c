// Analysis measures the statistics that haul releases back and promote them, on
// simulated rollouts: how often they raise a false alarm, how fast they find
// harm beside a test that knows the truth, and how much bake time they save.
//
//	go run ./bench/analysis
//
// The same seed gives the same figures on any machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/davit-dev/davit/internal/analysis"
	"github.com/davit-dev/davit/internal/analysis/simulation"
)

func main() {
	rollouts := flag.Int("rollouts", 10_000, "rollouts of each kind")
	seed := flag.Uint64("seed", 1, "where chance begins")
	only := flag.String("only", "", "measure only alarms, harm or early")
	flag.Parse()
	b := bench{rollouts: *rollouts, seed: *seed, out: os.Stdout, options: analysis.Options{
		Alpha: 0.01, PassAlpha: 0.05, MinRequests: 100, Metrics: []analysis.Metric{{Name: "errors", Margin: 0.005}},
	}}
	ctx := context.Background()
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{{"alarms", b.falseAlarms}, {"harm", b.harm}, {"early", b.early}} {
		if *only != "" && *only != part.name {
			continue
		}
		if err := part.measure(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
	}
}

type bench struct {
	rollouts int
	seed     uint64
	options  analysis.Options
	out      io.Writer
}

func (b bench) many(ctx context.Context, w simulation.World, early bool) ([]simulation.Result, error) {
	return simulation.Many(ctx, w, b.options, early, b.rollouts, b.seed)
}

// falseAlarms counts the rollouts of identical releases that are hauled back.
func (b bench) falseAlarms(ctx context.Context) error {
	fmt.Fprintf(b.out, "False haul-backs of %d rollouts of identical releases, looked at after every request, alpha %g\n\n", b.rollouts, b.options.Alpha)
	t := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "traffic\thauled back\tof all\ttook")
	for _, w := range simulation.Alike() {
		began := time.Now()
		results, err := b.many(ctx, w, false)
		if err != nil {
			return err
		}
		n := 0
		for _, r := range results {
			if r.HauledBack {
				n++
			}
		}
		fmt.Fprintf(t, "%s\t%d\t%.2f%%\t%s\n", w.Name, n, 100*float64(n)/float64(len(results)), time.Since(began).Round(100*time.Millisecond))
	}
	fmt.Fprintln(t)
	return t.Flush()
}

// Truth of the harm that is to be found.
const (
	well  = 0.001
	share = 0.05
	speed = 100 // requests a second
)

// harm measures the time until a candidate that fails is hauled back, beside
// Wald's sequential probability ratio test, which knows both rates.
func (b bench) harm(ctx context.Context) error {
	fmt.Fprintf(b.out, "Time to haul back at %d requests/s, %g%% canary, errors %g%% -> ...\n\n", speed, 100*share, 100*well)
	t := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "errors\tmedian\tmean\tfound\tSPRT on failures, mean\tratio of means\tSPRT on requests, mean\tratio of means")
	for _, bad := range []float64{0.005, 0.05, 0.5} {
		w := simulation.World{Rate: speed, Stages: []simulation.Stage{{Share: share, For: time.Hour}}, Stable: well, Candidate: bad}
		few := b
		few.rollouts = b.rollouts / 10
		if bad < 0.01 { // these take long
			few.rollouts = b.rollouts / 50
		}
		results, err := few.many(ctx, w, false)
		if err != nil {
			return err
		}
		slices.SortFunc(results, func(x, y simulation.Result) int { return int(x.Took - y.Took) })
		sum, found := time.Duration(0), 0
		for _, r := range results {
			sum += r.Took
			if r.HauledBack {
				found++
			}
		}
		mean := sum.Seconds() / float64(len(results))
		failures, requests := b.waldOnFailures(bad), b.waldOnRequests(bad)
		fmt.Fprintf(t, "%g%%\t%.2fs\t%.2fs\t%d of %d\t%.2fs\t%.2f\t%.2fs\t%.2f\n", 100*bad, results[len(results)/2].Took.Seconds(), mean,
			found, len(results), failures, mean/failures, requests, mean/requests)
	}
	fmt.Fprintln(t)
	return t.Flush()
}

// waldOnRequests returns the mean time, in seconds, of the test on each request
// to the candidate. It takes for granted that the rate of failure of stable is
// known and never changes: it hauls back for a failure that strikes both.
func (b bench) waldOnRequests(bad float64) float64 {
	return wald(b.options.Alpha, bad, well, b.seed) / (share * speed)
}

// waldOnFailures returns the mean time of the test on which release each failure
// falls on, which is all that can be known when rates may change.
func (b bench) waldOnFailures(bad float64) float64 {
	rate := share*bad + (1-share)*well
	return wald(b.options.Alpha, share*bad/rate, share, b.seed) / (rate * speed)
}

// early measures the part of the bake time that a release which is no worse does
// not have to wait.
func (b bench) early(ctx context.Context) error {
	const bake = 10 * time.Minute
	fmt.Fprintf(b.out, "Share of a bake of %s saved for a release that is alike, at %g%% of %d requests/s, and how often one that is just worse by the margin passes early\n\n", bake, 100*share, speed)
	t := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "margin\tmedian time\tbake saved, mean\tpromoted\tworse and early")
	for _, margin := range []float64{0.005, 0.01, 0.02} {
		few := b
		few.rollouts = b.rollouts / 50
		few.options.Metrics = []analysis.Metric{{Name: "errors", Margin: margin}}
		w := simulation.World{Rate: speed, Stages: []simulation.Stage{{Share: share, For: bake}}, Stable: well, Candidate: well}
		results, err := few.many(ctx, w, true)
		if err != nil {
			return err
		}
		slices.SortFunc(results, func(x, y simulation.Result) int { return int(x.Took - y.Took) })
		saved, promoted := 0.0, 0
		for _, r := range results {
			if r.Promoted {
				promoted++
				saved += math.Max(0, 1-r.Took.Seconds()/bake.Seconds())
			}
		}
		w.Candidate = well + margin
		worse, err := few.many(ctx, w, true)
		if err != nil {
			return err
		}
		wrong := 0
		for _, r := range worse {
			if r.Promoted && r.Took < bake-10*time.Second {
				wrong++
			}
		}
		fmt.Fprintf(t, "%g points\t%s\t%.0f%%\t%d of %d\t%.1f%%\n", 100*margin, results[len(results)/2].Took.Round(time.Second),
			100*saved/float64(promoted), promoted, len(results), 100*float64(wrong)/float64(len(worse)))
	}
	return t.Flush()
}
