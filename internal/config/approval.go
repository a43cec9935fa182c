package config

import (
	"strings"

	"github.com/davit-dev/davit"
)

// approval is a moment at which people are asked.
type approval struct {
	before item[davit.Moment]
	by     sequence[davit.Approver]
	author item[bool]
	count  item[int]
	within item[davit.Duration]
}

func (*approval) about() about {
	return about{name: "an approval", doc: "A moment at which the rollout waits for people: `davit approve`, or `davit reject`, which hauls back. " +
		"Meanwhile the gates on live traffic go on; neither `patience` nor `deadline` counts the time."}
}

func (a *approval) fields() []field {
	return []field{
		{key: "before", into: scalar(&a.before, before()), initial: "traffic", doc: beforeDoc},
		{
			key: "by", into: listOf(&a.by, maxItems, as(approver())), absent: "everybody whom the server knows",
			doc: "who may approve: `user anna` or `uid 1000` of the server's machine, `token ci`, `token release-*`",
		},
		{key: "author", into: scalar(&a.author, flag()), initial: "false", doc: "whoever asked for the rollout may approve it"},
		{key: "count", into: scalar(&a.count, integer(1, 100)), initial: "1", doc: "how many have to approve"},
		{key: "within", into: scalar(&a.within, duration(minPeriod)), initial: "24h", doc: "how long it waits; then the rollout is hauled back"},
	}
}

func approver() form[davit.Approver] {
	f := patterned("who may approve", `^(user|uid|token) [A-Za-z0-9._@-]*\*?$`, "")
	return form[davit.Approver]{words: f.words, schema: f.schema, parse: func(w word) (davit.Approver, *wrong) {
		name, err := f.parse(w)
		if _, rest, _ := strings.Cut(name, " "); err != nil || rest == "" {
			return "", wrongf("write user anna, uid 1000, token ci or token release-*", "must say who may approve, not %q", clip(w.text))
		}
		return davit.Approver(name), nil
	}}
}

// resolveApprovals returns the environment's approvals as holds.
func (e *environment) resolveApprovals(x *resolver) []davit.Hold {
	var holds []davit.Hold
	for _, i := range e.approvals.value {
		a := i.value
		p := davit.ApprovalParams{
			By: items(a.by), Author: a.author.value, Count: a.count.value, Within: a.within.value,
		}
		if !p.Possible("") {
			x.problem(x.or(a.by.at), "name more of them, or set a lower count", "%d have to approve, and %d may", p.Count, len(p.By))
		}
		holds = append(holds, davit.Hold{At: a.before.value, Gate: davit.Approvals(davit.GateApproval, p)})
	}
	return holds
}
