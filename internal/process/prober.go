package process

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

const (
	// firstProbe is the pause before the first probe of a program that was
	// just started. It doubles up to the probe's period.
	firstProbe = 5 * time.Millisecond
	// workerSettles is how long a worker that nothing probes must live to be
	// ready.
	workerSettles = 300 * time.Millisecond
)

// defaultProbe is how a service with traffic is probed that says nothing.
var defaultProbe = davit.Probe{TCP: &davit.TCPProbe{}}

// probe asks the process how it is until ctx ends. It sends on sick, once and
// buffered, why the process should be stopped.
func (i *instance) probe(ctx context.Context, sick chan<- string) {
	rec := i.record()
	i.mu.Lock()
	env := i.env
	i.mu.Unlock()
	if startup := i.service.Startup; startup != nil && !rec.Ready {
		if err := i.startUp(ctx, startup, env); err != nil {
			report(ctx, sick, "the startup probe failed: "+err.Error())
			return
		}
	}
	if ctx.Err() != nil {
		return
	}
	// Liveness is judged once the program has shown that it can be well.
	proven := make(chan struct{})
	prove := sync.OnceFunc(func() { close(proven) })
	if i.service.Startup != nil || rec.Ready {
		prove()
	}
	var tasks sync.WaitGroup
	defer tasks.Wait()
	if i.service.Liveness != nil {
		tasks.Go(func() {
			select {
			case <-ctx.Done():
				return
			case <-proven:
			}
			if err := i.stayAlive(ctx, i.service.Liveness, env); err != nil {
				report(ctx, sick, "the liveness probe failed: "+err.Error())
			}
		})
	}
	i.beReady(ctx, env, rec.Ready, prove)
}

func report(ctx context.Context, sick chan<- string, why string) {
	if ctx.Err() != nil {
		return
	}
	select {
	case sick <- why:
	default: // another probe has said enough
	}
}

// startUp returns nil when the startup probe has passed or ctx ended, and an
// error when it did not pass within its threshold of periods.
func (i *instance) startUp(ctx context.Context, probe *davit.Probe, env []string) error {
	s := newSchedule(probe)
	limit := time.Duration(s.failures) * s.period
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := errors.New("not asked yet")
	ask := i.checker(probe, env)
	for passed, wait := 0, firstProbe; pause(limited, wait); wait = s.ramp() {
		if err = s.ask(ctx, ask); err == nil {
			if passed++; passed >= s.successes {
				return nil
			}
			continue
		}
		passed = 0
		i.setReady(ctx, false, "startup probe: "+err.Error())
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // nothing is known, and nobody asks any more
	}
	return fmt.Errorf("not within %s: %w", limit, err)
}

// stayAlive returns nil when ctx ended, and an error when the probe failed as
// often in a row as it may.
func (i *instance) stayAlive(ctx context.Context, probe *davit.Probe, env []string) error {
	s := newSchedule(probe)
	ask := i.checker(probe, env)
	for fails := 0; pause(ctx, s.period); {
		err := s.ask(ctx, ask)
		if err == nil {
			fails = 0
			continue
		}
		if fails++; fails >= s.failures && ctx.Err() == nil {
			return fmt.Errorf("%d times in a row: %w", fails, err)
		}
	}
	return nil
}

// beReady notes whether the instance is ready, until ctx ends. It calls proved
// when it becomes so.
func (i *instance) beReady(ctx context.Context, env []string, ready bool, proved func()) {
	probe := i.service.Readiness
	if probe == nil && i.service.Traffic {
		probe = &defaultProbe
	}
	if probe == nil {
		i.settle(ctx, ready, proved)
		return
	}
	s := newSchedule(probe)
	ask := i.checker(probe, env)
	wait := firstProbe
	if ready {
		wait = s.period
	}
	for passed, fails, unproven := 0, 0, !ready; pause(ctx, wait); {
		err := s.ask(ctx, ask)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			fails, passed = 0, passed+1
		default:
			fails, passed = fails+1, 0
		}
		switch {
		case !ready && passed >= s.successes:
			ready, unproven = true, false
			i.setReady(ctx, true, "")
			proved()
		case err != nil && (!ready || fails >= s.failures):
			ready = false
			i.setReady(ctx, false, "readiness probe: "+err.Error())
		}
		if wait = s.period; unproven {
			wait = s.ramp()
		}
	}
}

// settle notes that a worker that nothing probes is ready once it has lived for
// a while.
func (i *instance) settle(ctx context.Context, ready bool, proved func()) {
	d := workerSettles
	if i.service.Startup != nil || ready {
		d = 0
	}
	if pause(ctx, d) {
		i.setReady(ctx, true, "")
		proved()
	}
}

// schedule is the timing of a probe, with defaults for what it leaves open.
type schedule struct {
	period, timeout     time.Duration
	failures, successes int
	next                time.Duration
}

func newSchedule(p *davit.Probe) *schedule {
	s := &schedule{
		period: p.Period.D(), timeout: p.Timeout.D(),
		failures: p.FailureThreshold, successes: max(p.SuccessThreshold, 1), next: firstProbe,
	}
	if s.period <= 0 {
		s.period = time.Second
	}
	if s.timeout <= 0 {
		s.timeout = time.Second
	}
	if s.failures <= 0 {
		s.failures = 3
	}
	return s
}

// ramp returns the pause before the next probe of a program that was never
// ready: short at first, up to the period.
func (s *schedule) ramp() time.Duration {
	s.next = min(2*s.next, s.period)
	return s.next
}

func (s *schedule) ask(ctx context.Context, ask check) error {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return ask(limited)
}

// pause waits for d. It returns false when ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
