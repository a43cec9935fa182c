package config

import (
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// before is the form of a moment before something, in words.
func before() form[davit.Moment] {
	words := map[string]davit.MomentKind{
		"start": davit.BeforeStart, "traffic": davit.BeforeTraffic, "step": davit.BeforeStep, "promotion": davit.BeforePromotion,
	}
	share := weight()
	return form[davit.Moment]{
		words: "start, traffic, step, promotion or a percentage",
		schema: schema{"anyOf": []schema{
			{"enum": []string{"start", "traffic", "step", "promotion"}}, share.schema,
		}},
		parse: func(w word) (davit.Moment, *wrong) {
			if kind := words[w.text]; kind != "" && w.kind == text {
				return davit.Moment{Kind: kind}, nil
			}
			v, err := share.parse(w)
			if err != nil && err.message != "" && strings.HasSuffix(w.text, "%") {
				return davit.Moment{}, err
			}
			if err != nil || v == 0 {
				return davit.Moment{}, wrongf("write start, traffic, step, promotion, or a share such as 25%", "must be a moment of a rollout, not %q", clip(w.text))
			}
			return davit.Moment{Kind: davit.BeforeShare, Share: v}, nil
		},
	}
}

const beforeDoc = "`start`: nothing of the candidate runs; `traffic`: it is up, as far as the strategy leaves room for it, and has no traffic; `25%`: it is to get that share or more; " +
	"`step`: each time its share is to grow; `promotion`: it has all traffic, and passed"

// holds returns what comes between the stages of the environment's strategy:
// approvals before hooks before flags, where they are for one moment.
func (e *environment) holds(x *resolver) []davit.Hold {
	return slices.Concat(e.resolveApprovals(x), e.resolveHooks(x), e.resolveFlags(x))
}
