// Package arm holds what a deployment asks of Azure to the models of the API
// that it asks: HashiCorp's, which are made from Microsoft's specifications and
// are what the azurerm provider sends.
package arm

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// Check says what is wrong with what is asked for: properties that the type
// does not have in this version, values of other types or that are none of
// those there are, and what is missing.
func Check(r *bicep.Instance) []string {
	c := &checker{}
	if model, ok := models[r.Type+"@"+r.Version]; ok {
		properties := maps.Clone(r.Body)
		delete(properties, "name") // part of the address
		c.value("", reflect.TypeOf(model), properties)
	} else {
		c.fail("%s has no model at version %s", r.Type, r.Version)
	}
	for i, p := range c.problems {
		c.problems[i] = fmt.Sprintf("%s:%d: %s %q: %s", r.File, r.At.Line, r.Symbol, r.Name, strings.TrimPrefix(p, "."))
	}
	return c.problems
}

type checker struct{ problems []string }

func (c *checker) fail(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *checker) value(path string, t reflect.Type, v any) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v == nil {
		return // is left out
	}
	if s, ok := v.(bicep.Runtime); ok {
		v = string(s)
	}
	switch t.Kind() {
	case reflect.Interface:
		c.kind(path, t, v)
	case reflect.Struct:
		c.object(path, t, v)
	case reflect.Map:
		o, ok := v.(map[string]any)
		if !ok {
			c.fail("%s is no object", path)
		}
		for _, key := range slices.Sorted(maps.Keys(o)) {
			c.value(path+"."+key, t.Elem(), o[key])
		}
	case reflect.Slice:
		items, ok := v.([]any)
		if !ok {
			c.fail("%s is no array", path)
		}
		for i, item := range items {
			c.value(fmt.Sprintf("%s[%d]", path, i), t.Elem(), item)
		}
	default:
		c.plain(path, t, v)
	}
}

// plain checks what has no parts.
func (c *checker) plain(path string, t reflect.Type, v any) {
	switch v := v.(type) {
	case string:
		if t.Kind() != reflect.String {
			c.fail("%s is a string, and must be %s", path, t.Kind())
			return
		}
		allowed, err := values(t)
		if err != nil {
			c.fail("%s: %v", path, err)
		}
		if len(allowed) > 0 && !open[t] && !slices.Contains(allowed, v) {
			c.fail("%s is %s, and must be one of %s", path, v, strings.Join(allowed, ", "))
		}
	case bool:
		if t.Kind() != reflect.Bool {
			c.fail("%s is %v, and must be %s", path, v, t.Kind())
		}
	case int64:
		if t.Kind() != reflect.Int64 && t.Kind() != reflect.Float64 {
			c.fail("%s is %d, and must be %s", path, v, t.Kind())
		}
	default:
		c.fail("%s must be %s", path, t.Kind())
	}
}

// kind checks what is one of several kinds, or anything.
func (c *checker) kind(path string, t reflect.Type, v any) {
	if t.NumMethod() == 0 {
		return
	}
	read, ok := kinds[t]
	if !ok {
		c.fail("%s: nothing here reads %s", path, t)
		return
	}
	data, err := json.Marshal(v)
	if err != nil {
		c.fail("%s: %v", path, err)
		return
	}
	one, err := read(data)
	if err != nil {
		c.fail("%s: %v", path, err)
		return
	}
	// What is of no kind that is known is read as it is.
	if name := reflect.TypeOf(one).Name(); strings.HasPrefix(name, "Raw") || strings.HasPrefix(name, "Base") {
		c.fail("%s is of no kind that there is", path)
		return
	}
	c.object(path, reflect.TypeOf(one), v)
}

func (c *checker) object(path string, t reflect.Type, v any) {
	given, ok := v.(map[string]any)
	if !ok {
		c.fail("%s is no object", path)
		return
	}
	known := map[string]bool{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		known[name] = true
		if value := given[name]; value != nil {
			c.value(path+"."+name, f.Type, value)
		} else if required(t, f, options) {
			c.fail("%s is missing", path+"."+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !known[name] {
			c.fail("%s is no property of %s", path+"."+name, t.Name())
		}
	}
}

// required is whether a field is always sent. The models of identities, which
// all services share, and of what is one of several kinds do not say.
func required(t reflect.Type, f reflect.StructField, options string) bool {
	return !strings.Contains(options, "omitempty") && f.Type.Kind() != reflect.Interface && strings.Contains(t.PkgPath(), "/resource-manager/")
}
