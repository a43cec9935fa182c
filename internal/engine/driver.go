package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
)

// driver drives one environment. Everything about the environment happens in
// its one goroutine: it decides and records, and steers an attempt that acts
// on the world meanwhile. So nothing that the world does can keep it from
// deciding, and nothing is done that was not recorded before.
type driver struct {
	*Engine
	place    place
	on       string // the platform's name
	platform Platform

	env     *davit.Environment
	rollout *davit.Rollout   // under way or watching; nil when there is none
	queue   []*davit.Rollout // waiting, oldest first
	resumed bool             // the rollout was left by an earlier server, which is not recorded yet
	iced    string           // the queued rollout of which it was said that it is frozen
	doubt   bool             // a commit failed: what is stored may differ from the three above

	grip    *grip              // on the candidate's traffic
	drift   <-chan davit.Split // nil when nobody else changes the routing
	stray   <-chan string      // nil when nobody else changes the instances
	drifts  int                // how often somebody did either
	meddled string             // what somebody did that is not answered yet
	attempt *attempt           // at work; nil before the first
	seen    situation          // what the present attempt found
	unsaid  []davit.Event      // events that wait for the next commit
	alarm   *time.Timer

	recorded broadcast // what is stored of the rollout changed

	ops   chan op
	facts chan fact
	left  bool          // another driver takes its place
	end   chan struct{} // closed when the driver has ended
}

// situation is what is known of the present attempt and not yet recorded.
type situation struct {
	reached  bool
	at       time.Time   // when it was reached
	lacks    string      // what the step at work waits for; "" when it did not say
	trouble  string      // the last one said
	lapsed   davit.Split // what was in effect until a lease ran out; nil when none did
	verdicts []davit.Verdict
}

// op is an operator's request, carried out by the driver's goroutine.
type op struct {
	do   func(context.Context) error
	done chan error
}

// do has the driver carry out f, and returns its error.
func (d *driver) do(ctx context.Context, f func(context.Context) error) error {
	o := op{do: f, done: make(chan error, 1)}
	select {
	case d.ops <- o:
	case <-d.end:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
	select { // once taken it is carried out, whether the asker waits or not
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAfter is how long the driver waits after the store refused a commit.
const retryAfter = time.Second

// run is the driver's goroutine. In every turn it first decides, then acts.
func (d *driver) run(ctx context.Context) {
	defer close(d.end)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer d.halt()
	d.alarm = time.NewTimer(0)
	defer d.alarm.Stop()
	defer d.grip.hold(ctx)()
	instances := d.platform.Runtime.Watch(ctx)
	figures := d.platform.Metrics.Watch(ctx)
	d.drift, d.stray = drift(ctx, d.platform.Router), stray(ctx, d.platform.Runtime)
	for {
		wake, err := d.turn(ctx)
		if err != nil && ctx.Err() == nil {
			d.Log.ErrorContext(ctx, "cannot record what comes next, so nothing is done; trying again",
				"environment", d.place.String(), "error", err)
			wake = d.Now().Add(retryAfter)
		}
		d.setAlarm(wake)
		d.steer(ctx)
		if err == nil && d.rollout != nil && d.rollout.Phase != davit.HaulingBack {
			d.grip.renew()
		}
		select {
		case o := <-d.ops:
			o.done <- o.do(ctx)
			if d.left {
				return
			}
		case f := <-d.facts:
			d.note(f)
		case <-d.attempt.over():
			d.attempt = nil
		case <-d.alarm.C:
		case split, open := <-d.drift:
			d.drifted(split, open)
		case what, open := <-d.stray:
			d.strayed(what, open)
		case <-d.grip.due():
			d.grip.owed = true
		case l := <-d.grip.lapses:
			d.seen.lapsed = d.grip.news(l)
		case _, open := <-instances:
			instances = d.passOn(instances, open)
		case _, open := <-figures:
			figures = d.passOn(figures, open)
		case <-ctx.Done():
			return
		}
	}
}

// passOn tells those who watch the engine that something changed. A closed
// channel is not selected again.
func (d *driver) passOn(c <-chan struct{}, open bool) <-chan struct{} {
	d.changed.send()
	if !open {
		return nil
	}
	return c
}

func (d *driver) setAlarm(at time.Time) {
	d.alarm.Stop()
	if !at.IsZero() {
		d.alarm.Reset(max(at.Sub(d.Now()), 0))
	}
}

// note takes in a fact from the present attempt.
func (d *driver) note(f fact) {
	switch {
	case f.verdict != nil:
		d.seen.verdicts = withVerdict(d.seen.verdicts, *f.verdict)
	case f.reached:
		// Verdicts from before speak for another state.
		d.seen = situation{reached: true, at: f.at}
		d.grip.taken()
	case f.lapsed != nil:
		d.seen.lapsed = d.grip.news(*f.lapsed)
	case f.event != nil:
		if f.event.Kind == davit.EventTrouble {
			if f.event.Message == d.seen.trouble {
				return
			}
			d.seen.trouble = f.event.Message
		}
		d.unsaid = append(d.unsaid, *f.event)
	case f.step != "" && d.rollout != nil:
		// Not recorded: converging is idempotent, so a restarted server
		// need not know how far it was.
		d.rollout.Step = f.step
		d.seen.lacks = ""
		d.changed.send()
	case f.lacks != "":
		d.seen.lacks = f.lacks
	}
}

// steer makes the attempt at work the one that was decided on. One that is not
// any more is told to stop, and the next begins when it has.
func (d *driver) steer(ctx context.Context) {
	if d.env.Revision == 0 && d.rollout == nil {
		return // nothing is recorded that could be converged to: what is there is not ours to take down
	}
	want := d.wanted()
	if d.attempt != nil {
		if d.attempt.key != want {
			d.attempt.cancel()
		}
		return
	}
	d.seen = situation{}
	d.attempt = d.begin(ctx, want)
}

// halt stops the attempt and waits for it.
func (d *driver) halt() {
	if d.attempt != nil {
		d.attempt.cancel()
		for {
			select {
			case <-d.facts:
			case <-d.attempt.over():
				return
			}
		}
	}
}

// turn decides until there is nothing to decide, and records every decision. It
// returns when to decide again though nothing happens.
func (d *driver) turn(ctx context.Context) (wake time.Time, err error) {
	var thaw time.Time // when a freeze ends that a queued rollout waits for
	for {
		if d.doubt {
			if err := d.reload(ctx); err != nil {
				return wake, err
			}
		}
		if d.rollout == nil || d.rollout.Phase == davit.Watching {
			if thaw, err = d.dequeue(ctx); err != nil {
				return wake, err
			}
		}
		t := d.transition(d.Now())
		if lapsed := d.seen.lapsed; lapsed != nil {
			t.lapsed(lapsed)
			if err := d.commit(ctx, t); err != nil {
				return wake, err
			}
			d.grip.lost()
			d.seen = situation{}
			continue
		}
		if d.rollout == nil {
			return thaw, d.commit(ctx, t)
		}
		if d.resumed {
			t.resume(d.HandedOver)
		}
		if d.meddled != "" {
			t.meddled(d.meddled)
		}
		d.absorb(t)
		decided := decide(t.rollout, d.progress(), t.now)
		switch decided.move {
		case stay:
			return earlier(decided.wake, thaw), d.commit(ctx, t)
		case advance:
			t.advance()
		case haulBack:
			t.turnBack(decided.cause)
		case settle:
			t.settle()
		}
		if err := d.commit(ctx, t); err != nil {
			return wake, err
		}
	}
}

// current reports whether the attempt at work is the one that was decided on;
// what another one found says nothing about this.
func (d *driver) current() bool { return d.attempt != nil && d.attempt.key == d.wanted() }

// progress is how far the attempt that was decided on is.
func (d *driver) progress() progress {
	if !d.current() {
		return progress{}
	}
	return progress{d.seen.reached, d.seen.lacks}
}

// absorb takes what the attempt found into the transition's rollout.
func (d *driver) absorb(t *transition) {
	if !d.current() {
		return
	}
	if d.seen.reached && t.rollout.HeldAt.IsZero() {
		t.held(d.seen.at)
	}
	for _, v := range d.seen.verdicts {
		t.verdict(v)
	}
}

// commit records a transition, if it changed anything, and makes it what is.
func (d *driver) commit(ctx context.Context, t *transition) error {
	t.change.Events = append(t.change.Events, d.placed(d.unsaid)...)
	if !t.dirty && len(t.change.Events) == 0 {
		d.rollout = t.rollout // a verdict's newer reason is worth showing, not recording
		return nil
	}
	if t.rollout != nil {
		t.measure(d.Measured)
		t.rollout.Revision++
		t.change.Rollouts = append(t.change.Rollouts, t.rollout)
	}
	if t.envDirty {
		t.env.Revision++
		t.change.Environments = append(t.change.Environments, t.env)
	}
	if err := d.store(ctx, &t.change); err != nil {
		return err
	}
	d.unsaid, d.resumed, d.meddled = nil, false, ""
	d.env = t.env
	if d.rollout = t.rollout; d.rollout != nil && d.rollout.Phase.Ended() {
		d.rollout = nil
	}
	d.recorded.send()
	d.changed.send()
	return nil
}

// placed completes events with what they are about.
func (d *driver) placed(events []davit.Event) []davit.Event {
	for i := range events {
		e := &events[i]
		e.Application, e.Environment = d.place.application, d.place.environment
		if d.rollout != nil {
			e.Rollout, e.Stage = d.rollout.ID, d.rollout.Stage
		}
	}
	return events
}

// store commits a change. One that fails may have been stored all the same, if
// only the answer was lost.
func (d *driver) store(ctx context.Context, change *davit.Change) error {
	err := d.Store.Commit(ctx, change)
	d.doubt = d.doubt || err != nil
	return err
}

// reload makes the driver's view what is stored, after a commit failed or
// another driver went on.
func (d *driver) reload(ctx context.Context) error {
	env, err := d.Store.Environment(ctx, d.place.application, d.place.environment)
	if notFound(err) && d.env.Revision == 0 {
		env, err = d.env, nil
	}
	if err != nil {
		return fmt.Errorf("reading %s again: %w", d.place, err)
	}
	open, err := d.Store.Open(ctx)
	if err != nil {
		return fmt.Errorf("reading the rollouts of %s again: %w", d.place, err)
	}
	d.env, d.rollout, d.queue, d.doubt = env, nil, nil, false
	d.adopt(open)
	d.recorded.send()
	return nil
}

// adopt takes the environment's rollouts from a list of open ones.
func (d *driver) adopt(open []*davit.Rollout) {
	for _, r := range open {
		switch {
		case r.Application != d.place.application || r.Environment != d.place.environment:
		case r.Phase == davit.Queued:
			d.queue = append(d.queue, r)
		default:
			d.rollout = r
		}
	}
}

// withVerdict returns the list with v in place of an earlier one of its gate.
func withVerdict(list []davit.Verdict, v davit.Verdict) []davit.Verdict {
	for i := range list {
		if list[i].Gate == v.Gate {
			list[i] = v
			return list
		}
	}
	return append(list, v)
}
