package flag

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/davit-dev/davit"
)

// Explanation is an evaluation step by step.
type Explanation struct {
	Result Result `json:"result"`
	Steps  []Step `json:"steps"`
}

// Step is something that was looked at in an evaluation.
type Step struct {
	// Depth is 0 for what the flag itself says, and more for what that rests on:
	// conditions within conditions, segments, prerequisites.
	Depth int    `json:"depth"`
	What  string `json:"what"` // "rule beta"
	// Holds is whether it applied.
	Holds bool `json:"holds"`
	// Why says it in words, with the values: `user.plan is "pro"`.
	Why string `json:"why"`
}

// trace gathers the steps of an evaluation. There is none, nil, when nobody asks.
type trace struct {
	depth int
	steps *[]Step
}

func (t *trace) say(holds bool, what, why string) {
	if t != nil {
		*t.steps = append(*t.steps, Step{Depth: t.depth, What: what, Holds: holds, Why: why})
	}
}

// len returns how many steps there are.
func (t *trace) len() int {
	if t == nil {
		return 0
	}
	return len(*t.steps)
}

// sayAt puts a step before those that it rests on.
func (t *trace) sayAt(i int, holds bool, what, why string) {
	*t.steps = slices.Insert(*t.steps, i, Step{Depth: t.depth, What: what, Holds: holds, Why: why})
}

// deeper returns a trace for what the next step rests on.
func (t *trace) deeper() *trace {
	if t == nil {
		return nil
	}
	return &trace{depth: t.depth + 1, steps: t.steps}
}

// applies reports whether the condition of a rule holds.
func (r *rule) applies(ctx *Context, t *trace) bool {
	holds := r.when == nil || r.when.holds(ctx)
	if t != nil {
		why := "it is for everybody"
		if r.when != nil {
			why = "its condition does not hold"
			if holds {
				why = "its condition holds"
			}
		}
		t.say(holds, "rule "+r.id, why)
		if r.when != nil {
			t.deeper().condition(r.when, ctx)
		}
	}
	return holds
}

// condition tells how a condition comes to hold or not, as far as it was looked
// at.
func (t *trace) condition(c condition, ctx *Context) {
	holds := c.holds(ctx)
	switch c := c.(type) {
	case all:
		t.say(holds, "all", fmt.Sprintf("of %d conditions", len(c)))
		for _, one := range c {
			t.deeper().condition(one, ctx)
			if !one.holds(ctx) {
				return
			}
		}
	case anyOf:
		t.say(holds, "any", fmt.Sprintf("of %d conditions", len(c)))
		for _, one := range c {
			t.deeper().condition(one, ctx)
			if one.holds(ctx) {
				return
			}
		}
	case not:
		t.say(holds, "not", "the opposite of what follows")
		t.deeper().condition(c.condition, ctx)
	case *segment:
		t.segment(c, holds, ctx)
	case *comparison:
		t.say(holds, c.by.String(), fmt.Sprintf("%s; asked for: %s", c.is(ctx), c.asks()))
	}
}

func (t *trace) segment(s *segment, holds bool, ctx *Context) {
	key := ctx.TargetingKey()
	_, in := s.include[key]
	_, out := s.exclude[key]
	why := fmt.Sprintf("%q is not named", key)
	switch {
	case out:
		why = fmt.Sprintf("%q is excluded", key)
	case in:
		why = fmt.Sprintf("%q is included", key)
	}
	t.say(holds, "segment "+s.key, why)
	if !in && !out && s.when != nil {
		t.deeper().condition(s.when, ctx)
	}
}

// shownMost bounds how much of a value is told.
const shownMost = 120

// is says what the attribute is.
func (c *comparison) is(ctx *Context) string {
	value := c.by.of(ctx)
	if value == nil {
		return "it is missing"
	}
	return "it is " + shown(value)
}

// asks says what is asked for.
func (c *comparison) asks() string {
	switch {
	case c.op == davit.OpPresent || c.op == davit.OpText:
		return string(c.op)
	case len(c.values) == 1:
		return fmt.Sprintf("%s %s", c.op, shown(c.values[0]))
	}
	return fmt.Sprintf("%s one of %s", c.op, shown(c.values))
}

func shown(value any) string {
	text, err := json.Marshal(value)
	if err != nil { // a number that JSON cannot say
		return fmt.Sprint(value)
	}
	if len(text) > shownMost {
		return string(text[:shownMost]) + "…"
	}
	return string(text)
}
