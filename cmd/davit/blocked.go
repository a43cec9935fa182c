package main

import (
	"fmt"

	"github.com/davit-dev/davit"
)

// blockedText says why a rollout is held where it is, and what can be done.
func blockedText(r *davit.Rollout) string {
	gate, _ := r.Contracted()
	stage := r.Plan.Stages[r.Stage]
	text := fmt.Sprintf("%s is BLOCKED in stage %q with %s: %s. It is not hauled back, because %s has contracted data that %s needs. Decide: davit resume %s tries the stage again",
		nameOf(r), stage.Name, stage.State.Split, r.Cause, gate, orNothing(r.Plan.Stable), r.Environment)
	if r.PromotedAt.IsZero() {
		text += "; davit promote --force gives it all traffic"
	} else {
		text += "; davit deploy of a mended release takes its place"
	}
	return text + "; davit abort --force goes back all the same"
}
