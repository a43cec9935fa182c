package flag

import (
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// circles notes flags that are prerequisites of themselves, and those that rest
// on so many that evaluating them would take long.
func (c *compiler) circles(flags []davit.Flag, at place) {
	w := walk{costs: make(map[*compiled]int, len(flags))}
	for i := range flags {
		f := c.flags[flags[i].Key]
		here := at.key(f.key).field("environments").key(c.environment).field("prerequisites")
		if w.costs[f] == 0 {
			if circle := w.visit(f); circle != nil {
				here.wrong("the flag rests on itself: %s", strings.Join(circle, " needs "))
				return // an evaluation could not end, and every flag of the circle would be told
			}
		}
		if w.costs[f] > othersMost {
			here.wrong("to evaluate the flag takes evaluating more than %d others", othersMost)
			return
		}
	}
}

// walk goes through the prerequisites of flags.
type walk struct {
	costs map[*compiled]int // flags evaluated at most; -1 while on the way
	way   []string
}

// visit returns the circle that it comes upon; nil when there is none.
func (w *walk) visit(f *compiled) []string {
	w.way = append(w.way, f.key)
	defer func() { w.way = w.way[:len(w.way)-1] }()
	w.costs[f] = -1
	cost := 1
	for _, p := range f.prerequisites {
		if p.flag == nil {
			continue
		}
		if w.costs[p.flag] == 0 {
			if circle := w.visit(p.flag); circle != nil {
				return circle
			}
		}
		if w.costs[p.flag] < 0 {
			return append(slices.Clone(w.way[slices.Index(w.way, p.flag.key):]), p.flag.key)
		}
		cost = min(cost+w.costs[p.flag], othersMost+1)
	}
	w.costs[f] = cost
	return nil
}
