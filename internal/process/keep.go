package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// ending is how one life of an instance's process ended.
type ending struct {
	interrupted bool       // the host closes; the process runs on
	left        bool       // the instance was told to go, and its process has ended
	refused     error      // it could not be started
	status      exitStatus // it ended
	sick        string     // why it was stopped by its probes; "" when it ended by itself
}

// keep starts the program, again and again when it ends, until the instance
// has left or ctx ends. adopted is the process that runs already, nil if none.
func (i *instance) keep(ctx context.Context, adopted *process) {
	p := adopted
	if p != nil {
		// The server's environment and files may say something else by now.
		i.know(environ(p.id.PID))
	}
	if p == nil && i.record().Phase == failed && !i.record().Proven {
		if !i.await(ctx, nil) {
			return
		}
	}
	for {
		end := i.live(ctx, p)
		p = nil
		if end.interrupted {
			return
		}
		if !end.left {
			again := i.judge(ctx, end)
			if !i.await(ctx, again) {
				return
			}
			continue
		}
		i.gone(ctx)
		return
	}
}

// await waits until the instance is to start again or (nil: only) to leave.
// It returns false when ctx ended.
func (i *instance) await(ctx context.Context, again *time.Duration) bool {
	var wake <-chan time.Time
	if again != nil {
		timer := time.NewTimer(*again)
		defer timer.Stop()
		wake = timer.C
	}
	select {
	case <-wake:
	case <-i.leave:
	case <-ctx.Done():
		return false
	}
	return ctx.Err() == nil
}

// live is one life of the process: it starts it unless p runs already, watches
// over it, and returns when nothing of it is left, or ctx ended.
func (i *instance) live(ctx context.Context, p *process) ending {
	if p == nil {
		select {
		case <-i.leave:
			return ending{left: true}
		default:
		}
		var err error
		if p, err = i.start(ctx); err != nil {
			return ending{refused: err}
		}
	}
	defer p.close()
	watch, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	exited, sick := make(chan struct{}), make(chan string, 1)
	tasks.Go(func() {
		if p.wait(watch) == nil {
			close(exited)
		}
	})
	probing, stopProbing := context.WithCancel(watch)
	defer stopProbing()
	tasks.Go(func() { i.probe(probing, sick) })

	var end ending
	select {
	case <-ctx.Done():
		return ending{interrupted: true}
	case <-i.leave:
		end = i.depart(ctx, &life{process: p, exited: exited, stopProbing: stopProbing})
	case end.sick = <-sick:
		stopProbing()
		i.warn(ctx, "an instance is stopped by its probes", errors.New(end.sick))
		i.note(ctx, func(r *record) { r.Ready, r.Reason = false, end.sick })
		end.interrupted = !i.stop(ctx, p)
	case <-exited:
		stopProbing()
	}
	if end.interrupted || ctx.Err() != nil {
		return ending{interrupted: true}
	}
	// What it left behind would hold its port and files.
	if err := i.host.end(ctx, i.host.family(i.record().ID, p), 0); err != nil {
		i.warn(ctx, "what an instance left behind cannot be ended", err)
	}
	end.status = p.reap()
	return end
}

// life is a process with what watches it.
type life struct {
	*process
	exited      <-chan struct{}
	stopProbing func()
}

// judge notes how a life ended, and returns when the next one begins; nil
// never.
func (i *instance) judge(ctx context.Context, end ending) *time.Duration {
	now := i.host.config.Now()
	rec := i.record()
	i.mu.Lock()
	var readyFor time.Duration
	if !i.readyAt.IsZero() {
		readyFor, i.readyAt = now.Sub(i.readyAt), time.Time{}
	}
	mask := i.mask
	i.mu.Unlock()

	var v verdict
	var reason string
	switch {
	case end.refused != nil:
		reason = "cannot be started: " + end.refused.Error()
		v = verdict{restart: !hopeless(end.refused) || rec.Proven, delay: i.past.next()}
	case end.sick != "":
		v = i.past.exited(now, readyFor, rec.Proven)
		reason = v.reason("a stop, because "+end.sick, "")
	default:
		v = i.past.exited(now, readyFor, rec.Proven)
		if end.status.unrunnable() && !rec.Proven {
			v = verdict{}
		}
		lastLine := ""
		if !mask.blind {
			lastLine = printable(mask.Replace(i.log.lastLine()))
		}
		reason = v.reason(end.status.String(), lastLine)
		if !v.loop && !v.restart {
			reason = "nothing to run: " + reason
		}
	}
	i.host.log.WarnContext(ctx, "an instance ended", slog.String("instance", rec.ID), slog.String("reason", mask.Replace(reason)))
	i.note(ctx, func(r *record) {
		r.Ready, r.Reason = false, mask.Replace(reason)
		if v.loop || !v.restart {
			r.Phase = failed
		}
	})
	if !v.restart {
		return nil
	}
	v.delay = i.host.jitter(v.delay)
	return &v.delay
}

// stop ends the instance's processes with its grace period. It returns false
// when ctx ended before.
func (i *instance) stop(ctx context.Context, p *process) bool {
	grace := i.service.Grace.D()
	if grace <= 0 {
		grace = defaultGrace
	}
	if err := i.host.end(ctx, i.host.family(i.record().ID, p), grace); err != nil && ctx.Err() == nil {
		i.warn(ctx, "an instance cannot be ended", fmt.Errorf("stopping: %w", err))
	}
	return ctx.Err() == nil
}

// setReady notes what the readiness probe says.
func (i *instance) setReady(ctx context.Context, ready bool, reason string) {
	i.mu.Lock()
	reason = i.mask.Replace(reason)
	switch {
	case !ready:
		i.readyAt = time.Time{}
	case i.readyAt.IsZero():
		i.readyAt = i.host.config.Now()
	}
	i.mu.Unlock()
	i.note(ctx, func(r *record) {
		if r.leaving() || r.Phase == failed && !ready { // what is known already says more
			return
		}
		r.Ready, r.Reason = ready, reason
		if ready {
			r.Phase, r.Proven, r.Reason = running, true, ""
		}
	})
}
