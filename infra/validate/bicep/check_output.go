package bicep

import "strings"

// output looks for secrets in an output, which stays in the history of
// deployments: by its name, by functions that list keys, and by parameters that
// are kept from that history.
func (c *checker) output(o *Output) {
	if strings.Contains(strings.ToLower(o.Name), "password") {
		c.fail(o.At, "the output %s looks like a secret: outputs stay in the history of deployments", o.Name)
	}
	followed := map[string]bool{}
	var look func(Expression)
	look = func(e Expression) {
		switch e := e.(type) {
		case *call:
			c.listing(o, e.name)
		case *method:
			c.listing(o, e.name)
		case *name:
			if followed[e.name] {
				return
			}
			followed[e.name] = true
			if p := c.file.param(e.name); p != nil {
				if _, secure := p.decorator("secure"); secure {
					c.fail(o.At, "a secret is in the output %s: the parameter %s is secure", o.Name, e.name)
				}
			}
			if v := c.file.variable(e.name); v != nil {
				look(v.Value)
			}
		}
		for _, inner := range parts(e) {
			look(inner)
		}
	}
	look(o.Value)
}

func (c *checker) listing(o *Output, function string) {
	if strings.HasPrefix(function, "list") {
		c.fail(o.At, "a key is in the output %s: it comes of %s", o.Name, function)
	}
}

// parts are the expressions that one is made of.
func parts(e Expression) []Expression {
	switch e := e.(type) {
	case *text:
		return e.holes
	case *array:
		return e.items
	case *object:
		var all []Expression
		for _, p := range e.properties {
			all = append(all, p.key, p.value)
		}
		return all
	case *call:
		return e.args
	case *method:
		return append([]Expression{e.base}, e.args...)
	case *member:
		return []Expression{e.base}
	case *index:
		return []Expression{e.base, e.key}
	case *unary:
		return []Expression{e.operand}
	case *binary:
		return []Expression{e.left, e.right}
	case *ternary:
		return []Expression{e.condition, e.yes, e.no}
	case *lambda:
		return []Expression{e.body}
	case *loop:
		return []Expression{e.over, e.body}
	}
	return nil
}
