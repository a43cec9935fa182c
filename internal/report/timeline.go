package report

import (
	"fmt"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/receipt"
)

// timeline maps times to a place between the rollout's start and its end.
type timeline struct{ from, to time.Time }

// newTimeline spans a rollout. When the wall clock was set back meanwhile it
// spans what is left, so that nothing gets a negative length.
func newTimeline(p receipt.Predicate) timeline {
	t := timeline{p.Rollout.StartedAt, p.Rollout.EndedAt}
	if t.from.IsZero() {
		t.from = p.Rollout.CreatedAt
	}
	if t.to.Sub(t.from) < time.Second {
		t.to = t.from.Add(time.Second)
	}
	return t
}

// at returns where a moment is, in percent.
func (t timeline) at(moment time.Time) float64 {
	share := float64(moment.Sub(t.from)) / float64(t.to.Sub(t.from))
	return 100 * min(max(share, 0), 1)
}

// lane is a gate's line: its answers over time.
type lane struct {
	Gate string
	Bars []bar
}

// bar is a stretch of one answer.
type bar struct {
	Left, Width float64 // in percent
	Tone, Text  string
}

// gates returns a lane for each gate of the plan, in the order of the stages.
func (t timeline) gates(p receipt.Predicate) []lane {
	var lanes []lane
	place := map[string]int{}
	for _, s := range p.Stages {
		if s.Back || s.Index >= len(p.Plan.Stages) {
			continue
		}
		for _, g := range p.Plan.Stages[s.Index].Gates {
			if _, ok := place[g.Name]; !ok {
				place[g.Name] = len(lanes)
				lanes = append(lanes, lane{Gate: g.Name})
			}
			l := &lanes[place[g.Name]]
			l.Bars = append(l.Bars, t.bars(s, g)...)
		}
	}
	return lanes
}

// bars returns a gate's answers in one stage.
func (t timeline) bars(s receipt.Stage, g davit.Gate) []bar {
	var list []bar
	from, tone, text := s.From, dull, s.Name+": "+g.Says+" (no answer yet)"
	add := func(to time.Time) {
		left := t.at(from)
		list = append(list, bar{Left: left, Width: max(t.at(to)-left, 0.3), Tone: tone, Text: text}) // a line can be seen
	}
	for _, v := range s.Verdicts {
		if v.Gate != g.Name {
			continue
		}
		if v.At.After(from) {
			add(v.At)
		}
		from, tone = v.At, map[davit.Outcome]string{davit.Pass: good, davit.Fail: bad}[v.Outcome]
		if tone == "" {
			tone = dull
		}
		text = fmt.Sprintf("%s: %s, %s", s.Name, v.Outcome, v.Reason)
	}
	add(s.Until)
	return list
}

// tick is a label of the time axis.
type tick struct {
	Left float64
	Text string
}

// ticks labels the axis of the lanes.
func (t timeline) ticks() []tick {
	const parts = 5
	whole := t.to.Sub(t.from)
	unit := time.Second
	if whole < 10*time.Second {
		unit = 100 * time.Millisecond
	}
	list := make([]tick, parts+1)
	for i := range list {
		d := whole * time.Duration(i) / parts
		list[i] = tick{100 * float64(i) / parts, "+" + d.Round(unit).String()}
	}
	return list
}
