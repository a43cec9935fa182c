package live

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// world is a router and a runtime in memory.
type world struct {
	mu        sync.Mutex
	figures   davit.Figures
	instances []davit.Instance
	err       error
	changed   chan struct{}
}

func newWorld() *world {
	return &world{figures: davit.Figures{Boot: "b1", Traffic: map[davit.ReleaseID]map[string]davit.Traffic{"v1": {}, "v2": {}}}, changed: make(chan struct{}, 1)}
}

func (w *world) Figures(context.Context) (davit.Figures, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := davit.Figures{Boot: w.figures.Boot, Traffic: map[davit.ReleaseID]map[string]davit.Traffic{}}
	for id, services := range w.figures.Traffic {
		f.Traffic[id] = map[string]davit.Traffic{"web": services["web"]}
	}
	return f, w.err
}

func (w *world) Watch(context.Context) <-chan struct{} { return w.changed }

func (w *world) Instances(context.Context) ([]davit.Instance, error) { return w.instances, nil }

// serve counts requests to a release, of which some failed, each by another user.
func (w *world) serve(id davit.ReleaseID, requests, failures int64, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.figures.Traffic[id]["web"]
	t.Requests += requests
	t.Failures += failures
	t.Latency[davit.Bucket(took)] += requests
	t.Sample.Requests += requests
	t.Sample.Failures += failures
	t.Sample.Latency[davit.Bucket(took)] += requests
	w.figures.Traffic[id]["web"] = t
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func params() davit.AnalysisParams {
	return davit.AnalysisParams{Alpha: 0.01, PassAlpha: 0.05, MinRequests: 100, Errors: davit.AnalysisMetric{Margin: 0.01}, Early: true}
}

func subjectOf(w *world, bake time.Duration) Subject {
	return Subject{
		Rollout: "r", Release: &davit.Release{ID: "v2"}, Metrics: w, Runtime: w,
		Stage: davit.Stage{Name: "canary", Gates: []davit.Gate{davit.Bake(bake)}, State: davit.State{
			Run: map[davit.ReleaseID]davit.Size{"v1": {"web": 1}, "v2": {"web": 1}}, Split: davit.Split{"v1": 500, "v2": 500},
		}},
	}
}

// said is what a judge said last.
type said struct {
	mu       sync.Mutex
	outcome  davit.Outcome
	reason   string
	evidence Evidence
}

func (s *said) report(o davit.Outcome, reason string, evidence any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcome, s.reason = o, reason
	if e, ok := evidence.(Evidence); ok {
		s.evidence = e
	}
}

func (s *said) want(t *testing.T, o davit.Outcome, reason string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outcome != o || !strings.Contains(s.reason, reason) {
		t.Errorf("it says %s: %s; want %s with %q", s.outcome, s.reason, o, reason)
	}
}

// judge runs a judge in the bubble until the test of it is over.
func judge(t *testing.T, j *Judge, p davit.AnalysisParams, s Subject, during func(*said)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var last said
	done := make(chan struct{})
	go func() {
		defer close(done)
		j.Judge(ctx, davit.Analysis("analysis", p), s, last.report)
	}()
	synctest.Wait()
	during(&last)
	cancel()
	<-done
}

// seconds lets both releases answer for a while, once a second.
func (w *world) seconds(n int, v1, v2, failures int64, took time.Duration) {
	for range n {
		w.serve("v1", v1, 0, time.Millisecond)
		w.serve("v2", v2, failures, took)
		time.Sleep(time.Second)
		synctest.Wait()
	}
}

func TestVerdictsOfTheRoutersFigures(t *testing.T) {
	slow := func(p *davit.AnalysisParams) {
		p.Latency = []davit.AnalysisLatency{{Objective: davit.Duration(100 * time.Millisecond), AnalysisMetric: davit.AnalysisMetric{Margin: 0.01}}}
	}
	for name, test := range map[string]struct {
		change   func(*davit.AnalysisParams)
		v1, v2   int64
		failures int64
		took     time.Duration
		want     davit.Outcome
		reason   string
	}{
		"no traffic":       {nil, 0, 0, 0, 0, davit.Inconclusive, "0 of at least 100"},
		"alike":            {nil, 50, 50, 0, time.Millisecond, davit.Pass, "not worse"},
		"failing":          {nil, 50, 50, 5, time.Millisecond, davit.Fail, "errors: candidate 10%"},
		"slow":             {slow, 50, 50, 0, time.Second, davit.Fail, "slower than 100ms"},
		"slow, not judged": {nil, 50, 50, 0, time.Second, davit.Pass, "not worse"},
		"dry run": {func(p *davit.AnalysisParams) { p.Errors.DryRun = true; slow(p) }, 50, 50, 5, time.Millisecond,
			davit.Pass, "slower than 100ms"},
		"the whole gate on a dry run": {func(p *davit.AnalysisParams) { p.DryRun = true; p.Guards.Errors = 0.01 }, 50, 50, 5, time.Millisecond,
			davit.Pass, "dry run, would be fail"},
		"guard on errors":  {func(p *davit.AnalysisParams) { p.Guards.Errors = 0.05 }, 0, 50, 5, time.Millisecond, davit.Fail, "guard: "},
		"guard on latency": {func(p *davit.AnalysisParams) { p.Guards.P99 = davit.Duration(time.Second) }, 0, 50, 0, 3 * time.Second, davit.Fail, "guard: "},
		"another service": {func(p *davit.AnalysisParams) { p.Service = "api" }, 50, 50, 5, time.Millisecond,
			davit.Inconclusive, "0 of at least 100"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, p := newWorld(), params()
				if test.change != nil {
					test.change(&p)
				}
				judge(t, NewJudge(time.Now, nil), p, subjectOf(w, time.Hour), func(s *said) {
					w.seconds(30, test.v1, test.v2, test.failures, test.took)
					s.want(t, test.want, test.reason)
					if _, err := json.Marshal(s.evidence); err != nil || len(s.evidence.Path) == 0 {
						t.Errorf("%d points of evidence, %v", len(s.evidence.Path), err)
					}
				})
			})
		})
	}
}

// A quantile is stable's own from before, so that no metric is of another's making.
func TestQuantileOfStable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := newWorld(), params()
		p.Latency = []davit.AnalysisLatency{{Quantile: 0.9, AnalysisMetric: davit.AnalysisMetric{Margin: 0.05}}}
		judge(t, NewJudge(time.Now, nil), p, subjectOf(w, time.Hour), func(s *said) {
			w.seconds(1, 45, 45, 0, 0) // it takes 100 requests to know a 90th percentile
			w.seconds(1, 50, 450, 0, 0)
			s.want(t, davit.Inconclusive, "stable's p90")
			w.seconds(1, 50, 50, 0, 0)
			w.seconds(20, 50, 50, 0, 50*time.Millisecond)
			s.want(t, davit.Fail, "slower than stable's p90")
		})
	})
}

func TestASourceThatFailsIsInconclusiveAndAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		judge(t, NewJudge(time.Now, nil), params(), subjectOf(w, 10*time.Second), func(s *said) {
			w.mu.Lock()
			w.err = errors.New("gone fishing")
			w.mu.Unlock()
			w.seconds(20, 50, 50, 0, time.Millisecond)
			s.want(t, davit.Inconclusive, "gone fishing")
			w.mu.Lock()
			w.err = nil
			w.mu.Unlock()
			w.seconds(20, 50, 50, 0, time.Millisecond)
			s.want(t, davit.Pass, "")
		})
	})
}

// What speaks for harm is kept over the stages of a rollout, and another rollout
// begins anew.
func TestHarmIsKeptOverStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newWorld(), NewJudge(time.Now, nil)
		s := subjectOf(w, time.Hour)
		judge(t, j, params(), s, func(said *said) {
			w.seconds(10, 50, 50, 10, time.Millisecond)
			said.want(t, davit.Fail, "")
		})
		s.Stage.Name = "next"
		judge(t, j, params(), s, func(said *said) { said.want(t, davit.Fail, "") })
		s.Rollout = "another"
		judge(t, j, params(), s, func(said *said) { said.want(t, davit.Inconclusive, "0 of at least") })
	})
}

// A candidate that has all traffic is compared with nothing: it takes its bake
// time and enough requests, sampled or not.
func TestAloneItTakesTheBakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := subjectOf(w, time.Minute)
		s.Stage.State.Split = davit.All("v2")
		judge(t, NewJudge(time.Now, nil), params(), s, func(said *said) {
			serve := func(seconds int) {
				for range seconds {
					w.mu.Lock()
					traffic := w.figures.Traffic["v2"]["web"]
					traffic.Requests += 10
					w.figures.Traffic["v2"]["web"] = traffic
					w.mu.Unlock()
					time.Sleep(time.Second)
					synctest.Wait()
				}
			}
			serve(50)
			said.want(t, davit.Inconclusive, "bake time")
			serve(20)
			said.want(t, davit.Pass, "no harm seen")
		})
	})
}

func TestGuardOnMemory(t *testing.T) {
	w := newWorld()
	instance := func(id davit.ReleaseID, service string, mib int64) davit.Instance {
		return davit.Instance{Release: id, Service: service, Condition: davit.Ready, Usage: davit.Usage{MemoryBytes: mib << 20}}
	}
	p := params()
	p.Guards.Memory = 1.5
	for name, test := range map[string]struct {
		instances []davit.Instance
		alarm     bool
	}{
		"as much":            {[]davit.Instance{instance("v1", "web", 200), instance("v2", "web", 210)}, false},
		"more":               {[]davit.Instance{instance("v1", "web", 200), instance("v2", "web", 400)}, true},
		"on average":         {[]davit.Instance{instance("v1", "web", 200), instance("v2", "web", 400), instance("v2", "web", 100)}, false},
		"of another service": {[]davit.Instance{instance("v1", "api", 20), instance("v2", "web", 400)}, false},
		"of little":          {[]davit.Instance{instance("v1", "web", 10), instance("v2", "web", 40)}, false},
		"not known":          {[]davit.Instance{instance("v1", "web", 0), instance("v2", "web", 400)}, false},
	} {
		w.instances = test.instances
		if alarm := newGuard(p, subjectOf(w, 0)).check(t.Context(), time.Now()); (alarm != "") != test.alarm {
			t.Errorf("%s: %q", name, alarm)
		}
	}
}

func TestParametersThatCannotBeRead(t *testing.T) {
	var last said
	NewJudge(time.Now, nil).Judge(t.Context(), davit.Gate{Name: "analysis", Params: json.RawMessage(`{"alpha":"x"}`)}, Subject{}, last.report)
	last.want(t, davit.Inconclusive, "parameters")
	NewJudge(time.Now, nil).Judge(t.Context(), davit.Analysis("analysis", davit.AnalysisParams{}), subjectOf(newWorld(), 0), last.report)
	last.want(t, davit.Inconclusive, "alpha")
}
