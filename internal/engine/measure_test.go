package engine

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// TestMeasuredIsKept shows that every commit of a rollout keeps what was measured
// by then, that a note is a line in its journal, and that one can be added after
// the end.
func TestMeasuredIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		began := time.Now()
		silent := true
		b.engine.Measured = func(string) *davit.Measured {
			if silent {
				return nil
			}
			return &davit.Measured{Probes: int64(time.Since(began) / time.Second), Interval: davit.Duration(time.Second)}
		}
		r := b.deploy(request("v2", canary()))
		if err := b.engine.NoteMeasured(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		silent = false
		b.awaitHeld(r.ID, 1)
		if err := b.engine.NoteMeasured(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		watching := b.await(r.ID, inPhase(davit.Watching))
		if got, want := watching.Measured, int64(watching.PromotedAt.Sub(began)/time.Second); got == nil || got.Probes != want {
			t.Errorf("at its promotion %+v was measured, want %d probes", got, want)
		}
		ended := b.await(r.ID, inPhase(davit.Promoted))
		time.Sleep(2 * time.Second)
		if err := b.engine.NoteMeasured(t.Context(), ended); err != nil {
			t.Fatal(err)
		}
		last, err := b.store.Rollout(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if last.Measured.Probes < ended.Measured.Probes+2 || last.Revision != ended.Revision+1 || last.Phase != davit.Promoted {
			t.Errorf("after its end %+v was measured, want 2 probes more than %+v", last.Measured, ended.Measured)
		}
		events, err := b.store.Events(t.Context(), r.ID, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		var notes []string
		for _, e := range events {
			if e.Kind == davit.EventWitness {
				notes = append(notes, e.Message)
			}
		}
		if len(notes) != 2 || !strings.HasPrefix(notes[0], "measured: ") {
			t.Errorf("the journal has %q, want two notes", notes)
		}
		// The environment goes on as if nothing had been added.
		b.promoted(request("v3", blueGreen))
		if err := b.engine.NoteMeasured(t.Context(), &davit.Rollout{ID: "none", Application: "shop", Environment: "staging"}); davit.ErrorCode(err) != davit.CodeNotFound {
			t.Errorf("a note on a rollout that is not there: %v", err)
		}
	})
}
