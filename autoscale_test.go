package davit

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// With every service autoscaled, a plan from a present size is the plan of releases
// of that size, but for what is left at the end.
func TestPlanAtThePresentSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stable, target, policy := aRelease(t, "v1"), aRelease(t, "v2"), aPolicy(t)
		present := Size{}
		for _, r := range []*Release{stable, target} {
			for name, s := range r.Config.Services {
				s.Autoscale = &Autoscale{Max: 20, CPU: 70}
				r.Config.Services[name] = s
				present[name] = rapid.IntRange(0, 30).Draw(t, name)
			}
		}
		plan, err := NewPlanAt(present, stable, target, policy)
		if err != nil {
			t.Fatal(err)
		}
		same, err := NewPlan(stable.at(present), target.at(present), policy)
		if err != nil {
			t.Fatal(err)
		}
		if !plan.Origin.Equal(same.Origin) || len(plan.Stages) != len(same.Stages) {
			t.Fatalf("plan %+v, want that of %+v", plan, same)
		}
		last := len(plan.Stages) - 1
		for i := range last {
			if !plan.Stages[i].State.Equal(same.Stages[i].State) {
				t.Fatalf("stage %s is %+v, want %+v", plan.Stages[i].Name, plan.Stages[i].State, same.Stages[i].State)
			}
		}
		for name, s := range target.Config.Services {
			if n := plan.Stages[last].State.Run[target.ID][name]; n != s.Replicas {
				t.Fatalf("%s is to have at least %d instances in the end, want %d", name, n, s.Replicas)
			}
			if n := same.Stages[last].State.Run[target.ID][name]; n > 20 || n < s.Replicas {
				t.Fatalf("%s was given %d instances, from %d to 20 are allowed", name, n, s.Replicas)
			}
		}
		if home := plan.Home.Run[stable.ID]; len(home) > 0 && !(State{Run: map[ReleaseID]Size{stable.ID: stable.Full()}}).covers(plan.Home) {
			t.Fatalf("home is %v, want %v", home, stable.Full())
		}
	})
}

// A plan of services whose size is fixed does not depend on how many run.
func TestPlanOfFixedSizes(t *testing.T) {
	services := map[string]Service{"web": {Name: "web", Traffic: true, Replicas: 3}}
	r, err := NewRelease("shop", "staging", "v1", nil, ReleaseConfig{Services: services}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlanAt(Size{"web": 8}, r, r, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if n := plan.Origin.Run[r.ID]["web"]; n != 3 || len(plan.Home.Run) > 0 {
		t.Errorf("the plan begins with %d instances and ends hauled back with %v", n, plan.Home)
	}
}
