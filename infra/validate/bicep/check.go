package bicep

import (
	"path/filepath"
	"slices"
	"strings"
)

// Check says what is wrong with the files of a program, whatever its
// parameters are: names that lead nowhere, what nothing uses, and modules that are
// not given what they ask for.
func (p *Program) Check() Problems {
	var all Problems
	for _, f := range p.order {
		c := &checker{program: p, file: f, problems: &all, declared: map[string]*declaration{}}
		c.declare()
		c.references()
		c.lint()
		c.unused()
	}
	return all
}

// CheckParameters says what is wrong with a file of parameters for the program.
func (p *Program) CheckParameters(parameters *File) Problems {
	var all Problems
	if filepath.Clean(parameters.beside(parameters.Using)) != p.Main.Path {
		all.add(parameters.Path, Position{1, 1}, "it is for %s, and not for %s", parameters.Using, p.Main.Path)
	}
	given := map[string]bool{}
	for _, a := range parameters.Assignments {
		if p.Main.param(a.Name) == nil {
			all.add(parameters.Path, a.At, "%s has no parameter %s", p.Main.Path, a.Name)
		}
		if given[a.Name] {
			all.add(parameters.Path, a.At, "%s is given twice", a.Name)
		}
		given[a.Name] = true
	}
	for _, param := range p.Main.Params {
		if param.Default == nil && !given[param.Name] {
			all.add(parameters.Path, Position{1, 1}, "the parameter %s of %s is missing", param.Name, p.Main.Path)
		}
	}
	return all
}

// declaration is what a name stands for.
type declaration struct {
	Declared
	what string // as a person would call it
	free bool   // nothing has to use it
	used bool
}

type checker struct {
	program  *Program
	file     *File
	problems *Problems
	declared map[string]*declaration
}

func (c *checker) fail(at Position, format string, args ...any) {
	c.problems.add(c.file.Path, at, format, args...)
}

func (c *checker) declare() {
	add := func(d Declared, what string, free bool) {
		c.decorators(d)
		if c.declared[d.Name] != nil {
			c.fail(d.At, "%s is declared twice", d.Name)
		}
		c.declared[d.Name] = &declaration{Declared: d, what: what, free: free}
	}
	exported := func(d Declared) bool { _, ok := d.decorator("export"); return ok }
	for _, i := range c.file.Imports {
		add(i.Declared, "import", false)
		if !c.program.at(c.file, i.From).exports(i.Name) {
			c.fail(i.At, "%s exports no %s", i.From, i.Name)
		}
	}
	for _, p := range c.file.Params {
		add(p.Declared, "parameter", false)
	}
	for _, v := range c.file.Vars {
		add(v.Declared, "variable", exported(v.Declared))
	}
	for _, t := range c.file.Types {
		add(t.Declared, "type", exported(t.Declared))
	}
	for _, r := range c.file.Resources {
		add(r.Declared, "existing resource", !r.Existing)
	}
	for _, m := range c.file.Modules {
		add(m.Declared, "module", true)
	}
	for i, o := range c.file.Outputs {
		if c.file.output(o.Name) != c.file.Outputs[i] {
			c.fail(o.At, "the output %s is declared twice", o.Name)
		}
		c.decorators(o.Declared)
	}
}

// decorators are those that are known here, with whether they take a number.
var decorators = map[string]bool{
	"batchSize": true, "description": false, "export": false, "maxLength": true, "maxValue": true, "minLength": true, "minValue": true, "secure": false,
}

func (c *checker) decorators(d Declared) {
	for _, dec := range d.Decorators {
		number, ok := decorators[dec.Name]
		if !ok {
			c.fail(dec.At, "there is no decorator %s here", dec.Name)
			continue
		}
		if !number {
			continue
		}
		if len(dec.Args) == 1 {
			if l, ok := dec.Args[0].(*literal); ok && kind(l.value) == "a number" {
				continue
			}
		}
		c.fail(dec.At, "%s takes a number", dec.Name)
	}
}

// exports is whether a file gives a type or variable to others.
func (f *File) exports(name string) bool {
	has := func(d Declared) bool { _, ok := d.decorator("export"); return ok && d.Name == name }
	return slices.ContainsFunc(f.Types, func(t *TypeDeclaration) bool { return has(t.Declared) }) ||
		slices.ContainsFunc(f.Vars, func(v *Var) bool { return has(v.Declared) })
}

func (c *checker) references() {
	for _, p := range c.file.Params {
		c.typ(p.Type)
		if p.Default != nil {
			c.expression(p.Default, nil)
		}
	}
	for _, v := range c.file.Vars {
		c.expression(v.Value, nil)
	}
	for _, t := range c.file.Types {
		c.typ(t.Type)
	}
	for _, r := range c.file.Resources {
		c.resource(r)
	}
	for _, m := range c.file.Modules {
		c.expression(m.Body, nil)
		c.module(m)
	}
	for _, o := range c.file.Outputs {
		c.typ(o.Type)
		c.expression(o.Value, nil)
		c.output(o)
	}
}

func (c *checker) resource(r *Resource) {
	c.expression(r.Body, nil)
	o, _ := body(r.Body)
	if o == nil {
		c.fail(r.At, "the resource %s has no body", r.Name)
		return
	}
	if o.property("name") == nil {
		c.fail(r.At, "the resource %s has no name", r.Name)
	}
	if child := strings.Count(r.Type, "/") > 1; child != (o.property("parent") != nil) {
		c.fail(r.At, "the resource %s is of type %s: a child says its parent, and nobody else does", r.Name, r.Type)
	}
}

func (c *checker) module(m *Module) {
	o, _ := body(m.Body)
	if o == nil {
		c.fail(m.At, "the module %s has no body", m.Name)
		return
	}
	file := c.program.at(c.file, m.Path)
	if c.file.TargetScope != file.TargetScope && o.property("scope") == nil {
		c.fail(m.At, "the module %s needs a scope: it deploys to a %s", m.Name, file.TargetScope)
	}
	given := map[string]bool{}
	if params, ok := o.property("params").(*object); ok {
		for _, p := range params.properties {
			given[p.key.parts[0]] = true
			if file.param(p.key.parts[0]) == nil {
				c.fail(p.at, "%s has no parameter %s", m.Path, p.key.parts[0])
			}
		}
	}
	for _, p := range file.Params {
		if p.Default == nil && !given[p.Name] {
			c.fail(m.At, "the module %s misses the parameter %s of %s", m.Name, p.Name, m.Path)
		}
	}
}

func (c *checker) unused() {
	for _, d := range c.declared {
		if !d.used && !d.free {
			c.fail(d.At, "nothing uses the %s %s", d.what, d.Name)
		}
	}
	slices.SortStableFunc(*c.problems, func(a, b *Problem) int {
		if a.File != b.File {
			return 0
		}
		return a.Line - b.Line
	})
}
