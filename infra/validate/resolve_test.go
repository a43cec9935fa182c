package validate

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// resolve returns the resources of a plan with what it leaves open: the plan of an
// empty subscription knows no id, and so not what leads to what. The files of the
// tree, which the plan must be of, say which resource a value comes of. An id is the one that
// Azure would give; what else is known only when a resource was made is that id
// and the attribute's path, /subscriptions/…/id-x.principal_id.
func resolve(t *testing.T, p Plan) []Resource {
	t.Helper()
	r := &resolver{resources: p.Resources, variables: variables(t, p), modules: map[string]*module{}, memo: map[string]cty.Value{}}
	var err error
	if r.modules[""], err = readModule(filepath.Join(infra, "terraform")); err != nil {
		t.Fatal(err)
	}
	for name, call := range r.modules[""].blocks["module"] {
		source, diagnostics := call.Body.Attributes["source"].Expr.Value(nil)
		if diagnostics.HasErrors() {
			t.Fatal(diagnostics)
		}
		if r.modules[name], err = readModule(filepath.Join(infra, "terraform", source.AsString())); err != nil {
			t.Fatal(err)
		}
	}
	all := make([]Resource, len(p.Resources))
	for i, of := range p.Resources {
		all[i] = of
		if all[i].Values, err = r.resource(of); err != nil {
			t.Fatalf("resolving %s: %v", of.Address, err)
		}
	}
	return all
}

// variables are those of the root.
func variables(t *testing.T, p Plan) map[string]cty.Value {
	t.Helper()
	var document struct {
		Variables map[string]struct {
			Value any `json:"value"`
		} `json:"variables"`
	}
	if err := json.Unmarshal(p.Raw, &document); err != nil {
		t.Fatal(err)
	}
	all := map[string]cty.Value{}
	for name, v := range document.Variables {
		value, err := toCty(v.Value)
		if err != nil {
			t.Fatalf("the variable %s: %v", name, err)
		}
		all[name] = value
	}
	return all
}

// module is what a folder of Terraform's declares: blocks by kind and name, where
// a resource's is its type and name, and locals.
type module struct {
	folder string
	blocks map[string]map[string]*hclsyntax.Block
	locals map[string]hclsyntax.Expression
}

func readModule(folder string) (*module, error) {
	m := &module{folder: folder, blocks: map[string]map[string]*hclsyntax.Block{}, locals: map[string]hclsyntax.Expression{}}
	files, err := filepath.Glob(filepath.Join(folder, "*.tf"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no files in %s: %w", folder, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		parsed, diagnostics := hclparse.NewParser().ParseHCL(data, file)
		if diagnostics.HasErrors() {
			return nil, diagnostics
		}
		for _, block := range parsed.Body.(*hclsyntax.Body).Blocks {
			if block.Type == "locals" {
				for name, attribute := range block.Body.Attributes {
					m.locals[name] = attribute.Expr
				}
				continue
			}
			if m.blocks[block.Type] == nil {
				m.blocks[block.Type] = map[string]*hclsyntax.Block{}
			}
			m.blocks[block.Type][strings.Join(block.Labels, ".")] = block
		}
	}
	return m, nil
}

type resolver struct {
	resources []Resource
	variables map[string]cty.Value
	modules   map[string]*module
	memo      map[string]cty.Value
}

// around is what an expression sees beside the module's own names: each, and the
// iterators of dynamic blocks.
type around map[string]cty.Value

func (a around) with(name string, key, value cty.Value) around {
	all := maps.Clone(a)
	if all == nil {
		all = around{}
	}
	all[name] = cty.ObjectVal(map[string]cty.Value{"key": key, "value": value})
	return all
}

// resource is what is said of a resource, resolved.
func (r *resolver) resource(of Resource) (map[string]any, error) {
	block := r.modules[of.Module].blocks["resource"][of.Type+"."+of.Name]
	if block == nil {
		return nil, fmt.Errorf("no file declares it")
	}
	var locals around
	if each, ok := block.Body.Attributes["for_each"]; ok && says(block.Body, of.Unknown) {
		all, err := r.value(of.Module, each.Expr, nil)
		if err != nil {
			return nil, fmt.Errorf("for_each: %w", err)
		}
		for key, value := range all.Elements() {
			if all.Type().IsSetType() {
				key = value
			}
			if key.AsString() == of.Index {
				locals = locals.with("each", key, value)
			}
		}
	}
	return r.body(of, block.Body, of.Values, of.Unknown, locals)
}

// says is whether a body says anything of what is unknown.
func says(body *hclsyntax.Body, unknown map[string]any) bool {
	for name, open := range unknown {
		_, ok := body.Attributes[name]
		if isOpen(open) && (ok || slices.ContainsFunc(body.Blocks, func(b *hclsyntax.Block) bool {
			return b.Type == name || b.Type == "dynamic" && b.Labels[0] == name
		})) {
			return true
		}
	}
	return false
}

// body fills what is unknown of a body with what its attributes and blocks say.
func (r *resolver) body(of Resource, body *hclsyntax.Body, values, unknown map[string]any, locals around) (map[string]any, error) {
	all := maps.Clone(values)
	if all == nil {
		all = map[string]any{}
	}
	for name, open := range unknown {
		if !isOpen(open) {
			continue
		}
		if attribute, ok := body.Attributes[name]; ok {
			value, err := r.value(of.Module, attribute.Expr, locals)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if all[name], err = fromCty(value); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		items, ok := open.([]any)
		if !ok {
			continue // which Azure decides
		}
		written, err := r.blocks(of.Module, body, name, locals)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(written) != len(items) {
			continue // which Azure decides, too
		}
		filled := slices.Clone(list(all[name]))
		for i, w := range written {
			if filled[i], err = r.body(of, w.body, object(filled[i]), object(items[i]), w.locals); err != nil {
				return nil, fmt.Errorf("%s.%d: %w", name, i, err)
			}
		}
		all[name] = filled
	}
	return all, nil
}

// isOpen is whether anything of a value is unknown.
func isOpen(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case []any:
		return slices.ContainsFunc(v, isOpen)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), isOpen)
	}
	return false
}

// nested is a block in a block, with what its expressions see.
type nested struct {
	body   *hclsyntax.Body
	locals around
}

// blocks are those of a kind within a body, as they are written or made by dynamic.
func (r *resolver) blocks(in string, body *hclsyntax.Body, kind string, locals around) ([]nested, error) {
	var all []nested
	for _, block := range body.Blocks {
		if block.Type == kind {
			all = append(all, nested{block.Body, locals})
		}
		if block.Type != "dynamic" || block.Labels[0] != kind {
			continue
		}
		over, err := r.value(in, block.Body.Attributes["for_each"].Expr, locals)
		if err != nil {
			return nil, err
		}
		content := block.Body.Blocks[slices.IndexFunc(block.Body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == "content" })]
		for key, value := range over.Elements() {
			all = append(all, nested{content.Body, locals.with(kind, key, value)})
		}
	}
	return all, nil
}

// value evaluates an expression of a module.
func (r *resolver) value(in string, e hclsyntax.Expression, locals around) (cty.Value, error) {
	groups := map[string]map[string]cty.Value{} // var, local, a type of resources
	for _, traversal := range e.Variables() {
		root := traversal.RootName()
		if _, ok := locals[root]; ok || root == "each" || len(traversal) < 2 {
			continue
		}
		step, ok := traversal[1].(hcl.TraverseAttr)
		if !ok {
			return cty.NilVal, fmt.Errorf("%s has no name after it", root)
		}
		if groups[root] == nil {
			groups[root] = map[string]cty.Value{}
		}
		if _, ok := groups[root][step.Name]; ok {
			continue
		}
		value, err := r.named(in, root, step.Name)
		if err != nil {
			return cty.NilVal, fmt.Errorf("%s.%s: %w", root, step.Name, err)
		}
		groups[root][step.Name] = value
	}
	sees := &hcl.EvalContext{Variables: maps.Clone(map[string]cty.Value(locals)), Functions: terraformFunctions}
	if sees.Variables == nil {
		sees.Variables = map[string]cty.Value{}
	}
	for root, names := range groups {
		sees.Variables[root] = cty.ObjectVal(names)
	}
	value, diagnostics := e.Value(sees)
	if diagnostics.HasErrors() {
		return cty.NilVal, diagnostics
	}
	return value, nil
}

// named is what a name of a module stands for, evaluated once: var.x, local.x,
// module.x, path.module, or the resources of a type by that name.
func (r *resolver) named(in, root, name string) (cty.Value, error) {
	key := in + " " + root + " " + name
	if value, ok := r.memo[key]; ok {
		return value, nil
	}
	value, err := r.stands(in, root, name)
	if err == nil {
		r.memo[key] = value
	}
	return value, err
}

func (r *resolver) stands(in, root, name string) (cty.Value, error) {
	m := r.modules[in]
	switch root {
	case "path":
		return cty.StringVal(m.folder), nil
	case "local":
		if e, ok := m.locals[name]; ok {
			return r.value(in, e, nil)
		}
		return cty.NilVal, fmt.Errorf("there is none")
	case "var":
		if in == "" {
			return r.variables[name], nil
		}
		given := r.modules[""].blocks["module"][in].Body.Attributes[name]
		if given == nil {
			return cty.NilVal, fmt.Errorf("the module is not given it")
		}
		return r.value("", given.Expr, nil)
	case "module":
		outputs := map[string]cty.Value{}
		for output, block := range r.modules[name].blocks["output"] {
			value, err := r.value(name, block.Body.Attributes["value"].Expr, nil)
			if err != nil {
				return cty.NilVal, fmt.Errorf("the output %s: %w", output, err)
			}
			outputs[output] = value
		}
		return cty.ObjectVal(outputs), nil
	case "data":
		return cty.DynamicVal, nil // which the plan has read
	}
	return r.made(in, root, name)
}

// made are the resources of a type and name: one, or several by key.
func (r *resolver) made(in, kind, name string) (cty.Value, error) {
	several := map[string]cty.Value{}
	for _, of := range r.resources {
		if of.Module != in || of.Type != kind || of.Name != name {
			continue
		}
		value, err := toCty(identified(of))
		if err != nil {
			return cty.NilVal, err
		}
		if of.Index == "" {
			return value, nil
		}
		several[of.Index] = value
	}
	return cty.ObjectVal(several), nil
}

// identified is what others read of a resource: what is known of it, its id, and
// for the rest where it comes from.
func identified(of Resource) map[string]any {
	arm := of.Type
	if i := slices.IndexFunc(pairs, func(p pair) bool { return p.azurerm == of.Type }); i >= 0 {
		arm = pairs[i].arm
	}
	id := "/subscriptions/" + nobody + "/providers/" + arm + "/" + plain(of.Values["name"])
	all := late(of.Values, of.Unknown, id).(map[string]any)
	all["id"] = id
	return all
}

// late is a value with words for what is unknown of it.
func late(value, unknown any, at string) any {
	switch unknown := unknown.(type) {
	case bool:
		if unknown {
			return at
		}
	case map[string]any:
		all := maps.Clone(object(value))
		if all == nil {
			all = map[string]any{}
		}
		for name, u := range unknown {
			all[name] = late(all[name], u, at+"."+name)
		}
		return all
	case []any:
		all := slices.Clone(list(value))
		for i, u := range unknown {
			if i == len(all) {
				all = append(all, nil)
			}
			all[i] = late(all[i], u, fmt.Sprintf("%s.%d", at, i))
		}
		return all
	}
	return value
}

func toCty(v any) (cty.Value, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return cty.NilVal, err
	}
	var value ctyjson.SimpleJSONValue
	err = value.UnmarshalJSON(data)
	return value.Value, err
}

func fromCty(v cty.Value) (any, error) {
	if !v.IsWhollyKnown() {
		return nil, fmt.Errorf("it comes of what is not known here")
	}
	data, err := ctyjson.SimpleJSONValue{Value: v}.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var value any
	return value, json.Unmarshal(data, &value)
}
