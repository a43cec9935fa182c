package validation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// parallel bounds how many checks run at the same time.
const parallel = 8

// The pause between two tries of a check grows from the first to the second.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = time.Second
)

// Run runs the suite. Checks run side by side, those that measure one after the
// other at the end; results come in the order of the checks. It returns an error
// when there is nothing that could be validated: a URL that is none, or nobody
// who answers there.
func (s *Suite) Run(ctx context.Context, t *Target) (*Report, error) {
	base, err := baseOf(t)
	if err != nil {
		return nil, err
	}
	transports := newTransports(cmp.Or(t.Host, base.Hostname()))
	defer transports.close()
	start := time.Now()
	r := &Report{Target: t.URL, Version: t.Version, At: start.UTC(), Results: make([]Result, len(s.checks))}
	run := func(i int) {
		r.Results[i] = s.checks[i].run(ctx, func() *exam {
			return &exam{Target: t, base: base, transports: transports, configured: s.checks[i].configured}
		})
	}
	var together sync.WaitGroup
	places := make(chan struct{}, parallel)
	for i := range s.checks {
		if s.checks[i].Alone {
			continue
		}
		places <- struct{}{}
		together.Go(func() {
			defer func() { <-places }()
			run(i)
		})
	}
	together.Wait()
	for i := range s.checks {
		if s.checks[i].Alone {
			run(i)
		}
	}
	r.Took = davit.Duration(time.Since(start))
	r.count()
	return r, nil
}

// baseOf returns the target's URL when somebody answers there.
func baseOf(t *Target) (*url.URL, error) {
	base, err := url.Parse(t.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Hostname() == "" || base.User != nil {
		return nil, &davit.Error{
			Code: davit.CodeInvalid, Message: fmt.Sprintf("%q is no URL to validate", t.URL),
			Hint: "write it as https://shop.example.org",
		}
	}
	base.RawQuery, base.Fragment = "", ""
	return base, nil
}

// Reach returns an error when nobody accepts connections at the target's URL.
func Reach(ctx context.Context, t *Target) error {
	base, err := baseOf(t)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{Timeout: defaultTimeout}).DialContext(ctx, "tcp", hostPort(base))
	if err != nil {
		return &davit.Error{
			Code: davit.CodeUnavailable, Message: "nobody answers at " + t.URL, Err: err,
			Hint: "check the address, and that the application runs",
		}
	}
	return conn.Close()
}

// hostPort returns the address to connect to.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// run tries the check until it passes, does not apply, or its tries are used up.
func (c *chosen) run(ctx context.Context, fresh func() *exam) Result {
	start := time.Now()
	r := Result{ID: c.ID, Category: c.Category, Severity: c.Severity, Proves: c.Proves}
	pause := firstPause
	for {
		r.Tries++
		c.try(ctx, fresh(), &r)
		if r.Outcome == Passed || r.Outcome == Skipped || r.Tries > c.Retries || !rest(ctx, pause) {
			break
		}
		pause = min(2*pause, lastPause)
	}
	if r.Outcome == Failed {
		r.Hint = c.Hint
	}
	r.Took = davit.Duration(time.Since(start).Round(10 * time.Microsecond))
	return r
}

// rest waits; it returns false when ctx ended before.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// try examines the target once.
func (c *chosen) try(ctx context.Context, x *exam, r *Result) {
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	err := c.examine(limited, x)
	var (
		why      skipped
		unknown  unknowable
		noAnswer failure
	)
	switch {
	case err == nil:
		r.Outcome, r.Reason = x.conclusion()
	case ctx.Err() != nil:
		r.Outcome, r.Reason = Inconclusive, "interrupted"
	case errors.As(err, &why):
		r.Outcome, r.Reason = Skipped, why.Error()
	case errors.As(err, &unknown):
		r.Outcome, r.Reason = Inconclusive, clip(unknown.Error())
	case limited.Err() != nil:
		r.Outcome, r.Reason = Failed, fmt.Sprintf("not done within %s: %s", davit.Duration(c.Timeout), clip(err.Error()))
	case errors.As(err, &noAnswer):
		x.expect(false, noAnswer.asked, noAnswer.came, "an answer")
		r.Outcome, r.Reason = Failed, clip(noAnswer.Error())
	default:
		r.Outcome, r.Reason = Failed, clip(err.Error())
	}
	// What did not hold comes first.
	slices.SortStableFunc(x.evidence, func(a, b Evidence) int {
		if a.Held == b.Held {
			return 0
		}
		if a.Held {
			return 1
		}
		return -1
	})
	limit := evidenceLimit
	if r.Outcome == Passed {
		limit = evidenceOfPass
	}
	r.Evidence = x.evidence[:min(len(x.evidence), limit)]
}

// conclusion returns what the evidence says. None says nothing.
func (x *exam) conclusion() (Outcome, string) {
	for _, e := range x.evidence {
		if !e.Held {
			return Failed, fmt.Sprintf("%s: %s; expected %s", e.Asked, e.Came, e.Expected)
		}
	}
	switch n := len(x.evidence); {
	case n == 0:
		return Inconclusive, "there was nothing to look at"
	case x.summary != "":
		return Passed, x.summary
	case n == 1:
		return Passed, x.evidence[0].Came
	default:
		return Passed, fmt.Sprintf("%d of %d as expected", n, n)
	}
}
