package engine

import (
	"fmt"

	"github.com/davit-dev/davit"
)

// Coarse is a Router that does not keep every split.
type Coarse interface {
	// Keeps returns the split that a state of these releases has in effect: the
	// state's own where the router keeps that.
	Keeps(state davit.State, releases []*davit.Release) davit.Split
}

// noteCoarse notes the stages whose split the router does not keep.
func (p *Proposal) noteCoarse(r Router, releases []*davit.Release) {
	coarse, ok := r.(Coarse)
	if !ok {
		return
	}
	for _, stage := range p.Rollout.Plan.Stages {
		if kept := coarse.Keeps(stage.State, releases); !kept.Equal(stage.State.Split) {
			p.Notes = append(p.Notes, fmt.Sprintf("stage %s: traffic is split by the numbers of instances, which gives %s instead of %s", stage.Name, kept, stage.State.Split))
		}
	}
}
