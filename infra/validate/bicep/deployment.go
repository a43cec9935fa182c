package bicep

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Runtime is a value that only Azure knows: the expression that reads it.
type Runtime string

// Instance is one resource that a deployment asks for.
type Instance struct {
	Module  string // of the template, or "" for itself: vault, or vault/endpoint
	Symbol  string // its name in the file
	Type    string
	Version string
	Name    string
	ID      string
	Scope   string // id of what an extension belongs to: a role assignment, a diagnostic setting
	// Body is what is asked of Azure, of the types of encoding/json and Runtime.
	Body map[string]any
	File string
	At   Position
}

// Deployment is what a template with parameters comes to.
type Deployment struct {
	Resources []*Instance
	Outputs   map[string]any
}

// Subscription and Tenant stand for those that somebody deploys to.
const (
	Subscription = "00000000-0000-0000-0000-000000000001"
	Tenant       = "00000000-0000-0000-0000-000000000002"
)

// Evaluate says what a deployment of the program with a file of parameters
// asks Azure for. It is for programs with which Check finds nothing wrong. What
// the template refuses is an error.
func (p *Program) Evaluate(parameters *File) (*Deployment, error) {
	d := &Deployment{}
	values := map[string]any{}
	given := &frame{program: p, file: parameters, deployment: d, memo: map[string]any{}}
	for _, a := range parameters.Assignments {
		v, err := given.value(a.Value, nil)
		if err != nil {
			return nil, err
		}
		values[a.Name] = v
	}
	root := &frame{program: p, file: p.Main, deployment: d, scope: "/subscriptions/" + Subscription, params: values, givenBy: parameters.Path, memo: map[string]any{}}
	outputs, err := root.run()
	if err != nil {
		return nil, err
	}
	d.Outputs = outputs
	return d, nil
}

// frame evaluates one use of a file.
type frame struct {
	program    *Program
	file       *File
	deployment *Deployment
	module     string
	scope      string // where resources go: the id of a subscription or resource group
	params     map[string]any
	givenBy    string
	memo       map[string]any // values of names; evaluating while they are made
}

type evaluating struct{}

func (f *frame) fail(at Position, format string, args ...any) error {
	return &Problem{f.file.Path, at, fmt.Sprintf(format, args...)}
}

// run evaluates everything that the file declares.
func (f *frame) run() (map[string]any, error) {
	for _, p := range f.file.Params {
		if _, err := f.lookup(p.At, p.Name); err != nil {
			return nil, err
		}
	}
	for _, r := range f.file.Resources {
		if _, err := f.lookup(r.At, r.Name); err != nil {
			return nil, err
		}
	}
	for _, m := range f.file.Modules {
		if _, err := f.lookup(m.At, m.Name); err != nil {
			return nil, err
		}
	}
	outputs := map[string]any{}
	for _, o := range f.file.Outputs {
		v, err := f.value(o.Value, nil)
		if err != nil {
			return nil, err
		}
		if err := (typed{o.Type, f.program, f.file}).accepts(v, o.Declared, "the output "+o.Name); err != nil {
			return nil, f.fail(o.At, "%v", err)
		}
		outputs[o.Name] = v
	}
	return outputs, nil
}

// lookup is the value of a declared name, evaluated once.
func (f *frame) lookup(at Position, name string) (any, error) {
	if v, ok := f.memo[name]; ok {
		if _, ok := v.(evaluating); ok {
			return nil, f.fail(at, "%s needs itself", name)
		}
		return v, nil
	}
	f.memo[name] = evaluating{}
	v, err := f.declared(at, name)
	if err != nil {
		return nil, err
	}
	f.memo[name] = v
	return v, nil
}

func (f *frame) declared(at Position, name string) (any, error) {
	if p := f.file.param(name); p != nil {
		return f.param(p)
	}
	if v := f.file.variable(name); v != nil {
		return f.value(v.Value, nil)
	}
	for _, r := range f.file.Resources {
		if r.Name == name {
			return f.each(r.Body, func(b *object, locals scope) (any, error) { return f.resource(r, b, locals) })
		}
	}
	if m := f.file.module(name); m != nil {
		return f.each(m.Body, func(b *object, locals scope) (any, error) { return f.use(m, b, locals) })
	}
	for _, i := range f.file.Imports {
		if i.Name == name {
			from := &frame{program: f.program, file: f.program.at(f.file, i.From), deployment: f.deployment, memo: map[string]any{}}
			return from.lookup(i.At, name)
		}
	}
	return nil, f.fail(at, "there is no %s", name)
}

func (f *frame) param(p *Param) (any, error) {
	v, given := f.params[p.Name]
	if !given {
		if p.Default == nil {
			return nil, f.fail(p.At, "%s does not give the parameter %s", f.givenBy, p.Name)
		}
		var err error
		if v, err = f.value(p.Default, nil); err != nil {
			return nil, err
		}
	}
	if err := (typed{p.Type, f.program, f.file}).accepts(v, p.Declared, p.Name); err != nil {
		return nil, f.fail(p.At, "%v", err)
	}
	return v, nil
}

// each evaluates a body, or the body of a loop once for each item.
func (f *frame) each(e Expression, one func(*object, scope) (any, error)) (any, error) {
	b, l := body(e)
	if l == nil {
		return one(b, nil)
	}
	return f.loop(l, nil, func(locals scope) (any, error) { return one(b, locals) })
}

// resource evaluates a resource and, unless it exists, adds it to what is asked for.
func (f *frame) resource(r *Resource, b *object, locals scope) (any, error) {
	value, err := f.value(b, locals)
	if err != nil {
		return nil, err
	}
	properties := maps.Clone(value.(map[string]any))
	i := &Instance{Module: f.module, Symbol: r.Name, Type: r.Type, Version: r.Version, File: f.file.Path, At: r.At, Body: properties}
	var ok bool
	if i.Name, ok = properties["name"].(string); !ok {
		return nil, f.fail(r.At, "the name of %s is known only when it is deployed", r.Name)
	}
	parent, _ := properties["parent"].(*Instance)
	within, _ := properties["scope"].(*Instance)
	switch {
	case parent != nil:
		if !strings.EqualFold(parent.Type, r.Type[:strings.LastIndex(r.Type, "/")]) {
			return nil, f.fail(r.At, "%s is of type %s, whose parent is no %s", r.Name, r.Type, parent.Type)
		}
		i.ID = parent.ID + r.Type[strings.LastIndex(r.Type, "/"):] + "/" + i.Name
	case within != nil:
		i.Scope = within.ID
		i.ID = within.ID + "/providers/" + r.Type + "/" + i.Name
	case strings.EqualFold(r.Type, "Microsoft.Resources/resourceGroups"):
		i.ID = f.scope + "/resourceGroups/" + i.Name
	default:
		i.ID = f.scope + "/providers/" + r.Type + "/" + i.Name
	}
	for _, own := range []string{"parent", "scope", "dependsOn"} {
		delete(properties, own) // of the language, not of Azure
	}
	if !r.Existing {
		f.deployment.Resources = append(f.deployment.Resources, i)
	}
	return i, nil
}

// use evaluates a module and returns its outputs.
func (f *frame) use(m *Module, b *object, locals scope) (any, error) {
	value, err := f.value(b, locals)
	if err != nil {
		return nil, err
	}
	properties := value.(map[string]any)
	params, _ := properties["params"].(map[string]any)
	module := strings.TrimPrefix(f.module+"/"+m.Name, "/")
	inner := &frame{program: f.program, file: f.program.at(f.file, m.Path), deployment: f.deployment, module: module, scope: f.scope, params: params, givenBy: f.file.Path, memo: map[string]any{}}
	if group, ok := properties["scope"].(*Instance); ok {
		inner.scope = group.ID
	}
	outputs, err := inner.run()
	if err != nil {
		return nil, err
	}
	return map[string]any{"name": properties["name"], "outputs": outputs}, nil
}

// sorted are the names of an object's properties.
func sorted(o map[string]any) []string { return slices.Sorted(maps.Keys(o)) }
