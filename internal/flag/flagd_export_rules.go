package flag

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/davit-dev/davit"
)

// answer writes the expression that answers what a flag serves.
type answer struct {
	ex       *exporter
	key      string
	settings *davit.FlagSettings
	null     string // the variant that null stands for; empty for the application's default
	within   bool   // the targeting of another flag
	depth    int    // of prerequisites
}

// targeting writes what is looked at in its order: prerequisites, targets, rules,
// default.
func (a *answer) targeting() (any, error) {
	s := a.settings
	var branches []any
	for _, p := range s.Prerequisites {
		holds, err := a.prerequisite(p)
		if err != nil {
			return nil, err
		}
		branches = append(branches, jsonLogic("!", holds), a.name(s.Off))
	}
	for _, t := range s.Targets {
		keys := make([]any, 0, len(t.Keys))
		for _, key := range t.Keys {
			keys = append(keys, key)
		}
		branches = append(branches, jsonLogic("in", variable(cmp.Or(t.Attribute, targetingKey)), keys), a.name(t.Variant))
	}
	otherwise := a.serve(s.Default)
	everybody := false
	for i, r := range s.Rules {
		last := i == len(s.Rules)-1
		when, serve, err := a.rule(r, last && otherwise == nil)
		if err != nil {
			return nil, fmt.Errorf("rules[%d]: %w", i, err)
		}
		if when == nil { // what comes after is for nobody
			otherwise, everybody = serve, true
			break
		}
		branches = append(branches, when, serve)
	}
	if len(branches) == 0 {
		return otherwise, nil
	}
	if otherwise == nil && !everybody {
		return jsonLogic("if", append(branches, nil)...), nil
	}
	return jsonLogic("if", append(branches, otherwise)...), nil
}

// rule writes the condition of a rule, nil for everybody, and what it serves.
func (a *answer) rule(r davit.FlagRule, alone bool) (when, serve any, err error) {
	if r.Advanced != nil {
		if a.within {
			return nil, nil, errors.New("it is a prerequisite of another flag and has an advanced rule, whose meaning flagd would tie to that one")
		}
		var advanced any
		if err := json.Unmarshal(r.Advanced, &advanced); err != nil {
			return nil, nil, err
		}
		if alone {
			return nil, advanced, nil
		}
		return jsonLogic("!==", advanced, nil), advanced, nil
	}
	serve = a.serve(r.Serve)
	if r.Serve == (davit.FlagServe{}) {
		serve = a.serve(a.settings.Default)
	}
	if r.When == nil {
		return nil, serve, nil
	}
	when, err = a.ex.condition(r.When, false)
	return when, serve, err
}

// name writes a variant, as null where that says the same.
func (a *answer) name(variant string) any {
	if variant == a.null {
		return nil
	}
	return variant
}

func (a *answer) serve(s davit.FlagServe) any {
	if s.Split != nil {
		return a.split(s.Split)
	}
	return a.name(s.Variant)
}

// split writes a fractional. The short form, which is null for those without a
// targeting key, is taken where it says the same.
func (a *answer) split(s *davit.FlagSplit) any {
	if variant := certain(s); variant != "" {
		return a.name(variant)
	}
	salt := cmp.Or(a.ex.flags[a.key].Salt, a.key)
	if s.Salt != nil {
		salt = *s.Salt
	}
	by := cmp.Or(s.By, targetingKey)
	buckets := make([]any, 0, len(s.Shares)+1)
	for _, share := range s.Shares {
		buckets = append(buckets, []any{share.Variant, share.Weight})
	}
	if by == targetingKey && salt == a.key && !a.within {
		short := jsonLogic("fractional", buckets...)
		if s.Otherwise == a.null {
			return short
		}
		return jsonLogic("if", jsonLogic("!!", variable(by)), short, a.name(s.Otherwise))
	}
	var begin any = salt
	if salt == a.key && !a.within {
		begin = variable("$flagd.flagKey")
	}
	there := jsonLogic("and", jsonLogic("!==", variable(by), nil), jsonLogic("!==", variable(by), ""))
	joined := jsonLogic("cat", begin, variable(by))
	return jsonLogic("if", there, jsonLogic("fractional", append([]any{joined}, buckets...)...), a.name(s.Otherwise))
}

// prerequisite writes that another flag serves one of some variants, with all that
// it says in place of its name: flagd's flags cannot look at each other.
func (a *answer) prerequisite(p davit.FlagPrerequisite) (any, error) {
	if a.depth > depthMost {
		return nil, fmt.Errorf("it rests on a chain of more than %d flags", depthMost)
	}
	other := a.ex.flags[p.Flag]
	s := other.Environments[a.ex.environment]
	if !s.Enabled {
		return jsonLogic("!", true), nil
	}
	inner := answer{ex: a.ex, key: p.Flag, settings: &s, within: true, depth: a.depth + 1}
	serves, err := inner.targeting()
	if err != nil {
		return nil, fmt.Errorf("prerequisite %s: %w", p.Flag, err)
	}
	wanted := make([]any, 0, len(p.Variants))
	for _, name := range p.Variants {
		wanted = append(wanted, name)
	}
	return jsonLogic("in", serves, wanted), nil
}
