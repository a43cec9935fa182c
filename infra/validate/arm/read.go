package arm

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// CheckReads says what a deployment reads of its resources that they do not
// have: a template finds out when it is deployed.
func CheckReads(d *bicep.Deployment) []string {
	var problems []string
	read := func(v any, where string) {
		late, ok := v.(bicep.Runtime)
		if !ok {
			return
		}
		of, path := origin(d, string(late))
		if of == nil {
			problems = append(problems, fmt.Sprintf("%s: %s is of no resource that is declared", where, late))
			return
		}
		if err := has(reflect.TypeOf(models[of.Type+"@"+of.Version]), strings.Split(path, ".")); err != nil {
			problems = append(problems, fmt.Sprintf("%s: %s %q at version %s: %v", where, of.Type, of.Name, of.Version, err))
		}
	}
	for _, r := range d.Resources {
		each(r.Body, func(v any) { read(v, fmt.Sprintf("%s:%d", r.File, r.At.Line)) })
	}
	for name, v := range d.Outputs {
		each(v, func(v any) { read(v, "the output "+name) })
	}
	return problems
}

// each calls for every value within a value.
func each(v any, call func(any)) {
	call(v)
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			each(item, call)
		}
	case map[string]any:
		for _, item := range v {
			each(item, call)
		}
	}
}

// origin is the resource that something is read of, and the path in it.
func origin(d *bicep.Deployment, late string) (*bicep.Instance, string) {
	for _, r := range d.Resources {
		if path, ok := strings.CutPrefix(late, r.ID+"."); ok {
			return r, path
		}
	}
	return nil, ""
}

// has is whether there is a property at a path of a model.
func has(t reflect.Type, path []string) error {
	for _, name := range path {
		for t != nil && t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t == nil || t.Kind() != reflect.Struct {
			return fmt.Errorf("%s is of nothing that has properties", name)
		}
		var of reflect.Type
		for f := range t.Fields() {
			if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
				of = f.Type
			}
		}
		if of == nil {
			return fmt.Errorf("%s has no %s", t.Name(), name)
		}
		t = of
	}
	return nil
}
