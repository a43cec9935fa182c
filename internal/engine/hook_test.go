package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// hooks are the hooks of a simulated world: each run is counted, and does what
// it was told to.
type hooks struct {
	mu   sync.Mutex
	do   map[string]hookDoes // by gate
	runs []string            // rollout, stage and gate of each, in their order
}

// hookDoes is what a hook does when it runs.
type hookDoes int

const (
	hookSucceeds hookDoes = iota
	hookFails
	hookHangs // until its stage is over, or its limit
	hookStuck // for ever: its judge is broken too
)

// hookTakes is the time that a hook runs.
const hookTakes = 5 * time.Second

func (h *hooks) judges() map[string]Judge {
	all := Judges()
	all[davit.GateHook] = h.judge
	return all
}

func (h *hooks) judge(ctx context.Context, g davit.Gate, s Subject, report func(davit.Outcome, string, any)) {
	h.mu.Lock()
	does := h.do[g.Name]
	h.runs = append(h.runs, fmt.Sprintf("%s/%s", s.Rollout, s.Stage.Name))
	h.mu.Unlock()
	report(davit.Inconclusive, "running", nil)
	takes := hookTakes
	switch does {
	case hookHangs:
		takes = g.Limit.D()
	case hookStuck:
		<-ctx.Done()
		return
	}
	timer := time.NewTimer(takes)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return
	case <-timer.C:
	}
	if does == hookSucceeds {
		report(davit.Pass, "succeeded", nil)
		return
	}
	report(davit.Fail, "exit status 3", nil)
}

func (h *hooks) set(gate string, does hookDoes) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.do == nil {
		h.do = map[string]hookDoes{}
	}
	h.do[gate] = does
}

// ran counts the runs in the stage of a rollout.
func (h *hooks) ran(rollout, stage string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, run := range h.runs {
		if run == rollout+"/"+stage {
			n++
		}
	}
	return n
}

// hookAt is a hook that takes a minute at most.
func hookAt(kind davit.MomentKind, name string, migration davit.Migration) davit.Hold {
	g := davit.Hook(davit.HookParams{Hook: name, Run: []string{name}, Timeout: davit.Duration(time.Minute), Migration: migration})
	g.Advisory = slices.Contains([]davit.MomentKind{davit.AfterPromotion, davit.AfterWatch, davit.AfterHaulBack}, kind)
	return davit.Hold{At: davit.Moment{Kind: kind}, Gate: g}
}

func TestHooksRunInTheirStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		r := b.promoted(askedFor("v2", canary(), hookAt(davit.BeforeStart, "a", ""), hookAt(davit.BeforeStep, "s", ""),
			hookAt(davit.BeforePromotion, "p", ""), hookAt(davit.AfterPromotion, "q", ""), hookAt(davit.AfterWatch, "w", ""), hookAt(davit.AfterHaulBack, "h", "")))
		want := []string{
			"hook a before start", "hook s before canary 5%", "hook s before canary 50%", "hook s before canary 100%",
			"hook p before promotion", "hook q after promotion", "hook w after watch",
		}
		for i := range want {
			want[i] = r.ID + "/" + want[i]
		}
		if !slices.Equal(b.hooks.runs, want) {
			t.Errorf("ran %q, want %q", b.hooks.runs, want)
		}
		b.serves("v2")
	})
}

func TestHookThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		at    davit.MomentKind
		does  hookDoes
		phase davit.Phase
		cause string
	}{
		"before traffic":              {davit.BeforeTraffic, hookFails, davit.RolledBack, "gate hook h failed: exit status 3"},
		"before promotion":            {davit.BeforePromotion, hookHangs, davit.RolledBack, "gate hook h failed: exit status 3"},
		"whose judge does not answer": {davit.BeforeStep, hookStuck, davit.RolledBack, "inconclusive for too long: waiting for hook h (running)"},
		"after promotion":             {davit.AfterPromotion, hookFails, davit.Promoted, ""},
		"after promotion, for ever":   {davit.AfterPromotion, hookStuck, davit.Promoted, ""},
		"after the watch":             {davit.AfterWatch, hookStuck, davit.Promoted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.promoted(request("v1", blueGreen))
				b.hooks.set("hook h", test.does)
				r := b.deploy(askedFor("v2", canary(), hookAt(test.at, "h", "")))
				r = b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase.Ended() })
				if r.Phase != test.phase || !strings.Contains(r.Cause, test.cause) {
					t.Errorf("ended %s because %q, want %s because %q", r.Phase, r.Cause, test.phase, test.cause)
				}
				b.serves(map[davit.Phase]string{davit.RolledBack: "v1", davit.Promoted: "v2"}[r.Phase])
			})
		})
	}
}

func TestHookAfterHaulingBackOnlyReports(t *testing.T) {
	for name, does := range map[string]hookDoes{"succeeds": hookSucceeds, "fails": hookFails, "is stuck": hookStuck} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.promoted(request("v1", blueGreen))
				b.hooks.set("hook tell", does)
				r := b.deploy(askedFor("v2", canary(), hookAt(davit.AfterHaulBack, "tell", "")))
				b.awaitShare(r.Plan.Target, 50)
				b.command(CommandAbort, "second thoughts")
				began := time.Now()
				b.awaitShare(r.Plan.Stable, davit.Whole)
				if took := time.Since(began); took > time.Second {
					t.Errorf("traffic waited for the hook: %s", took)
				}
				r = b.await(r.ID, inPhase(davit.RolledBack))
				if b.hooks.ran(r.ID, "back") != 1 || !strings.Contains(r.Cause, "second thoughts") {
					t.Errorf("ran %q, cause %q", b.hooks.runs, r.Cause)
				}
			})
		})
	}
}

func TestHookIsRunAgainAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		r := b.deploy(askedFor("v2", canary(), hookAt(davit.BeforeTraffic, "h", "")))
		const stage = "hook h before canary 5%"
		b.await(r.ID, func(r *davit.Rollout) bool { return stageOf(r).Name == stage && !r.HeldAt.IsZero() })
		synctest.Wait()
		time.Sleep(hookTakes / 2)
		b.stop()
		b.boot()
		b.await(r.ID, inPhase(davit.Promoted))
		if n := b.hooks.ran(r.ID, stage); n != 2 {
			t.Errorf("it ran %d times, want 2: once before the crash and once after it", n)
		}
	})
}
