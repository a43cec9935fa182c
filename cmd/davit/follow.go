package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/client"
)

// view shows a rollout while it goes.
type view interface {
	event(davit.Event) error
	live(*api.Live) error
	lost(error) error
	tick() error // a second has passed
	// end shows how the rollout stands when the command returns.
	end(*davit.Rollout) error
}

func (a *app) newView() view {
	if a.json() {
		return &jsonView{app: a}
	}
	if fd, ok := a.terminal(); ok {
		return &liveView{out: a.stdout, size: func() (int, int) { return terminalSize(fd) }, now: a.now, color: a.color()}
	}
	return &plainView{out: a.stdout, now: a.now}
}

// follow shows a rollout until it is decided: promoted, rolled back or failed.
// It returns an outcome unless all went as asked.
func (a *app) follow(ctx context.Context, c *client.Client, r *davit.Rollout) error {
	f := &follower{view: a.newView(), rollout: r, back: r.Phase == davit.HaulingBack}
	err := f.run(ctx, c)
	if ctx.Err() != nil {
		fmt.Fprintf(a.stderr, "\ndetached; the %s goes on (rollout %s)\nhint:  davit status %s --watch shows it, davit abort %s --reason WHY hauls it back\n",
			title(r), r.ID, r.Environment, r.Environment)
		return outcome(exitDetached)
	}
	if err != nil {
		return err
	}
	if err := f.view.end(f.rollout); err != nil {
		return err
	}
	return f.outcome()
}

// follower feeds a view.
type follower struct {
	view    view
	rollout *davit.Rollout
	back    bool // the rollout was being hauled back when it began to be followed
	toEnd   bool // a promotion is not the end yet, the watch goes on
}

// item is what a stream yields.
type item struct {
	event client.StreamEvent
	err   error
}

func (f *follower) run(ctx context.Context, c *client.Client) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	items := make(chan item)
	wg.Go(func() {
		for event, err := range c.Events(ctx, f.rollout.ID, 0) {
			select {
			case items <- item{event, err}:
			case <-ctx.Done():
				return
			}
		}
	})
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	for {
		select {
		case i := <-items:
			if done, err := f.take(i); done || err != nil {
				return err
			}
		case <-seconds.C:
			if err := f.view.tick(); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take shows what came and reports whether the rollout is decided.
func (f *follower) take(i item) (done bool, err error) {
	switch e := i.event; {
	case i.err != nil:
		return false, i.err
	case e.Lost != nil:
		return false, f.view.lost(e.Lost)
	case e.Journal != nil:
		if f.back && e.Journal.At.Before(f.rollout.HauledAt) {
			return false, nil // of the time before anybody asked to go back
		}
		return false, f.view.event(*e.Journal)
	case e.Live != nil:
		f.rollout = e.Live.Rollout
		return f.decided(), f.view.live(e.Live)
	}
	return false, errors.New("the server sent an empty event")
}

// decided reports whether the rollout is where the follower leaves it. One that is
// promoted and not watched does the rest of its plan at once, which is awaited.
func (f *follower) decided() bool {
	switch r := f.rollout; r.Phase {
	case davit.Watching:
		return !f.toEnd && r.Policy.RollbackWindow > 0
	case davit.Blocked:
		return true
	default:
		return r.Phase.Ended()
	}
}

// outcome returns nil when what was asked for is done.
func (f *follower) outcome() error {
	switch f.rollout.Phase {
	case davit.RolledBack:
		if f.back {
			return nil
		}
		return outcome(exitHauledBack)
	case davit.FailedPhase, davit.Blocked:
		return outcome(exitFailed)
	}
	return nil
}

// conclusion says in one line how a rollout stands.
func conclusion(r *davit.Rollout) string {
	switch r.Phase {
	case davit.Watching:
		return fmt.Sprintf("%s is promoted after %s; watched until %s", nameOf(r), since(r.StartedAt, r.PromotedAt), r.PromotedAt.Add(r.Policy.RollbackWindow.D()).UTC().Format("15:04:05 UTC"))
	case davit.Promoted:
		if r.Plan.Target == "" {
			return fmt.Sprintf("%s/%s is down after %s", r.Application, r.Environment, since(r.StartedAt, r.EndedAt))
		}
		return fmt.Sprintf("%s is promoted after %s", nameOf(r), since(r.StartedAt, r.PromotedAt))
	case davit.RolledBack:
		return fmt.Sprintf("%s was hauled back in %s: %s", nameOf(r), since(r.HauledAt, r.EndedAt), r.Cause)
	case davit.Blocked:
		return blockedText(r)
	case davit.FailedPhase:
		return fmt.Sprintf("%s failed: %s", title(r), r.Cause)
	}
	return fmt.Sprintf("%s is %s", title(r), r.Phase)
}

func nameOf(r *davit.Rollout) string {
	if r.Plan.Target == "" {
		return "nothing"
	}
	return r.Plan.Target.Short()
}

// since formats the time between two moments, as exact as a person needs it.
func since(from, to time.Time) string {
	if from.IsZero() || to.Before(from) {
		return "no time"
	}
	return short(to.Sub(from))
}

func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
