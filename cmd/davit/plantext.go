package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/engine"
)

// planText prints a plan for people.
func planText(p *engine.Proposal) string {
	var b strings.Builder
	r := p.Rollout
	fmt.Fprintf(&b, "%s/%s: %s\n", r.Application, r.Environment, change(r.Plan))
	fmt.Fprintf(&b, "release %s, strategy %s\n\n", r.Plan.Target, r.Policy.Strategy.Kind)
	for i, stage := range r.Plan.Stages {
		fmt.Fprintf(&b, "%d. %s", i+1, stage.Name)
		if stage.Watch {
			b.WriteString(" (promoted; hauled back at once if a gate fails)")
		}
		fmt.Fprintf(&b, "\n   run    %s\n   route  %s\n", runText(stage.State), stage.State.Split)
		for j, g := range holding(stage.Gates) {
			label := "gates"
			if j > 0 {
				label = ""
			}
			fmt.Fprintf(&b, "   %-5s  %s\n", label, gateText(g))
		}
	}
	b.WriteString("\n" + timesText(r.Plan))
	return b.String()
}

// change says from what to what a plan goes.
func change(p davit.Plan) string {
	switch {
	case p.Target == "":
		return "take " + p.Stable.Short() + " down"
	case p.Stable == "":
		return "first release, " + p.Target.Short()
	}
	return p.Stable.Short() + " -> " + p.Target.Short()
}

func runText(s davit.State) string {
	if len(s.Run) == 0 {
		return "nothing"
	}
	parts := make([]string, 0, len(s.Run))
	for _, id := range s.Releases() {
		var services []string
		for _, name := range slices.Sorted(maps.Keys(s.Run[id])) {
			if n := s.Run[id][name]; n > 0 {
				services = append(services, fmt.Sprintf("%s x%d", name, n))
			}
		}
		parts = append(parts, id.Short()+" ("+strings.Join(services, ", ")+")")
	}
	return strings.Join(parts, ", ")
}

// holding returns the gates that hold a stage up, and not what only goes on to
// be judged meanwhile.
func holding(gates []davit.Gate) []davit.Gate {
	return slices.DeleteFunc(slices.Clone(gates), func(g davit.Gate) bool { return g.Guard })
}

func gateText(g davit.Gate) string {
	if g.Name == g.Kind {
		return g.Says
	}
	return g.Name + ": " + g.Says
}

func timesText(p davit.Plan) string {
	var watch, waits time.Duration
	for _, stage := range p.Stages {
		if stage.OffClock() {
			waits += stage.Limit()
		}
	}
	for _, stage := range p.Stages[p.PromotedAt()+1:] {
		watch += stage.Takes()
	}
	text := fmt.Sprintf("Takes %s at the longest: what is not promoted by then is hauled back.\n", p.Deadline)
	if waits > 0 {
		text += fmt.Sprintf("Waits for people for %s more at the longest, which the deadline does not count.\n", waits)
	}
	if p.Least() > 0 {
		unless := ""
		if endsBake(p) {
			unless = ", unless a gate ends one early"
		}
		text += fmt.Sprintf("Takes %s at least, for the bake times%s.\n", p.Least(), unless)
	}
	if watch > 0 {
		text += fmt.Sprintf("Watched for %s more after promotion.\n", watch)
	}
	return text
}

// endsBake reports whether a gate may end a bake time before it is over.
func endsBake(p davit.Plan) bool {
	for _, stage := range p.Stages[:p.PromotedAt()+1] {
		if slices.ContainsFunc(stage.Gates, func(g davit.Gate) bool { return g.EndsBake }) {
			return true
		}
	}
	return false
}
