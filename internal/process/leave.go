package process

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	defaultGrace = 10 * time.Second
	// drainMargin is how much longer than the service's drain limit the
	// call of Config.Drain may take.
	drainMargin = 5 * time.Second
)

// depart drains the instance and stops its process.
func (i *instance) depart(ctx context.Context, l *life) ending {
	if i.record().Phase != stopping {
		i.note(ctx, func(r *record) { r.Phase, r.Reason = draining, "leaving" })
		if !i.drain(ctx, l) {
			return ending{interrupted: true}
		}
		i.note(ctx, func(r *record) { r.Phase = stopping })
	}
	l.stopProbing()
	i.signalled()
	if !i.stop(ctx, l.process) {
		return ending{interrupted: true}
	}
	return ending{left: true}
}

// drain waits until the instance has no request any more. A process that ends
// meanwhile has none. It returns false when ctx ended before.
func (i *instance) drain(ctx context.Context, l *life) bool {
	rec := i.record()
	if i.host.config.Drain == nil || !i.service.Traffic || !rec.Proven {
		return ctx.Err() == nil
	}
	limited, cancel := context.WithTimeout(ctx, i.service.DrainLimit.D()+drainMargin)
	var task sync.WaitGroup
	defer task.Wait()
	defer cancel()
	task.Go(func() {
		select {
		case <-l.exited:
			cancel()
		case <-limited.Done():
		}
	})
	if err := i.host.config.Drain(limited, rec.Application, rec.Environment, i.view(), i.service.DrainLimit.D()); err != nil && ctx.Err() == nil {
		i.warn(ctx, "an instance is stopped before it was drained", err)
	}
	return ctx.Err() == nil
}

// gone removes what only a living instance needs. The logs stay, with the
// record to tell whose they are.
func (i *instance) gone(ctx context.Context) {
	if err := os.RemoveAll(i.work()); err != nil {
		i.warn(ctx, "the folder of an ended instance cannot be removed", err)
	}
	rec := i.record()
	i.host.log.InfoContext(ctx, "an instance has left", slog.String("instance", rec.ID))
	i.host.ports.release(rec.ID, rec.Port)
	if !rec.StartedAt.IsZero() {
		i.note(ctx, func(r *record) {
			r.Phase, r.Process, r.Ready, r.EndedAt = ended, identity{}, false, i.host.config.Now()
		})
	}
	if err := i.host.forget(i); err != nil {
		i.warn(ctx, "what is left of an ended instance cannot be removed", err)
	}
}
