package bicep

import (
	"fmt"
	"slices"
	"strings"
)

// typed is a type with the declarations that give its names a meaning.
type typed struct {
	typ     Type
	program *Program
	file    *File
}

// accepts says why a value is not of a type, or nothing.
func (t typed) accepts(value any, d Declared, path string) error {
	if _, ok := value.(Runtime); ok {
		return nil // known when it is deployed
	}
	switch typ := t.typ.(type) {
	case *namedType:
		return t.named(typ, value, d, path)
	case *choiceType:
		if !slices.Contains(typ.values, value) {
			return fmt.Errorf("%s is %v, and must be %s", path, value, typ.describe())
		}
	case *arrayType:
		items, ok := value.([]any)
		if !ok {
			return mismatch(path, value, typ)
		}
		for i, item := range items {
			if err := t.of(typ.item).accepts(item, Declared{}, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return between(d, "Length", int64(len(items)), path+" has a length")
	case *objectType:
		return t.object(typ, value, path)
	}
	return nil
}

func (t typed) of(typ Type) typed { return typed{typ, t.program, t.file} }

func mismatch(path string, value any, typ Type) error {
	return fmt.Errorf("%s is %s, and must be %s", path, kind(value), typ.describe())
}

func (t typed) named(typ *namedType, value any, d Declared, path string) error {
	switch typ.name {
	case "string":
		s, ok := value.(string)
		if !ok {
			return mismatch(path, value, typ)
		}
		return between(d, "Length", int64(len(s)), path+" has a length")
	case "int":
		n, ok := value.(int64)
		if !ok {
			return mismatch(path, value, typ)
		}
		return between(d, "Value", n, path+" is a value")
	case "bool":
		if _, ok := value.(bool); !ok {
			return mismatch(path, value, typ)
		}
		return nil
	}
	declared, ok := t.lookup(typ.name)
	if !ok {
		return fmt.Errorf("there is no type %s", typ.name)
	}
	return declared.accepts(value, d, path)
}

// lookup finds a declared type, here or where it is imported from.
func (t typed) lookup(name string) (typed, bool) {
	for _, d := range t.file.Types {
		if d.Name == name {
			return t.of(d.Type), true
		}
	}
	for _, i := range t.file.Imports {
		if i.Name == name {
			return typed{program: t.program, file: t.program.at(t.file, i.From)}.lookup(name)
		}
	}
	return typed{}, false
}

func (t typed) object(typ *objectType, value any, path string) error {
	properties, ok := value.(map[string]any)
	if !ok {
		return mismatch(path, value, typ)
	}
	known := map[string]bool{}
	for _, f := range typ.fields {
		known[f.Name] = true
		v, ok := properties[f.Name]
		if !ok {
			return fmt.Errorf("%s has no %s", path, f.Name)
		}
		if err := t.of(f.typ).accepts(v, f.Declared, path+"."+f.Name); err != nil {
			return err
		}
	}
	for _, name := range sorted(properties) {
		if known[name] {
			continue
		}
		if typ.others == nil {
			return fmt.Errorf("%s takes no %s", path, name)
		}
		if err := t.of(typ.others).accepts(properties[name], Declared{}, path+"."+name); err != nil {
			return err
		}
	}
	return nil
}

// between holds a number to the decorators @min… and @max….
func between(d Declared, of string, n int64, what string) error {
	if e, ok := d.decorator("min" + of); ok {
		if least := e.(*literal).value.(int64); n < least {
			return fmt.Errorf("%s of %d, below %d", what, n, least)
		}
	}
	if e, ok := d.decorator("max" + of); ok {
		if most := e.(*literal).value.(int64); n > most {
			return fmt.Errorf("%s of %d, above %d", what, n, most)
		}
	}
	return nil
}

// kind is what a person calls a value.
func kind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string, Runtime:
		return "a string"
	case int64:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	case *Instance:
		return "a resource"
	default:
		return "a function"
	}
}

func listed(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ", ")
}
