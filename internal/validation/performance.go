package validation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// performance checks measure, so they run alone.
func performance() []Check {
	return []Check{
		define(Check{
			ID: "performance.latency", Category: Performance, Severity: davit.Advisory, Alone: true, Timeout: 4 * defaultTimeout,
			Proves: "p50, p95 and p99 of the latency are within their budgets, once it is warm",
			Hint:   "set the budgets with: {p50: …, p95: …, p99: …}; profile what is slow",
		}, latencyParams{
			Path: "/", Warmup: 5, Requests: 100, P50: ms(250), P95: ms(500), P99: ms(1000),
		}, latency),
		define(Check{
			ID: "performance.parallel", Category: Performance, Severity: davit.Required, Alone: true, Timeout: 2 * defaultTimeout,
			Proves: "requests that come at the same time all succeed",
			Hint:   "look for a bound on connections, workers or a pool that is too small",
		}, parallelParams{"/", 32}, inParallel),
		define(Check{
			ID: "performance.compression", Category: Performance, Severity: davit.Advisory,
			Proves: "text is compressed for those who can read that",
			Hint:   "turn on gzip, in the application or in front of it",
		}, pathParams{"/"}, compressed),
		define(Check{
			ID: "performance.payload", Category: Performance, Severity: davit.Advisory,
			Proves: "an answer is not larger than its budget",
			Hint:   "set the budget with: {bytes: …}; page, compress, or leave something out",
		}, payloadParams{"/", 1 << 20}, payload),
		define(Check{
			ID: "performance.keep-alive", Category: Performance, Severity: davit.Advisory,
			Proves: "a connection is kept for the next request",
			Hint:   "answer without Connection: close, and read requests to their end",
		}, pathParams{"/"}, keptAlive),
	}
}

func ms(n int) davit.Duration { return davit.Duration(time.Duration(n) * time.Millisecond) }

type latencyParams struct {
	Path     string         `json:"path"`
	Warmup   int            `json:"warmup"`
	Requests int            `json:"requests"`
	P50      davit.Duration `json:"p50"`
	P95      davit.Duration `json:"p95"`
	P99      davit.Duration `json:"p99"`
}

func (p *latencyParams) check() error {
	if p.Requests < 1 || p.Requests > 10_000 || p.Warmup < 0 || p.Warmup > 10_000 {
		return errors.New("requests is from 1 to 10000, warmup from 0 to 10000")
	}
	return checkPath(p.Path)
}

func latency(ctx context.Context, x *exam, p latencyParams) error {
	if err := x.page(ctx, p.Path); err != nil {
		return err
	}
	var took []time.Duration
	for n := range p.Warmup + p.Requests {
		start := time.Now()
		a, err := x.get(ctx, x.front(), p.Path)
		if err != nil {
			return err
		}
		if a.StatusCode >= 500 {
			x.expect(false, a.asked, a.String(), "an answer below 500")
			return nil
		}
		if n >= p.Warmup {
			took = append(took, time.Since(start))
		}
	}
	slices.Sort(took)
	asked := fmt.Sprintf("%d times GET %s", len(took), p.Path)
	var figures []string
	for _, budget := range []struct {
		name string
		q    float64
		most davit.Duration
	}{{"p50", 0.5, p.P50}, {"p95", 0.95, p.P95}, {"p99", 0.99, p.P99}} {
		is := quantile(took, budget.q).Round(10 * time.Microsecond)
		x.expectf(is <= budget.most.D(), asked, fmt.Sprintf("%s at most %s", budget.name, budget.most), "%s is %s", budget.name, is)
		figures = append(figures, fmt.Sprintf("%s %s", budget.name, is))
	}
	x.summarize("%s over %d requests", strings.Join(figures, ", "), len(took))
	return nil
}

// quantile returns the nearest-rank quantile of sorted durations.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

type parallelParams struct {
	Path     string `json:"path"`
	Requests int    `json:"requests"`
}

func (p *parallelParams) check() error {
	if p.Requests < 1 || p.Requests > 1000 {
		return errors.New("requests is from 1 to 1000")
	}
	return checkPath(p.Path)
}

func inParallel(ctx context.Context, x *exam, p parallelParams) error {
	if err := x.page(ctx, p.Path); err != nil {
		return err
	}
	var (
		all    sync.WaitGroup
		mu     sync.Mutex
		failed []string
		away   error
	)
	for range p.Requests {
		all.Go(func() {
			a, err := x.get(ctx, x.front(), p.Path)
			mu.Lock()
			defer mu.Unlock()
			if unknown, ok := errors.AsType[unknowable](err); ok {
				away = unknown
			} else if err != nil {
				failed = append(failed, err.Error())
			} else if a.StatusCode >= 400 {
				failed = append(failed, a.String())
			}
		})
	}
	all.Wait()
	if away != nil {
		return away
	}
	came := fmt.Sprintf("%d succeeded", p.Requests-len(failed))
	if len(failed) > 0 {
		came += fmt.Sprintf(", %d failed, the first with %s", len(failed), failed[0])
	}
	x.expect(len(failed) == 0, fmt.Sprintf("%d times GET %s at the same time", p.Requests, p.Path), came, "all succeed")
	return nil
}
