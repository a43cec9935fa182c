package davit

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// aRelease draws a release with a traffic service and perhaps more.
func aRelease(t *rapid.T, version string) *Release {
	services := map[string]Service{}
	for i := range rapid.IntRange(1, 4).Draw(t, version+" services") {
		name := fmt.Sprintf("s%d", i)
		services[name] = Service{
			Name: name, Traffic: i == 0 || rapid.Bool().Draw(t, "traffic"),
			Replicas: rapid.IntRange(1, 12).Draw(t, "replicas"),
		}
	}
	r, err := NewRelease("shop", "staging", version, nil, ReleaseConfig{Services: services}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func anAmount(t *rapid.T, label string) Amount {
	if rapid.Bool().Draw(t, label+" percent") {
		return Amount{Percent: rapid.IntRange(0, 100).Draw(t, label)}
	}
	return Amount{Count: rapid.IntRange(0, 5).Draw(t, label)}
}

func aPolicy(t *rapid.T) Policy {
	p := Policy{
		Strategy:       Strategy{Kind: rapid.SampledFrom([]StrategyKind{KindBlueGreen, KindCanary, KindRolling}).Draw(t, "kind")},
		Gates:          []Gate{ErrorRate("errors", ErrorsParams{MaxRate: 0.01, MinRequests: 10}), HTTPCheck("http", HTTPParams{Service: "s0", Path: "/", Status: 200})},
		RollbackWindow: Duration(rapid.SampledFrom([]time.Duration{0, 5 * time.Minute}).Draw(t, "window")),
	}
	steps := rapid.SliceOfNDistinct(rapid.IntRange(1, 999), 0, 6, rapid.ID).Draw(t, "weights")
	weights := map[int]bool{Whole: true}
	for _, w := range steps {
		weights[w] = true
	}
	for w := 1; w <= Whole; w++ {
		if weights[w] {
			p.Strategy.Canary.Steps = append(p.Strategy.Canary.Steps, CanaryStep{Weight: w, Bake: Duration(time.Second)})
		}
	}
	p.Strategy.Canary.DynamicStableScale = rapid.Bool().Draw(t, "dynamic")
	p.Strategy.Rolling = RollingOptions{Batch: anAmount(t, "batch"), MaxSurge: anAmount(t, "surge"), MaxUnavailable: anAmount(t, "unavailable")}
	if p.Strategy.Rolling.MaxSurge == (Amount{}) && p.Strategy.Rolling.MaxUnavailable == (Amount{}) {
		p.Strategy.Rolling.MaxSurge = Amount{Count: 1}
	}
	return p
}

// TestPlanKeepsItsInvariants holds every stage of every plan, every way
// between two stages, and every way back to the origin, to what users rely on.
func TestPlanKeepsItsInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stable, target := aRelease(t, "v1"), aRelease(t, "v2")
		policy := aPolicy(t)
		plan, err := NewPlan(stable, target, policy)
		if err != nil {
			t.Fatal(err)
		}
		p := property{t, stable, target, policy.Strategy}
		before := plan.Origin
		for _, stage := range plan.Stages {
			p.state(stage.Name, stage.State)
			p.transition(stage.Name, before, stage.State)
			p.transition("back from "+stage.Name, stage.State, plan.Origin)
			if was, is := before.Split[target.ID], stage.State.Split[target.ID]; is < was {
				t.Fatalf("%s takes the candidate from %d back to %d thousandths", stage.Name, was, is)
			}
			before = stage.State
		}
		last := plan.Stages[len(plan.Stages)-1].State
		want := State{Run: map[ReleaseID]Size{target.ID: target.Full()}, Split: All(target.ID)}
		if !last.Equal(want) {
			t.Fatalf("the plan ends in %+v, want the target alone: %+v", last, want)
		}
		if promoted := plan.Stages[plan.PromotedAt()].State; promoted.Split[target.ID] != Whole {
			t.Fatalf("promoted with a split of %v", promoted.Split)
		}
	})
}

type property struct {
	*rapid.T
	stable, target *Release
	strategy       Strategy
}

// state checks one desired state: the split is whole, and each release can
// serve its share of every service.
func (p property) state(name string, s State) {
	if err := s.Split.Check(); err != nil || len(s.Split) == 0 {
		p.Fatalf("%s: split %v: %v", name, s.Split, err)
	}
	for _, r := range []*Release{p.stable, p.target} {
		share := s.Split[r.ID]
		for service, spec := range r.Config.Services {
			if !spec.Traffic || share == 0 {
				continue
			}
			n := s.Run[r.ID][service]
			if need := max(1, spec.Replicas*share/Whole-p.unavailable(service)); n < need {
				p.Fatalf("%s: %s of %s has %d instances for %d thousandths of what %d serve, want %d or more", name, service, r.Version, n, share, spec.Replicas, need)
			}
			if n > spec.Replicas {
				p.Fatalf("%s: %s of %s has %d instances of %d", name, service, r.Version, n, spec.Replicas)
			}
		}
	}
}

// unavailable is how many instances of a service the options allow to be away.
func (p property) unavailable(service string) int {
	if p.strategy.Kind != KindRolling {
		return 0
	}
	n := max(p.stable.Config.Services[service].Replicas, p.target.Config.Services[service].Replicas)
	// Shares are rounded down to whole instances on one side, so one more.
	return p.strategy.Rolling.MaxUnavailable.down(n) + 1
}

// transition checks the way from one state to another: growing adds no more
// than the surge, and what is left while it grows serves the old split.
func (p property) transition(name string, from, to State) {
	if p.strategy.Kind != KindRolling || to.Run[p.target.ID].Total() == 0 {
		return
	}
	for service, spec := range p.target.Config.Services {
		old := p.stable.Config.Services[service]
		if !spec.Traffic || !old.Traffic {
			continue
		}
		full := max(spec.Replicas, old.Replicas)
		peak := 0
		for _, id := range []ReleaseID{p.stable.ID, p.target.ID} {
			peak += max(from.Run[id][service], to.Run[id][service])
		}
		if limit := full + max(p.strategy.Rolling.MaxSurge.up(full), 1); peak > limit {
			p.Fatalf("%s: %d instances of %s at once, want %d at most", name, peak, service, limit)
		}
		least := min(spec.Replicas, old.Replicas) - p.strategy.Rolling.MaxUnavailable.down(full)
		if sum := to.Run[p.stable.ID][service] + to.Run[p.target.ID][service]; sum < least {
			p.Fatalf("%s: %d instances of %s, want %d or more", name, sum, service, least)
		}
	}
}

func TestNewPlanRefuses(t *testing.T) {
	release := func(version string, traffic bool, replicas int) *Release {
		r, err := NewRelease("shop", "staging", version, nil, ReleaseConfig{Services: map[string]Service{
			"web": {Name: "web", Traffic: traffic, Replicas: replicas},
		}}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	v1, v2 := release("v1", true, 2), release("v2", true, 2)
	steps := func(weights ...int) Policy {
		p := Policy{Strategy: Strategy{Kind: KindCanary}}
		for _, w := range weights {
			p.Strategy.Canary.Steps = append(p.Strategy.Canary.Steps, CanaryStep{Weight: w})
		}
		return p
	}
	for name, test := range map[string]struct {
		target *Release
		policy Policy
	}{
		"a strategy it does not know":      {v2, Policy{Strategy: Strategy{Kind: "purple"}}},
		"a canary that does not end whole": {v2, steps(50, 900)},
		"a canary that shrinks":            {v2, steps(50, 10, 1000)},
		"a canary over the whole":          {v2, steps(50, 1001)},
		"a canary of no steps":             {v2, steps()},
		"rolling that cannot move":         {v2, Policy{Strategy: Strategy{Kind: KindRolling}}},
		"traffic for nobody":               {release("v3", true, 0), Policy{Strategy: Strategy{Kind: KindBlueGreen}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewPlan(v1, test.target, test.policy)
			if e := (*Error)(nil); !errors.As(err, &e) || e.Code != CodeInvalid {
				t.Fatalf("got %v, want an *Error of CodeInvalid", err)
			}
		})
	}
}

func TestFirstReleaseIsTriedBeforeItIsOpen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := aRelease(t, "v1")
		plan, err := NewPlan(nil, target, aPolicy(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.Stages[0].State.Split; len(got) != 0 {
			t.Fatalf("the first stage routes %v, want nothing", got)
		}
		if !plan.Origin.Equal(State{}) {
			t.Fatalf("the origin is %+v, want nothing", plan.Origin)
		}
		last := plan.Stages[len(plan.Stages)-1].State
		if want := (State{Run: map[ReleaseID]Size{target.ID: target.Full()}, Split: All(target.ID)}); !last.Equal(want) {
			t.Fatalf("ends in %+v, want %+v", last, want)
		}
	})
}

func TestHistogramBucketsHoldTheirDurations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(100*time.Second)).Draw(t, "d"))
		i := Bucket(d)
		if i < histogramBuckets-1 && d >= BucketLimit(i) {
			t.Fatalf("%s in bucket %d, which counts below %s", d, i, BucketLimit(i))
		}
		if i > 0 && d < BucketLimit(i-1) {
			t.Fatalf("%s in bucket %d, but bucket %d counts below %s", d, i, i-1, BucketLimit(i-1))
		}
		var h Histogram
		h.Observe(d)
		if got := h.Quantile(0.5); got != BucketLimit(i) {
			t.Fatalf("median of one %s is %s, want %s", d, got, BucketLimit(i))
		}
	})
}

func TestReleaseIDPinsArtifactsAndConfiguration(t *testing.T) {
	release := func(digest, level string) *Release {
		r, err := NewRelease("shop", "staging", "v1.2-rc.1", map[string]string{"web": digest},
			ReleaseConfig{Services: map[string]Service{"web": {Name: "web", Env: map[string]string{"LEVEL": level}}}}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	same, again := release("sha256:aa", "info"), release("sha256:aa", "info")
	if same.ID != again.ID {
		t.Errorf("the same content got %s and %s", same.ID, again.ID)
	}
	for name, other := range map[string]*Release{"artifact": release("sha256:bb", "info"), "configuration": release("sha256:aa", "debug")} {
		if other.ID == same.ID {
			t.Errorf("another %s got the same ID %s", name, other.ID)
		}
	}
	if got := same.ID.Short(); got != "v1.2-rc.1" {
		t.Errorf("Short of %s is %q", same.ID, got)
	}
}
