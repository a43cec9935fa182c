package analysis

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
)

func options(metrics ...Metric) Options {
	if len(metrics) == 0 {
		metrics = []Metric{{Name: "errors", Margin: 0.005}}
	}
	return Options{Alpha: 0.01, PassAlpha: 0.05, MinRequests: 100, Metrics: metrics}
}

func newComparison(t *testing.T, o Options) *Comparison {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve lets both releases answer each second, requests and events a second.
func serve(t *testing.T, c *Comparison, seconds int, candidate, stable Counts) {
	t.Helper()
	l := Look{At: c.at, Epoch: c.base.Epoch, Candidate: candidate.clone(), Stable: stable.clone()}
	if c.based {
		l.Candidate, l.Stable = c.base.Candidate.clone(), c.base.Stable.clone()
	}
	none := Counts{Events: make([]int64, len(candidate.Events))}
	for range seconds {
		l.At = l.At.Add(time.Second)
		l.Candidate.add(none, candidate)
		l.Stable.add(none, stable)
		if err := c.Observe(l); err != nil {
			t.Fatal(err)
		}
	}
}

func one(requests, events int64) Counts { return Counts{requests, []int64{events}} }

func TestVerdicts(t *testing.T) {
	const minute = 60
	for name, test := range map[string]struct {
		bake              time.Duration
		seconds           int
		candidate, stable Counts
		want              davit.Outcome
		early             bool
		says              string
	}{
		"no traffic":                       {time.Minute, 2 * minute, one(0, 0), one(0, 0), davit.Inconclusive, false, "0 of at least 100"},
		"too few, though the bake is over": {time.Minute, 2 * minute, one(0, 0), one(100, 0), davit.Inconclusive, false, "0 of at least 100"},
		"not yet":                          {time.Hour, minute, one(5, 0), one(95, 0), davit.Inconclusive, false, "more evidence"},
		"not worse":                        {time.Hour, 5 * minute, one(5, 0), one(95, 0), davit.Pass, true, "not worse"},
		"bake":                             {time.Minute, 2 * minute, one(5, 0), one(95, 0), davit.Pass, false, "no harm seen in 2m"},
		"alone":                            {time.Minute, 2 * minute, one(100, 0), one(0, 0), davit.Pass, false, "no harm"},
		"alone and failing":                {time.Minute, 2 * minute, one(100, 99), one(0, 0), davit.Pass, false, "no harm"}, // the guards' to find
		"worse":                            {time.Minute, minute, one(5, 1), one(95, 0), davit.Fail, false, "e-value"},
		"both fail":                        {time.Hour, minute, one(10, 5), one(190, 95), davit.Inconclusive, false, "more evidence"},
		"better":                           {time.Hour, 5 * minute, one(5, 0), one(95, 10), davit.Pass, true, "not worse"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newComparison(t, options())
			c.Stage(start, test.bake)
			serve(t, c, test.seconds, test.candidate, test.stable)
			v := c.Verdict()
			if v.Outcome != test.want || v.Early != test.early || !strings.Contains(v.Reason, test.says) {
				t.Errorf("%+v, want %s, early %t, with %q", v, test.want, test.early, test.says)
			}
		})
	}
}

func TestADryRunHasNoEffect(t *testing.T) {
	c := newComparison(t, options(Metric{Name: "errors", Margin: 0.005}, Metric{Name: "slow", Margin: 0.01, DryRun: true}))
	c.Stage(start, time.Hour)
	serve(t, c, 300, Counts{5, []int64{0, 5}}, Counts{95, []int64{0, 0}})
	if v := c.Verdict(); v.Outcome != davit.Pass {
		t.Errorf("%+v", v)
	}
	e := c.Evidence()
	if e.Metrics[1].E < e.Threshold || e.Threshold != 100 {
		t.Errorf("the dry run has e-value %g, and the threshold is %g", e.Metrics[1].E, e.Threshold)
	}
}

func TestAlphaIsShared(t *testing.T) {
	if got := options(Metric{Name: "errors"}, Metric{Name: "slow"}).threshold(); got != 200 {
		t.Errorf("the threshold of two metrics is %g", got)
	}
}

// What let an earlier stage pass does not let the next; what spoke for harm stays.
func TestStages(t *testing.T) {
	c := newComparison(t, options())
	c.Stage(start, time.Hour)
	serve(t, c, 300, one(5, 0), one(95, 0))
	c.Stage(c.at, time.Hour)
	if v := c.Verdict(); v.Outcome != davit.Inconclusive {
		t.Errorf("a new stage: %+v", v)
	}
	serve(t, c, 20, one(25, 5), one(75, 0))
	c.Stage(c.at, time.Hour)
	if v := c.Verdict(); v.Outcome != davit.Fail {
		t.Errorf("after harm in the stage before: %+v", v)
	}
}

// Counts that fall, or begin again, are no evidence.
func TestCountsThatBeginAgain(t *testing.T) {
	c := newComparison(t, options())
	c.Stage(start, time.Hour)
	look := func(epoch string, candidate, stable Counts) {
		t.Helper()
		if err := c.Observe(Look{At: c.at.Add(time.Second), Epoch: epoch, Candidate: candidate, Stable: stable}); err != nil {
			t.Fatal(err)
		}
	}
	look("a", one(1000, 900), one(1000, 0)) // from before: does not count
	look("a", one(1010, 900), one(1100, 0))
	look("a", one(500, 450), one(1200, 0)) // an instance has gone
	look("a", one(510, 450), one(1300, 0))
	look("b", one(900, 900), one(1400, 0)) // the source began again
	look("b", one(910, 900), one(1500, 0))
	got := c.Evidence().Metrics[0]
	if got.Candidate.Requests != 30 || got.Candidate.Events != 0 || got.Stable.Requests != 300 || got.E > 1 {
		t.Errorf("counted: %+v", got)
	}
}

func TestLooksThatAreRefused(t *testing.T) {
	c := newComparison(t, options())
	c.Stage(start, time.Hour)
	for name, l := range map[string]Look{
		"from before":    {At: start.Add(-time.Second), Candidate: one(1, 0), Stable: one(1, 0)},
		"too few events": {At: start, Candidate: Counts{Requests: 1}, Stable: one(1, 0)},
		"negative":       {At: start, Candidate: one(1, -1), Stable: one(1, 0)},
	} {
		if c.Observe(l) == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"alpha 0":        func(o *Options) { o.Alpha = 0 },
		"alpha 1":        func(o *Options) { o.Alpha = 1 },
		"pass alpha":     func(o *Options) { o.PassAlpha = -1 },
		"no metric":      func(o *Options) { o.Metrics = nil },
		"margin":         func(o *Options) { o.Metrics[0].Margin = 2 },
		"no minRequests": func(o *Options) { o.MinRequests = 0 },
	} {
		o := options()
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

// Whatever comes, evidence is valid JSON, bounded, in order, and ends at the last
// look.
func TestEvidence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, err := New(options())
		if err != nil {
			t.Fatal(err)
		}
		c.Stage(start, 0)
		l := Look{At: start, Candidate: one(0, 0), Stable: one(0, 0)}
		for range rapid.IntRange(0, 1000).Draw(t, "looks") {
			l = Look{At: l.At.Add(time.Second), Candidate: l.Candidate.clone(), Stable: l.Stable.clone()}
			for _, counts := range []*Counts{&l.Candidate, &l.Stable} {
				n := rapid.Int64Range(0, 5).Draw(t, "requests")
				counts.Requests += n
				counts.Events[0] += rapid.Int64Range(0, n).Draw(t, "events")
			}
			if err := c.Observe(l); err != nil {
				t.Fatal(err)
			}
		}
		e := c.Evidence()
		if _, err := json.Marshal(e); err != nil {
			t.Fatal(err)
		}
		if len(e.Path) > mostPoints || !e.Path[len(e.Path)-1].At.Equal(l.At) {
			t.Fatalf("%d points, the last at %s, the last look at %s", len(e.Path), e.Path[len(e.Path)-1].At, l.At)
		}
		for i := 1; i < len(e.Path); i++ {
			if !e.Path[i].At.After(e.Path[i-1].At) {
				t.Fatalf("point %d is not after the one before", i)
			}
		}
	})
}
