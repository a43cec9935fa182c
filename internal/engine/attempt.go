package engine

import (
	"context"
	"errors"
	"time"

	"github.com/davit-dev/davit"
)

// target names what an attempt works on: a stage of a rollout, its origin, or,
// without a rollout, the environment's recorded state.
type target struct {
	rollout string
	stage   int
	back    bool
	began   int64 // when it was entered, in nanoseconds: one entered again is another
	grip    int   // how often the traffic slipped from it
	drifts  int   // how often somebody else changed it
}

// wanted is what the driver's attempt should work on.
func (d *driver) wanted() target {
	if d.rollout == nil {
		return target{grip: d.grip.slips, drifts: d.drifts}
	}
	if d.rollout.Phase == davit.HaulingBack {
		return target{rollout: d.rollout.ID, back: true, began: d.rollout.StageAt.UnixNano(), grip: d.grip.slips, drifts: d.drifts}
	}
	return target{rollout: d.rollout.ID, stage: d.rollout.Stage, began: d.rollout.StageAt.UnixNano(), grip: d.grip.slips, drifts: d.drifts}
}

// attempt converges to a state and, once there, has the gates judged, until it
// is cancelled.
type attempt struct {
	key    target
	cancel context.CancelFunc
	done   chan struct{}
}

// over returns a channel that is closed when the attempt has ended; a nil one
// when there is no attempt.
func (a *attempt) over() <-chan struct{} {
	if a == nil {
		return nil
	}
	return a.done
}

// fact is what an attempt tells its driver. Exactly one of verdict, event, step,
// lacks, lapsed and reached is set.
type fact struct {
	at      time.Time
	verdict *davit.Verdict
	event   *davit.Event
	step    davit.Step
	lacks   string // what the step waits for
	lapsed  *lapse
	reached bool
}

// The waits between tries of an attempt that the world hinders.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// readyPatience bounds the wait for releases that are not judged to be ready in
// full size, before one instance of each service has to do.
const readyPatience = 30 * time.Second

// begin starts an attempt. It ends some time after ctx or its cancel.
func (d *driver) begin(ctx context.Context, key target) *attempt {
	ctx, cancel := context.WithCancel(ctx)
	a := &attempt{key: key, cancel: cancel, done: make(chan struct{})}
	tell := func(f fact) {
		f.at = d.Now()
		select {
		case d.facts <- f:
		case <-ctx.Done():
		}
	}
	say := func(kind davit.EventKind, message string, data any) {
		tell(fact{event: &davit.Event{At: d.Now().UTC(), Kind: kind, Message: message, Data: encode(data)}})
	}
	c := &convergence{
		place: d.place, platform: d.platform, release: d.Store.Release, patience: readyPatience, recorded: d.grip.recorded, age: d.grip.age,
		step:   func(s davit.Step) { tell(fact{step: s}) },
		lacks:  func(what string) { tell(fact{lacks: what}) },
		routed: func(s davit.Split) { say(davit.EventRouted, "traffic: "+s.String()+effect(d.platform.Router), s) },
		remained: func(id davit.ReleaseID, n int64) {
			say(davit.EventTrouble, remainedMessage(id, n), nil)
		},
	}
	w := work{driver: d, convergence: c, tell: tell, say: say}
	switch r := d.rollout; {
	case r == nil:
		c.state, c.stable = d.env.State, d.env.Stable
	case key.back:
		c.state, c.stable = r.Plan.Origin, r.Plan.Stable
		w.stage = davit.Stage{Name: "back", State: r.Plan.Origin, Gates: r.Plan.Back}
		w.rollout, w.candidate = r.ID, r.Plan.Target
	default:
		w.stage = r.Plan.Stages[r.Stage]
		w.rollout, w.candidate = r.ID, r.Plan.Target
		c.state, c.stable, c.before = w.stage.State, r.Plan.Stable, r.Plan.Stable
		if c.stable == "" || c.state.Split[c.stable] == 0 {
			c.stable = r.Plan.Target
		}
		if len(w.stage.Gates) > 0 {
			c.judged = r.Plan.Target
		}
		if _, contracted := r.Contracted(); r.PromotedAt.IsZero() && r.Plan.Target != r.Plan.Stable && !contracted {
			c.lease = davit.Lease{For: davit.Duration(d.grip.lease), To: r.Plan.Stable}
		}
	}
	go func() {
		defer close(a.done)
		defer cancel()
		w.run(ctx)
	}()
	return a
}

// effect says how a router knows what is in effect; "" when it does not say.
func effect(r Router) string {
	o, ok := r.(Observer)
	if !ok || o.Effect() == "" {
		return ""
	}
	return " (" + o.Effect() + ")"
}

// work is what an attempt's goroutine does. It touches nothing of the driver
// that changes.
type work struct {
	driver      *driver
	convergence *convergence
	stage       davit.Stage
	rollout     string
	candidate   davit.ReleaseID
	tell        func(fact)
	say         func(davit.EventKind, string, any)
}

// run converges, then judges until ctx ends. While it converges, the gates on
// live traffic are judged already: a candidate that turns bad while the next
// instances start is not waited for.
func (w work) run(ctx context.Context) {
	guard := w.judge(ctx, func(g davit.Gate) bool { return g.NeedsTraffic }, func(v davit.Verdict) {
		if v.Outcome == davit.Fail {
			w.tell(fact{verdict: &v})
		}
	})
	ok := w.converge(ctx)
	guard.dismiss()
	if !ok {
		<-ctx.Done()
		return
	}
	w.tell(fact{reached: true})
	all := w.judge(ctx, func(davit.Gate) bool { return true }, func(v davit.Verdict) { w.tell(fact{verdict: &v}) })
	defer all.dismiss()
	<-ctx.Done()
}

// judge seats the judges of the stage's gates that are wanted. Evidence counts
// from now: what was seen before the state was reached does not speak for it.
func (w work) judge(ctx context.Context, wanted func(davit.Gate) bool, report func(davit.Verdict)) *panel {
	var gates []davit.Gate
	for _, g := range w.stage.Gates {
		if wanted(g) {
			gates = append(gates, g)
		}
	}
	s := Subject{
		Rollout: w.rollout, Stage: w.stage, Since: w.driver.Now(), Platform: w.driver.platform,
		Recorded: func(ctx context.Context) (*davit.Rollout, error) { return w.driver.Store.Rollout(ctx, w.rollout) },
		Changes:  w.driver.recorded.subscribe,
	}
	if len(gates) > 0 {
		var err error
		if s.Release, err = w.driver.Store.Release(ctx, w.candidate); err != nil {
			w.say(davit.EventTrouble, "looking up the candidate: "+err.Error(), nil)
			gates = nil
		}
	}
	return seat(ctx, w.driver.Judges, gates, s, w.driver.Now, report)
}

// converge tries until the state is reached. It returns false when ctx ended
// first, or when the candidate failed, which is told as a verdict, or when the
// lease on its traffic had run out.
func (w work) converge(ctx context.Context) bool {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := w.convergence.run(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if l, ok := errors.AsType[*lapse](err); ok {
			w.tell(fact{lapsed: l})
			return false
		}
		if f, ok := errors.AsType[*failure](err); ok {
			w.tell(fact{verdict: &davit.Verdict{Gate: davit.GateInstances, Outcome: davit.Fail, Reason: f.reason, At: w.driver.Now().UTC()}})
			return false
		}
		w.say(davit.EventTrouble, err.Error(), nil)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}
