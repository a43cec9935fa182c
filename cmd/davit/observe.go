package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/sqlite"
)

const (
	// noteEvery is how often what was measured is written down. A server that
	// dies loses no more than that, and the next one says so.
	noteEvery = 10 * time.Second
	// observeAgain is when to look again after something could not be done.
	observeAgain = 5 * time.Second
	// receiptsAtOnce bounds how many missing receipts are read from the store.
	receiptsAtOnce = 100
)

// observer watches every rollout from its start to its end, the watch after
// promotion included, since that can still haul back and stops instances. It
// owns the witnesses, samples what the report plots, and makes a receipt of each
// rollout that has ended: also of those that ended when no server ran, or one
// that died before it was done.
type observer struct {
	store  *sqlite.Store
	audit  *audit.Log
	engine *engine.Engine
	log    *slog.Logger

	mu      sync.Mutex
	watched map[string]*watched // by rollout
	wg      sync.WaitGroup
}

func newObserver(store *sqlite.Store, log *audit.Log, logger *slog.Logger) *observer {
	return &observer{store: store, audit: log, log: logger, watched: map[string]*watched{}}
}

// Measured is engine.Config's.
func (o *observer) Measured(rollout string) *davit.Measured {
	o.mu.Lock()
	w := o.watched[rollout]
	o.mu.Unlock()
	if w == nil {
		return nil
	}
	m := w.measured()
	return &m
}

// Run observes until ctx ends.
func (o *observer) Run(ctx context.Context) error {
	defer o.wg.Wait()
	changes := o.engine.Watch(ctx)
	again := time.NewTimer(0)
	defer again.Stop()
	for heard := changes; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-heard:
		case <-again.C:
			heard = changes
		}
		if err := o.look(ctx); err != nil && ctx.Err() == nil {
			o.log.WarnContext(ctx, "a rollout could not be observed; trying again", "error", err)
			heard = nil // changes come often
			again.Reset(observeAgain)
		}
	}
}

// look begins to watch what has started, ends watching what has ended, and makes
// the receipts that are missing. What cannot be done for one rollout holds up no
// other.
func (o *observer) look(ctx context.Context) error {
	open, err := o.store.Open(ctx)
	if err != nil {
		return err
	}
	var errs []error
	going := map[string]bool{}
	for _, r := range open {
		going[r.ID] = true
		if r.Phase != davit.Queued {
			errs = append(errs, o.attend(ctx, r))
		}
	}
	o.mu.Lock()
	for id, w := range o.watched {
		if !going[id] {
			w.over()
		}
	}
	o.mu.Unlock()
	return errors.Join(append(errs, o.makeMissing(ctx))...)
}

// makeMissing makes the receipts of rollouts that have ended and have none.
func (o *observer) makeMissing(ctx context.Context) error {
	for ctx.Err() == nil {
		missing, err := o.store.Unreceipted(ctx, receiptsAtOnce)
		if err != nil {
			return err
		}
		made := 0
		var errs []error
		for _, r := range missing {
			if o.attended(r.ID) { // which makes it when the last probe is answered
				continue
			}
			if err := o.makeReceipt(ctx, r); err != nil {
				errs = append(errs, err)
			} else {
				made++
			}
		}
		if made == 0 || len(missing) < receiptsAtOnce {
			return errors.Join(errs...)
		}
	}
	return nil
}

func (o *observer) attended(rollout string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.watched[rollout] != nil
}

// attend watches a rollout, unless that is done already.
func (o *observer) attend(ctx context.Context, r *davit.Rollout) error {
	o.mu.Lock()
	w := o.watched[r.ID]
	o.mu.Unlock()
	if w == nil {
		var err error
		if w, err = o.newWatched(ctx, r); err != nil {
			return err
		}
		o.mu.Lock()
		o.watched[r.ID] = w
		o.mu.Unlock()
		o.wg.Go(func() { o.watch(ctx, w) })
	}
	if r.Phase == davit.HaulingBack && r.Plan.Stable == "" {
		w.rest() // back to nothing: there is nothing to be down
	}
	return nil
}

// watch watches a rollout to its end, and makes its receipt.
func (o *observer) watch(ctx context.Context, w *watched) {
	w.run(ctx)
	for ctx.Err() == nil {
		err := o.conclude(ctx, w)
		if err == nil {
			break
		}
		o.log.WarnContext(ctx, "a receipt could not be made; trying again", "rollout", w.rollout.ID, "error", err)
		select {
		case <-time.After(observeAgain):
		case <-ctx.Done():
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.watched, w.rollout.ID)
}

// conclude writes the last figures and the receipt of a rollout that has ended.
func (o *observer) conclude(ctx context.Context, w *watched) error {
	if err := w.note(ctx); err != nil {
		return err
	}
	r, err := o.store.Rollout(ctx, w.rollout.ID)
	if err != nil {
		return err
	}
	return o.makeReceipt(ctx, r)
}
