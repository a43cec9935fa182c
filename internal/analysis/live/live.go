// Package live judges a rollout by an analysis while it runs: it reads the counts
// of both releases from a source, has them compared, and stands guard.
package live

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
)

// Metrics tells how the releases of an environment answer.
type Metrics interface {
	Figures(ctx context.Context) (davit.Figures, error)
	Watch(ctx context.Context) <-chan struct{}
}

// Runtime lists the instances of an environment.
type Runtime interface {
	Instances(ctx context.Context) ([]davit.Instance, error)
}

// Subject is what a gate is judged on.
type Subject struct {
	Rollout string
	Stage   davit.Stage
	Release *davit.Release // the candidate
	Metrics Metrics
	Runtime Runtime
}

// stable returns the release beside the candidate: the one with the rest of the
// traffic, or else the one that is kept running; "" when there is none.
func (s Subject) stable() davit.ReleaseID {
	for _, id := range s.Stage.State.Releases() {
		if id != s.Release.ID {
			return id
		}
	}
	return ""
}

// splits reports whether both releases get traffic in the stage.
func (s Subject) splits() bool {
	return s.stable() != "" && s.Stage.State.Split[s.stable()] > 0
}

// Judge judges analysis gates. What speaks against a candidate is kept from one
// stage of its rollout to the next. It is safe for concurrent use.
type Judge struct {
	now    func() time.Time
	client *http.Client

	mu    sync.Mutex
	cases []*trial // the latest last
}

// trial is an analysis of one rollout, which goes on from stage to stage.
type trial struct {
	rollout, gate string
	turn          chan struct{} // holds one token: a stage is judged by one at a time
	comparison    *analysis.Comparison
	limits        []limit // of latency, by which the router's figures are counted
	stage         string
}

// keepTrials bounds the trials that are remembered: those of long ago have ended.
const keepTrials = 64

// NewJudge returns a judge that tells the time by now, and asks its sources through
// a transport (http.DefaultTransport when nil).
func NewJudge(now func() time.Time, transport http.RoundTripper) *Judge {
	return &Judge{now: now, client: &http.Client{
		Transport:     transport,
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Judge judges a gate until ctx ends. It is as engine.Judge asks for.
func (j *Judge) Judge(ctx context.Context, g davit.Gate, s Subject, report func(davit.Outcome, string, any)) {
	var p davit.AnalysisParams
	if err := json.Unmarshal(g.Params, &p); err != nil {
		report(davit.Inconclusive, fmt.Sprintf("the parameters of gate %s: %v", g.Name, err), nil)
		return
	}
	t, err := j.trial(g, s, p)
	if err != nil {
		report(davit.Inconclusive, err.Error(), nil)
		return
	}
	select {
	case <-t.turn:
		defer func() { t.turn <- struct{}{} }()
	case <-ctx.Done():
		return
	}
	w := &watch{trial: t, params: p, subject: s, now: j.now, guard: newGuard(p, s), report: report}
	w.source = j.newSource(p, s, t.limits)
	if p.Synthetic.Path != "" && s.splits() {
		w.synthetic = newSynthetic(p, s, j.now)
		w.source = &stand{users: w.source, synthetic: w.synthetic, limits: t.limits}
	}
	w.run(ctx)
}

// trial returns the rollout's trial by the gate, made when it is new.
func (j *Judge) trial(g davit.Gate, s Subject, p davit.AnalysisParams) (*trial, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, t := range j.cases {
		if t.rollout == s.Rollout && t.gate == g.Name {
			return t, nil
		}
	}
	comparison, err := analysis.New(optionsOf(p))
	if err != nil {
		return nil, err
	}
	t := &trial{rollout: s.Rollout, gate: g.Name, turn: make(chan struct{}, 1), comparison: comparison, limits: limitsOf(p)}
	t.turn <- struct{}{}
	j.cases = append(j.cases, t)
	if len(j.cases) > keepTrials {
		j.cases = j.cases[1:]
	}
	return t, nil
}

// newSource returns the source that the parameters name.
func (j *Judge) newSource(p davit.AnalysisParams, s Subject, limits []limit) Source {
	switch {
	case p.Source.Prometheus != "":
		return newPrometheus(p, s, j.client, j.now)
	case p.Source.JSON != "":
		return newEndpoint(p, s, j.client)
	}
	return newRouter(p, s, limits)
}

// optionsOf returns what is to be compared.
func optionsOf(p davit.AnalysisParams) analysis.Options {
	o := analysis.Options{Alpha: p.Alpha, PassAlpha: p.PassAlpha, MinRequests: p.MinRequests,
		Metrics: []analysis.Metric{{Name: "errors", Margin: p.Errors.Margin, DryRun: p.Errors.DryRun || p.DryRun}}}
	for _, l := range p.Latency {
		o.Metrics = append(o.Metrics, analysis.Metric{Name: l.Name(), Margin: l.Margin, DryRun: l.DryRun || p.DryRun})
	}
	return o
}
