package bicep

import "slices"

func (c *checker) use(at Position, name string, locals []string) {
	if slices.Contains(locals, name) {
		return
	}
	if d := c.declared[name]; d != nil {
		d.used = true
		return
	}
	c.fail(at, "there is no %s", name)
}

func (c *checker) typ(t Type) {
	switch t := t.(type) {
	case *namedType:
		if !slices.Contains([]string{"string", "int", "bool"}, t.name) {
			c.use(t.at, t.name, nil)
		}
	case *arrayType:
		c.typ(t.item)
	case *objectType:
		for _, f := range t.fields {
			c.decorators(f.Declared)
			c.typ(f.typ)
		}
		if t.others != nil {
			c.typ(t.others)
		}
	}
}

// expression follows the names of an expression; locals are those of loops and
// lambdas around it.
func (c *checker) expression(e Expression, locals []string) {
	within := func(more ...string) []string { return append(slices.Clone(locals), more...) }
	switch e := e.(type) {
	case *text:
		for _, h := range e.holes {
			c.expression(h, locals)
		}
	case *name:
		c.use(e.at, e.name, locals)
	case *array:
		for _, i := range e.items {
			c.expression(i, locals)
		}
	case *object:
		c.object(e, locals)
	case *call:
		c.call(e, locals)
	case *method:
		c.expression(e.base, locals)
		for _, a := range e.args {
			c.expression(a, locals)
		}
		c.fail(e.at, "there is no function %s of a value here", e.name)
	case *member:
		c.member(e, locals)
	case *index:
		c.expression(e.base, locals)
		c.expression(e.key, locals)
	case *unary:
		c.expression(e.operand, locals)
	case *binary:
		c.expression(e.left, locals)
		c.expression(e.right, locals)
	case *ternary:
		c.expression(e.condition, locals)
		c.expression(e.yes, locals)
		c.expression(e.no, locals)
	case *lambda:
		c.expression(e.body, within(e.params...))
	case *loop:
		c.expression(e.over, locals)
		c.expression(e.body, within(e.item, e.index))
	}
}

func (c *checker) object(o *object, locals []string) {
	given := map[string]bool{}
	for _, p := range o.properties {
		c.expression(p.key, locals)
		c.expression(p.value, locals)
		if len(p.key.holes) > 0 {
			continue
		}
		if key := p.key.parts[0]; given[key] {
			c.fail(p.at, "the property %s is given twice", key)
		} else {
			given[key] = true
		}
	}
}

func (c *checker) call(e *call, locals []string) {
	if _, err := called(e); err != nil {
		c.fail(e.at, "%v", err)
	}
	for _, a := range e.args {
		c.expression(a, locals)
	}
}

// member checks the outputs of modules: module.outputs.name.
func (c *checker) member(e *member, locals []string) {
	c.expression(e.base, locals)
	outputs, ok := e.base.(*member)
	if !ok || outputs.name != "outputs" {
		return
	}
	of, ok := outputs.base.(*name)
	if !ok {
		return
	}
	if m := c.file.module(of.name); m != nil && c.program.at(c.file, m.Path).output(e.name) == nil {
		c.fail(e.at, "%s has no output %s", m.Path, e.name)
	}
}
