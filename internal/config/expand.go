package config

import (
	"strings"
)

// expansion says what ${…} means in a text.
type expansion int

const (
	never     expansion = iota
	strictly            // an unknown name is a problem
	atRuntime           // upper-case names stay, for the variables of the instance
)

var (
	variableUse = onUse(`\$\$|\$\{[^}]*\}?`)
	runtimeName = onUse(`^\$\{[A-Z_][A-Z0-9_]*\}$`)
)

// expand replaces ${name} by the reader's variables and $$ by a dollar.
func (r *reader) expand(n *node, how expansion) (string, *wrong) {
	return r.expandText(n.text, how, r.isHidden(n))
}

func (r *reader) expandText(text string, how expansion, hidden bool) (string, *wrong) {
	var failed *wrong
	expanded := variableUse().ReplaceAllStringFunc(text, func(found string) string {
		if found == "$$" {
			return "$"
		}
		name := strings.TrimSuffix(strings.TrimPrefix(found, "${"), "}")
		if v, ok := r.variables[name]; ok && strings.HasSuffix(found, "}") {
			return v
		}
		if how == atRuntime && runtimeName().MatchString(found) {
			return found
		}
		if failed == nil {
			failed = unknownVariable(name, found, how, hidden)
		}
		return found
	})
	return expanded, failed
}

func unknownVariable(name, found string, how expansion, hidden bool) *wrong {
	const dollar = "a dollar sign is written $$"
	if hidden {
		return wrongf(dollar, "has a variable that does not exist")
	}
	if !strings.HasSuffix(found, "}") {
		return wrongf(dollar, "has a ${ without its }")
	}
	hint := suggest(name, []string{"application", "environment", "version"})
	upper := "${" + strings.ToUpper(name) + "}"
	if how == atRuntime && runtimeName().MatchString(upper) && !strings.HasPrefix(hint, "did") {
		hint = "for a variable of the instance write " + upper
	}
	return wrongf(hint+" ("+dollar+")", "has no value for ${%s}", clip(name))
}
