package simulation

import (
	"context"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
)

// Result is how a rollout ended.
type Result struct {
	HauledBack bool
	Promoted   bool // every stage passed
	Requests   int64
	Took       time.Duration
}

// verdictEvery is how often a simulated rollout asks whether it may pass; harm
// is asked for after every request.
const verdictEvery = 5 * time.Second

// Run takes one rollout through the world. early lets a stage end when the
// candidate is shown not to be worse; otherwise it lasts its time.
func Run(w World, o analysis.Options, early bool, seed uint64) (Result, error) {
	t := newTraffic(w, rand.New(rand.NewPCG(seed, 0x9E3779B97F4A7C15))) //nolint:gosec // reproducible on purpose
	c, err := analysis.New(o)
	if err != nil {
		return Result{}, err
	}
	look := analysis.Look{Stable: analysis.Counts{Events: make([]int64, 1)}, Candidate: analysis.Counts{Events: make([]int64, 1)}}
	var r Result
	for _, s := range w.Stages {
		began := t.now
		c.Stage(at(began), s.For)
		ask := began + verdictEvery.Seconds()
		for end := began + s.For.Seconds(); t.now < end; {
			q := t.next(s.Share)
			r.Requests++
			look.At = at(t.now)
			count(&look, q)
			if err := c.Observe(look); err != nil {
				return r, err
			}
			r.Took = at(t.now).Sub(at(0))
			if c.Harmful() >= 0 {
				r.HauledBack = true
				return r, nil
			}
			if early && t.now >= ask {
				ask += verdictEvery.Seconds()
				if v := c.Verdict(); v.Outcome == davit.Pass {
					break
				}
			}
		}
	}
	r.Promoted = true
	return r, nil
}

// count adds a sampled request to the counts.
func count(l *analysis.Look, q request) {
	if !q.sampled {
		return
	}
	to := &l.Stable
	if q.candidate {
		to = &l.Candidate
	}
	to.Requests++
	if q.failed {
		to.Events[0]++
	}
}

func at(seconds float64) time.Time {
	return time.Unix(0, int64(seconds*float64(time.Second)))
}

// Many runs n rollouts on all processors and returns their results in the order
// of their seeds, from seed on.
func Many(ctx context.Context, w World, o analysis.Options, early bool, n int, seed uint64) ([]Result, error) {
	results := make([]Result, n)
	workers := runtime.GOMAXPROCS(0)
	group, ctx := errgroup.WithContext(ctx)
	for first := range workers {
		group.Go(func() error {
			for i := first; i < n; i += workers {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				var err error
				if results[i], err = Run(w, o, early, seed+uint64(i)); err != nil { //nolint:gosec // an index
					return err
				}
			}
			return nil
		})
	}
	return results, group.Wait()
}
