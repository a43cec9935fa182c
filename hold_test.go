package davit

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func aHold(at Moment, name string) Hold {
	return Hold{At: at, Gate: Approvals(name, ApprovalParams{Count: 1, Within: Duration(time.Hour)})}
}

func stageNames(p Plan) []string {
	names := make([]string, len(p.Stages))
	for i, s := range p.Stages {
		names[i] = s.Name
	}
	return names
}

func TestHoldsComeAtTheirMoments(t *testing.T) {
	release := func(version string) *Release {
		r, err := NewRelease("shop", "staging", version, nil, ReleaseConfig{Services: map[string]Service{
			"web": {Name: "web", Traffic: true, Replicas: 4},
		}}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	v1, v2 := release("v1"), release("v2")
	blueGreen := Strategy{Kind: KindBlueGreen}
	canary := Strategy{Kind: KindCanary, Canary: CanaryOptions{Steps: []CanaryStep{{Weight: 50}, {Weight: 500}, {Weight: 1000}}}}
	every := []Hold{
		aHold(Moment{Kind: AfterWatch}, "w"), aHold(Moment{Kind: AfterPromotion}, "a"), aHold(Moment{Kind: BeforePromotion}, "p"),
		aHold(Moment{Kind: BeforeStep}, "s"), aHold(Moment{Kind: BeforeShare, Share: 250}, "q"),
		aHold(Moment{Kind: BeforeTraffic}, "t"), aHold(Moment{Kind: BeforeStart}, "b"), aHold(Moment{Kind: AfterHaulBack}, "back"),
	}
	for name, test := range map[string]struct {
		stable   *Release
		strategy Strategy
		want     []string
	}{
		"blue-green": {v1, blueGreen, []string{
			"b before start", "preview", "s before switch", "q before switch", "t before switch", "switch",
			"p before promotion", "a after promotion", "watch", "retire", "w after watch",
		}},
		"canary": {v1, canary, []string{
			"b before start", "preview", "s before canary 5%", "t before canary 5%", "canary 5%",
			"s before canary 50%", "q before canary 50%", "canary 50%", "s before canary 100%", "canary 100%",
			"p before promotion", "a after promotion", "watch", "retire", "w after watch",
		}},
		"the first release": {nil, canary, []string{
			"b before start", "preview", "s before open", "q before open", "t before open", "open", "p before promotion", "a after promotion", "w after watch",
		}},
		"the same release": {v2, canary, []string{"converge"}},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := NewPlan(test.stable, v2, Policy{Strategy: test.strategy, Holds: every, RollbackWindow: Duration(time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
			if got := stageNames(plan); !slices.Equal(got, test.want) {
				t.Errorf("stages are\n%q, want\n%q", got, test.want)
			}
			if test.stable != v2 && (len(plan.Back) != 1 || plan.Back[0].Name != "back") {
				t.Errorf("after hauling back: %+v", plan.Back)
			}
		})
	}
}

func TestHoldsKeepTheStateBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stable, target := aRelease(t, "v1"), aRelease(t, "v2")
		policy := aPolicy(t)
		kinds := []MomentKind{BeforeStart, BeforeTraffic, BeforeShare, BeforeStep, BeforePromotion, AfterPromotion, AfterWatch}
		moments := rapid.SliceOfN(rapid.SampledFrom(kinds), 1, 5).Draw(t, "moments")
		for i, kind := range moments {
			policy.Holds = append(policy.Holds, aHold(Moment{Kind: kind, Share: rapid.IntRange(1, Whole).Draw(t, "share")}, string(rune('a'+i))))
		}
		plan, err := NewPlan(stable, target, policy)
		if err != nil {
			t.Fatal(err)
		}
		bare := policy
		bare.Holds = nil
		without, err := NewPlan(stable, target, bare)
		if err != nil {
			t.Fatal(err)
		}
		p := property{t, stable, target, policy.Strategy}
		before, left := plan.Origin, without.Stages
		for i, s := range plan.Stages {
			p.state(s.Name, s.State)
			p.transition(s.Name, before, s.State)
			held := slices.ContainsFunc(s.Gates, func(g Gate) bool { return g.Kind == GateApproval })
			switch {
			case held && !s.State.Equal(before):
				t.Fatalf("%s changes the state from %+v to %+v", s.Name, before, s.State)
			case held && s.Watch != (i > plan.PromotedAt()):
				t.Fatalf("%s watches: %t, and the promotion is at %d", s.Name, s.Watch, plan.PromotedAt())
			case !held && len(left) > 0 && s.Name == left[0].Name && s.State.Equal(left[0].State):
				left = left[1:]
			case !held && (s.Name != "preview" || s.State.Split[target.ID] > 0):
				t.Fatalf("%s is no stage of the strategy", s.Name)
			}
			before = s.State
		}
		if len(left) > 0 {
			t.Fatalf("%d stages of the strategy are gone, the first is %s", len(left), left[0].Name)
		}
	})
}

func TestGatesOfOneStageBearDifferentNames(t *testing.T) {
	r, err := NewRelease("shop", "staging", "v1", nil, ReleaseConfig{Services: map[string]Service{"web": {Name: "web", Traffic: true, Replicas: 1}}}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	errorRate := ErrorRate("approval", ErrorsParams{MaxRate: 1, MinRequests: 1})
	policy := Policy{
		Strategy: Strategy{Kind: KindBlueGreen}, Gates: []Gate{errorRate},
		Holds: []Hold{aHold(Moment{Kind: BeforePromotion}, "approval")},
	}
	other := *r
	other.ID = "v0-0"
	if _, err := NewPlan(&other, r, policy); ErrorCode(err) != CodeInvalid {
		t.Errorf("the verdict of one would stand for the other: %v", err)
	}
}

func TestApprover(t *testing.T) {
	for _, test := range []struct {
		approver Approver
		actor    string
		want     bool
	}{
		{"user anna", "uid 1000 (anna)", true},
		{"user ann", "uid 1000 (anna)", false},
		{"user *", "uid 1000 (anna)", true},
		{"user *", "uid 1000", false},
		{"user 1000", "uid 1000", false},
		{"uid 1000", "uid 1000 (anna)", true},
		{"uid 1000", "uid 1000", true},
		{"uid 100", "uid 1000 (anna)", false},
		{"token ci", "token ci", true},
		{"token ci", "token ci2", false},
		{"token release-*", "token release-eu", true},
		{"token release-*", "token ci", false},
		{"token anna", "uid 1000 (anna)", false},
		{"user ci", "token ci", false},
		{"user anna", "unknown", false},
		{"", "", false},
		{"*", "token ci", false},
	} {
		if got := test.approver.Matches(test.actor); got != test.want {
			t.Errorf("%q matches %q: %t, want %t", test.approver, test.actor, got, test.want)
		}
	}
}
