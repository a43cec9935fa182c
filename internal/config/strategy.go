package config

import "github.com/davit-dev/davit"

// strategy is how a release takes over.
type strategy struct {
	word      item[davit.StrategyKind]
	canary    item[canary]
	blueGreen item[blueGreen]
	rolling   item[rolling]
}

func (*strategy) about() about {
	return about{name: "a strategy", doc: "How a release takes over from the one before. In short: only its name, for the defaults."}
}

func (s *strategy) short() value { return scalar(&s.word, strategyKind()) }

func (*strategy) oneOf() []string { return []string{"canary", "blueGreen", "rolling"} }

func (s *strategy) fields() []field {
	return []field{
		{key: "canary", into: object(&s.canary), doc: "a growing share of the traffic"},
		{key: "blueGreen", into: object(&s.blueGreen), doc: "full size without traffic, then all of it at once"},
		{key: "rolling", into: object(&s.rolling), doc: "instances are replaced batch by batch"},
	}
}

// kind returns which of the strategies was chosen.
func (s *strategy) kind() davit.StrategyKind {
	switch {
	case s.canary.set:
		return davit.KindCanary
	case s.blueGreen.set:
		return davit.KindBlueGreen
	case s.rolling.set:
		return davit.KindRolling
	}
	return s.word.value
}

// replacesInPlace reports whether an old instance always ends before a new one
// starts.
func (s *strategy) replacesInPlace() bool {
	return s.kind() == davit.KindRolling && s.rolling.value.maxSurge.value == davit.Amount{}
}

// canary gives the candidate a growing share.
type canary struct {
	steps   sequence[step]
	bake    item[davit.Duration]
	dynamic item[bool]
}

func (*canary) about() about {
	return about{name: "canary", doc: "The candidate gets a growing share of the traffic. " +
		"Where Davit's own proxy is the front door, a user who is on the candidate stays there; behind a Gateway every request is dealt anew."}
}

func (c *canary) fields() []field {
	return []field{
		{
			key: "steps", into: listOf(&c.steps, maxItems, replaced[step]), initial: "[1, 5, 25, 50, 100]",
			doc: "shares in percent, growing to 100",
		},
		{key: "bake", into: scalar(&c.bake, duration(0)), initial: "1m", doc: "how long the candidate is judged at a step that does not say so itself"},
		{
			key: "dynamicStableScale", into: scalar(&c.dynamic, flag()), initial: "false",
			doc: "let the release before shrink as its share does, down to one instance of each service, instead of keeping all of it until the candidate is promoted; going back has to start instances first",
		},
	}
}

// step is a share of the traffic.
type step struct {
	weight item[int]
	bake   item[davit.Duration]
}

func (*step) about() about {
	return about{name: "a step", doc: "A share of the traffic. In short: only its weight."}
}

func (s *step) short() value { return scalar(&s.weight, weight()) }

func (s *step) fields() []field {
	return []field{
		{key: "weight", into: scalar(&s.weight, weight()), required: true, doc: "percentage of the traffic, in steps of 0.1 %"},
		{key: "bake", into: scalar(&s.bake, duration(0)), absent: "that of the canary", doc: "how long the candidate is judged here"},
	}
}

// blueGreen switches at once.
type blueGreen struct{ bake item[davit.Duration] }

func (*blueGreen) about() about {
	return about{name: "blueGreen", doc: "The candidate comes up at full size without traffic, passes the gates, and gets everything at once."}
}

func (b *blueGreen) fields() []field {
	return []field{
		{key: "bake", into: scalar(&b.bake, duration(0)), initial: "0s", doc: "how long the candidate is judged under full traffic before it is promoted"},
	}
}

// rolling replaces instances in batches.
type rolling struct {
	batch, maxSurge, maxUnavailable item[davit.Amount]
	bake                            item[davit.Duration]
}

func (*rolling) about() about {
	return about{name: "rolling", doc: "Instances are replaced batch by batch. Amounts are of a service's replicas."}
}

func (r *rolling) fields() []field {
	return []field{
		{key: "batch", into: scalar(&r.batch, amount()), initial: "25%", doc: "instances replaced in one stage"},
		{key: "maxSurge", into: scalar(&r.maxSurge, amount()), initial: "25%", doc: "instances above the replicas; a percentage is rounded up"},
		{key: "maxUnavailable", into: scalar(&r.maxUnavailable, amount()), initial: "0", doc: "instances below the replicas; a percentage is rounded down"},
		{key: "bake", into: scalar(&r.bake, duration(0)), initial: "0s", doc: "how long the candidate is judged after each batch"},
	}
}
