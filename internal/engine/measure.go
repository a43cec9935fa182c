package engine

import (
	"context"

	"github.com/davit-dev/davit"
)

// NoteMeasured records what the witness of a rollout has measured so far: a line
// in its journal, cumulative, so that a server that dies loses only what came
// after the last one. The rollout may have ended. Without a witness it does
// nothing.
func (e *Engine) NoteMeasured(ctx context.Context, r *davit.Rollout) error {
	d, err := e.driver(ctx, place{r.Application, r.Environment})
	if err != nil {
		return err
	}
	return d.do(ctx, func(ctx context.Context) error {
		t := d.transition(d.Now())
		under := t.rollout != nil && t.rollout.ID == r.ID
		if !under {
			if t.rollout, err = d.Store.Rollout(ctx, r.ID); err != nil {
				return err
			}
		}
		if !t.measure(d.Measured) {
			return nil
		}
		t.event(davit.EventWitness, "measured: "+t.rollout.Measured.String(), t.rollout.Measured)
		if under {
			return d.commit(ctx, t)
		}
		t.keep()
		return d.commitAside(ctx, t)
	})
}

// measure takes in what has been measured, and reports whether anything was.
func (t *transition) measure(measured func(rollout string) *davit.Measured) bool {
	if measured == nil {
		return false
	}
	m := measured(t.rollout.ID)
	if m == nil {
		return false
	}
	t.rollout.Measured = m
	return true
}
