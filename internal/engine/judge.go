package engine

import (
	"context"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// Subject is what a gate is judged on.
type Subject struct {
	Rollout  string
	Stage    davit.Stage
	Release  *davit.Release // the candidate
	Since    time.Time      // from when evidence counts
	Platform Platform
	// Recorded returns the rollout as it is in the store, and Changes tells
	// when that has changed.
	Recorded func(context.Context) (*davit.Rollout, error)
	Changes  func(context.Context) <-chan struct{}
}

// Judge answers the gates of one kind. It reports a verdict whenever its answer
// changes, and the last one stands; it returns when ctx ends, or when its
// answer is final. It reports Inconclusive while it has no evidence and when it
// cannot get any: an error of a source is never Pass and never Fail.
type Judge func(ctx context.Context, gate davit.Gate, s Subject, report func(davit.Outcome, string, any))

// Judges returns the judges of the gates that come with Davit.
func Judges() map[string]Judge {
	return map[string]Judge{
		davit.GateInstances: judgeInstances,
		davit.GateBake:      judgeBake,
		davit.GateHTTP:      judgeHTTP,
		davit.GateErrors:    judgeErrors,
		davit.GateLatency:   judgeLatency,
		davit.GateApproval:  judgeApproval,
	}
}

// panel runs the judges of a stage side by side.
type panel struct {
	wg     sync.WaitGroup
	cancel context.CancelFunc
}

// seat starts a judge for each gate. Verdicts go to report, which must not
// block longer than ctx.
func seat(ctx context.Context, judges map[string]Judge, gates []davit.Gate, s Subject, now func() time.Time, report func(davit.Verdict)) *panel {
	ctx, cancel := context.WithCancel(ctx)
	p := &panel{cancel: cancel}
	for _, g := range gates {
		say := func(outcome davit.Outcome, reason string, evidence any) {
			report(davit.Verdict{Gate: g.Name, Outcome: outcome, Reason: reason, Evidence: encode(evidence), At: now().UTC()})
		}
		judge := judges[g.Kind]
		if judge == nil {
			judge = judgeUnknown
		}
		p.wg.Go(func() { judge(ctx, g, s, say) })
	}
	return p
}

// dismiss ends the judging and returns when every judge has left.
func (p *panel) dismiss() {
	p.cancel()
	p.wg.Wait()
}

// judgeUnknown stands in for a gate that this binary does not know, as after a
// downgrade: what cannot be judged does not hold.
func judgeUnknown(_ context.Context, g davit.Gate, _ Subject, report func(davit.Outcome, string, any)) {
	report(davit.Inconclusive, "this version of davit knows no gate of kind "+g.Kind, nil)
}
