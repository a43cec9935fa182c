package config

import (
	"encoding/json"

	"github.com/davit-dev/davit"
)

// CheckVerifier says what is wrong with checks that a davit.yaml names. This
// package knows their settings' form, and not which checks there are.
type CheckVerifier struct {
	// Name returns an error for a name that is no check and no category.
	Name func(name string) error
	// Settings returns an error for settings that a check does not have.
	Settings func(id string, settings davit.CheckSettings) error
}

type validationGate struct {
	name            item[string]
	checks, without sequence[string]
	settings        dictionary[checkSettings]
}

func (*validationGate) about() about {
	return about{name: "a validation gate", doc: "The validation suite finds no fault with the candidate, through the front door and on each " +
		"instance. [The checks](checks.md) need no settings to begin with."}
}

func (g *validationGate) fields() []field {
	return []field{
		gateName(&g.name),
		{key: "checks", into: listOf(&g.checks, maxItems, as(checkName())), absent: "all", doc: "checks to run, by ID or category"},
		{key: "without", into: listOf(&g.without, maxItems, as(checkName())), absent: "none", doc: "checks to leave out, by ID or category"},
		{key: "settings", into: tableOf(&g.settings, maxItems, checkName(), replaced[checkSettings]), doc: "settings of checks, by ID"},
	}
}

func (g *validationGate) named() (name, service item[string]) { return g.name, item[string]{} }

func (g *validationGate) resolve(x *resolver, name string) davit.Gate {
	p := davit.ValidationParams{Checks: items(g.checks), Without: items(g.without)}
	for _, i := range append(g.checks.value, g.without.value...) {
		x.verifyCheck(i.at, func(v *CheckVerifier) error { return v.Name(i.value) })
	}
	for _, s := range g.settings.value {
		if p.Settings == nil {
			p.Settings = map[string]davit.CheckSettings{}
		}
		settings := davit.CheckSettings{
			Severity: s.value.severity.value, Timeout: s.value.timeout.value, Retries: s.value.retries.given(), With: s.value.with.value,
		}
		p.Settings[s.name] = settings
		x.verifyCheck(s.at, func(v *CheckVerifier) error { return v.Settings(s.name, settings) })
	}
	return davit.Validation(name, p)
}

// verifyCheck tells what a verifier says, where there is one.
func (x *resolver) verifyCheck(at position, verify func(*CheckVerifier) error) {
	if x.verifier == nil {
		return
	}
	if err := verify(x.verifier); err != nil {
		hint := ""
		if e, ok := err.(*davit.Error); ok { //nolint:errorlint // the verifier's own, not one in a chain
			hint = e.Hint
		}
		x.problem(at, hint, "%s", err)
	}
}

// checkSettings change one check.
type checkSettings struct {
	severity item[davit.Severity]
	timeout  item[davit.Duration]
	retries  item[int]
	with     item[json.RawMessage]
}

func (*checkSettings) about() about {
	return about{name: "settings of a check", doc: "What is different about a check. What is left out stays as [the check](checks.md) has it."}
}

func (s *checkSettings) fields() []field {
	return []field{
		{
			key: "severity", into: scalar(&s.severity, oneWord(davit.Required, davit.Advisory)), absent: "the check's own",
			doc: "`required`: the release is hauled back when it fails; `advisory`: it is told in the evidence",
		},
		{key: "timeout", into: scalar(&s.timeout, duration(minPeriod)), absent: "the check's own", doc: "time that one try may take"},
		{key: "retries", into: scalar(&s.retries, integer(0, maxItems)), absent: "the check's own", doc: "further tries after one that failed"},
		{key: "with", into: anything(&s.with), absent: "the check's own", doc: "parameters of the check"},
	}
}

// checkName is the ID of a check, or a category.
func checkName() form[string] {
	return patterned("the name of a check", `^[a-z]+(\.[a-z0-9-]+)*$`, "names are as in security.hsts, a category as in security")
}
