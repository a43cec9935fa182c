package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/load"
)

// Options are the demo's.
type Options struct {
	Davit    string    // the davit binary that is run
	Rate     float64   // requests a second
	Progress io.Writer // what is going on, for people
}

// Report is what the demo measured.
type Report struct {
	Rate   float64        `json:"rate"` // requests a second
	First  davit.Duration `json:"first"`
	Scenes []Result       `json:"scenes"`
	Orders load.Orders    `json:"orders"`
	Took   davit.Duration `json:"took"`
	// Left are processes that were left running; there should be none.
	Left []string `json:"left,omitempty"`
	// Problems are those of no single scene.
	Problems []string `json:"problems,omitempty"`
}

// Passed reports whether everything was as it should be.
func (r *Report) Passed() bool {
	ok := len(r.Problems) == 0 && len(r.Left) == 0 && len(r.Scenes) > 0
	for _, s := range r.Scenes {
		ok = ok && len(s.Problems) == 0
	}
	return ok
}

// limit bounds the whole demo, should something hang.
const limit = 3 * time.Minute

// Run runs the demo. The error is that it could not be run to its end; what
// was not as it should be is in the report.
func Run(ctx context.Context, o Options) (report *Report, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	report = &Report{Rate: o.Rate}
	rig, err := NewRig(ctx, o.Davit, BlueGreen, Canary, Rolling, impatient)
	if err != nil {
		return nil, err
	}
	defer func() {
		left, closeErr := rig.Close(ctx)
		report.Left, report.Took = left, davit.Duration(time.Since(began))
		err = errors.Join(err, closeErr)
	}()
	return report, rig.show(ctx, o, report)
}

// show runs the scenes one after the other under the same traffic.
func (r *Rig) show(ctx context.Context, o Options, report *Report) error {
	say := func(format string, args ...any) { fmt.Fprintf(o.Progress, format+"\n", args...) }
	list := scenes()
	versions := []string{"v1"}
	for _, s := range list {
		versions = append(versions, s.version)
	}
	say("building %d versions of the shop", len(versions))
	if err := r.Build(ctx, versions...); err != nil {
		return err
	}
	if err := r.Start(ctx); err != nil {
		return err
	}
	say("deploying v1, the first")
	first, err := r.Deploy(ctx, BlueGreen, versions[0])
	if err != nil {
		return err
	}
	if first.Exit != exitPromoted {
		return fmt.Errorf("the first deployment ended with exit code %d: %s%s", first.Exit, first.Rollout.Cause, first.Stderr)
	}
	report.First = davit.Duration(first.Ended.Sub(first.Began))
	say("traffic: %.0f requests/s to http://%s", o.Rate, r.front)
	traffic, err := r.Begin(ctx, o.Rate, Mix{Pages: 1, Lists: 6, Orders: 3})
	if err != nil {
		return err
	}
	defer traffic.End()
	if err := r.playAll(ctx, traffic, list, report, say); err != nil {
		return err
	}
	traffic.End()
	return r.closeBooks(ctx, traffic, report)
}

func (r *Rig) playAll(ctx context.Context, traffic *Traffic, list []scene, report *Report, say func(string, ...any)) error {
	if err := traffic.Settle(ctx, settled); err != nil {
		return err
	}
	stable := "v1"
	for _, s := range list {
		say("%s: %s after %s", s.title, s.version, stable)
		result, err := r.play(ctx, traffic, s, stable)
		if err != nil {
			return err
		}
		report.Scenes = append(report.Scenes, result)
		if result.Ending == string(promoted) {
			stable = s.version
		}
		say("  %s%s", result.Ending, because(result.Cause))
		for _, problem := range result.Problems {
			say("  PROBLEM: %s", problem)
		}
	}
	return nil
}

func because(cause string) string {
	if cause == "" {
		return ""
	}
	return ": " + cause
}

// closeBooks compares the orders, looks for losses between the scenes, and has
// the audit log verified.
func (r *Rig) closeBooks(ctx context.Context, traffic *Traffic, report *Report) error {
	var err error
	if report.Orders, err = traffic.Orders(); err != nil {
		return err
	}
	problem := func(format string, args ...any) {
		report.Problems = append(report.Problems, fmt.Sprintf(format, args...))
	}
	if report.Orders.Missing > 0 || report.Orders.Doubled > 0 {
		problem("of %d confirmed orders %d are missing and %d doubled", report.Orders.Confirmed, report.Orders.Missing, report.Orders.Doubled)
	}
	lost := traffic.Snapshot().TotalLost()
	for _, s := range report.Scenes {
		lost -= s.LostCount + s.Bad
	}
	if lost > 0 {
		problem("%d requests were lost between the scenes", lost)
	}
	if err := r.Verify(ctx); err != nil {
		problem("%v", err)
	}
	return nil
}

// Verify checks the audit log as an outsider would: by its export and the
// public key.
func (r *Rig) Verify(ctx context.Context) error {
	export := filepath.Join(r.dir, "audit.export")
	if _, said, err := r.run(ctx, "audit", "export", export); err != nil {
		return fmt.Errorf("the audit log cannot be exported: %w: %s", err, said)
	}
	if out, said, err := r.run(ctx, "audit", "verify", export, "--key", filepath.Join(r.dir, "state", "audit.key.pub")); err != nil {
		return fmt.Errorf("the audit log does not verify: %w: %s%s", err, out, said)
	}
	return nil
}
