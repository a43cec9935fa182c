package engine

import (
	"context"
	"fmt"

	"github.com/davit-dev/davit"
)

// Drifter is a Router whose routing others can change behind Davit's back.
type Drifter interface {
	// Drift returns a channel that receives the split that is in effect after
	// somebody else changed the routing; several changes may come as one. It is
	// closed some time after ctx ends.
	Drift(ctx context.Context) <-chan davit.Split
}

// drift returns the router's, nil for one that nobody else changes.
func drift(ctx context.Context, r Router) <-chan davit.Split {
	if d, ok := r.(Drifter); ok {
		return d.Drift(ctx)
	}
	return nil
}

// drifted reports that somebody changed the traffic, and has it put back: the
// state is converged to once more. What time and gates a stage had so far stays.
func (d *driver) drifted(now davit.Split, open bool) {
	if !open {
		d.drift = nil
		return
	}
	d.drifts++
	d.meddled = "somebody else changed the routing"
	d.unsaid = append(d.unsaid, davit.Event{
		At: d.Now().UTC(), Kind: davit.EventTrouble, Data: encode(now),
		Message: fmt.Sprintf("somebody else changed the routing: traffic is %s; it is put back", now),
	})
}

// Strayer is a Runtime whose instances others can change behind Davit's back.
type Strayer interface {
	// Stray returns a channel that receives what is no longer as it was declared,
	// for people; several changes may come as one. It is closed some time after ctx
	// ends.
	Stray(ctx context.Context) <-chan string
}

// stray returns the runtime's, nil for one that nobody else changes.
func stray(ctx context.Context, r Runtime) <-chan string {
	if s, ok := r.(Strayer); ok {
		return s.Stray(ctx)
	}
	return nil
}

// strayed reports that somebody changed what runs, and has it put back as drifted
// does.
func (d *driver) strayed(what string, open bool) {
	if !open {
		d.stray = nil
		return
	}
	d.drifts++
	d.meddled = "somebody else changed what runs"
	d.unsaid = append(d.unsaid, davit.Event{
		At: d.Now().UTC(), Kind: davit.EventTrouble, Message: "somebody else changed what runs: " + what + "; it is put back",
	})
}

// meddled pauses a rollout under way for what somebody else did, when its policy is
// to.
func (t *transition) meddled(what string) {
	if r := t.rollout; r.Phase == davit.Running && !r.Paused && r.Policy.OnDrift == davit.DriftPause {
		t.command(Command{Kind: CommandPause, Actor: "davit", Reason: what})
		r.Paused = true
	}
}
