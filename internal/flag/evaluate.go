package flag

import (
	"fmt"
	"slices"
)

// outcome is what an evaluation comes to.
type outcome struct {
	variant *variant // nil: the application's default
	rule    *rule    // that decided, if one did
	reason  Reason
	failure *failure // nil: none
}

// failure is why an evaluation comes to nothing.
type failure struct {
	code    ErrorCode
	message string
}

// failed returns the outcome of an evaluation that comes to nothing.
func failed(code ErrorCode, message string) outcome {
	return outcome{reason: Failed, failure: &failure{code, message}}
}

// evaluate looks at what a flag says in its order: off, prerequisites, targets,
// rules, default. It tells the steps to a trace, if there is one.
func (f *compiled) evaluate(ctx *Context, t *trace) outcome {
	if !f.enabled {
		t.say(false, "enabled", "the flag is off")
		return outcome{variant: f.off, reason: Disabled}
	}
	for i := range f.prerequisites {
		o, holds := f.prerequisites[i].holds(ctx, t)
		if o.failure != nil {
			return outcome{reason: Failed, failure: o.failure}
		}
		if !holds {
			return outcome{variant: f.off, reason: Disabled}
		}
	}
	for i := range f.targets {
		if v := f.targets[i].find(ctx, t); v != nil {
			return outcome{variant: v, reason: TargetingMatch}
		}
	}
	for i := range f.rules {
		r := &f.rules[i]
		if r.advanced != nil {
			if o, decided := r.advanced.serve(f, ctx, t); decided {
				o.rule = r
				return o
			}
			continue
		}
		if !r.applies(ctx, t) {
			continue
		}
		if r.serve == (serve{}) {
			o := f.fallback.pick(f, ctx, Default, t)
			o.rule = r
			return o
		}
		o := r.serve.pick(f, ctx, TargetingMatch, t)
		o.rule = r
		return o
	}
	return f.fallback.pick(f, ctx, f.alone, t)
}

// holds evaluates the flag that has to serve something. It returns its outcome
// too, which may be an error.
func (p *prerequisite) holds(ctx *Context, t *trace) (outcome, bool) {
	first := t.len()
	o := p.flag.evaluate(ctx, t.deeper())
	holds := o.reason != Disabled && o.variant != nil && slices.Contains(p.variants, o.variant)
	if t != nil {
		t.sayAt(first, holds, "prerequisite "+p.flag.key, "it serves "+served(o.variant))
	}
	return o, holds
}

// find returns the variant that the target has for the user; nil when none.
func (g *target) find(ctx *Context, t *trace) *variant {
	key := ctx.TargetingKey()
	if !g.by.isKey() {
		key, _ = g.by.of(ctx).(string)
	}
	v := g.keys[key]
	if t != nil {
		why := fmt.Sprintf("%s %q is not among the %d named", g.by, key, len(g.keys))
		if v != nil {
			why = fmt.Sprintf("%s %q is named, and gets %s", g.by, key, served(v))
		}
		t.say(v != nil, "targets", why)
	}
	return v
}

// pick returns the variant that is served, for a reason unless it is by split.
func (s *serve) pick(f *compiled, ctx *Context, reason Reason, t *trace) outcome {
	if s.split == nil {
		if t != nil {
			t.say(true, "serve", served(s.variant))
		}
		return outcome{variant: s.variant, reason: reason}
	}
	return s.split.pick(f, ctx, t)
}

// served names a variant.
func served(v *variant) string {
	if v == nil {
		return "the application's own default"
	}
	return "variant " + v.name
}
