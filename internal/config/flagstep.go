package config

import (
	"slices"

	"github.com/davit-dev/davit"
)

// flagStep is a feature flag that is switched at a moment of a rollout.
type flagStep struct {
	flag          item[string]
	before, after item[davit.Moment]
	turn          item[davit.FlagTurn]
	serve         item[string]
}

func (*flagStep) about() about {
	return about{name: "a flag", doc: "A feature flag that the rollout switches in this environment, at a moment. " +
		"When the rollout is hauled back, the flag serves again what it served before, unless somebody else has changed that since."}
}

func (f *flagStep) fields() []field {
	return []field{
		{key: "flag", into: scalar(&f.flag, plain()), required: true, doc: "key of the flag, which must be there when the rollout begins"},
		{key: "before", into: scalar(&f.before, before()), doc: beforeDoc},
		{
			key: "after", into: scalar(&f.after, afterOf("promotion", "watch")),
			doc: "`promotion`: the release before is still warm; `watch`: the rollback window is over, and the flag is not returned any more",
		},
		{key: "turn", into: scalar(&f.turn, oneWord(davit.FlagOn, davit.FlagOff)), absent: "as it is", doc: "whether the flag is to be on"},
		{key: "serve", into: scalar(&f.serve, plain()), absent: "as it is", doc: "variant that everybody gets whom no target and no rule names"},
	}
}

func (*flagStep) oneOf() []string { return []string{"before", "after"} }

// resolveFlags returns the environment's flags as holds.
func (e *environment) resolveFlags(x *resolver) []davit.Hold {
	var steps []davit.FlagStep
	var keys []string
	for _, i := range e.flags.value {
		f := i.value
		if slices.Contains(keys, f.flag.value) {
			x.problem(f.flag.at, "switch it once", "the flag %q is switched already", f.flag.value)
		}
		keys = append(keys, f.flag.value)
		if !f.turn.set && !f.serve.set {
			x.problem(i.at, "", "a flag needs one of the keys turn and serve")
		}
		if f.before.value.Kind == davit.BeforeStep {
			x.problem(f.before.at, "name one moment, such as traffic or 50%", "the flag %q can be switched once alone", f.flag.value)
		}
		at := f.before.value
		if f.after.set {
			at = f.after.value
		}
		steps = append(steps, davit.FlagStep{At: at, Switch: davit.FlagSwitch{Flag: f.flag.value, Turn: f.turn.value, Serve: f.serve.value}})
	}
	return davit.SwitchFlags(steps...)
}
