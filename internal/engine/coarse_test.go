package engine

import (
	"slices"
	"testing"

	"github.com/davit-dev/davit"
)

// halves is a router that knows nothing between all and half.
type halves struct{ Router }

func (halves) Keeps(state davit.State, _ []*davit.Release) davit.Split {
	if len(state.Split) < 2 {
		return state.Split
	}
	return davit.Split{"v1-a": 500, "v2-b": 500}
}

func TestPlanSaysWhereASplitIsCoarse(t *testing.T) {
	p := &Proposal{Rollout: &davit.Rollout{Plan: davit.Plan{Stages: []davit.Stage{
		{Name: "canary 5%", State: davit.State{Split: davit.Split{"v1-a": 950, "v2-b": 50}}},
		{Name: "canary 50%", State: davit.State{Split: davit.Split{"v1-a": 500, "v2-b": 500}}},
		{Name: "retire", State: davit.State{Split: davit.All("v2-b")}},
	}}}}
	p.noteCoarse(newWorld(), nil)
	if len(p.Notes) > 0 {
		t.Errorf("of a router that keeps every split: %q", p.Notes)
	}
	p.noteCoarse(halves{}, nil)
	want := []string{"stage canary 5%: traffic is split by the numbers of instances, which gives v1 50%, v2 50% instead of v1 95%, v2 5%"}
	if !slices.Equal(p.Notes, want) {
		t.Errorf("%q, want %q", p.Notes, want)
	}
}
