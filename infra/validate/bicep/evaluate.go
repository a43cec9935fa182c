package bicep

import (
	"fmt"
	"reflect"
	"strings"
)

// scope is the values of loops' and lambdas' variables.
type scope map[string]any

func (s scope) with(name string, value any) scope {
	all := scope{name: value}
	for k, v := range s {
		if k != name {
			all[k] = v
		}
	}
	return all
}

// closure is a lambda with what it saw.
type closure func(item any) (any, error)

func (f *frame) value(e Expression, locals scope) (any, error) {
	switch e := e.(type) {
	case *literal:
		return e.value, nil
	case *text:
		return f.text(e, locals)
	case *name:
		if v, ok := locals[e.name]; ok {
			return v, nil
		}
		return f.lookup(e.at, e.name)
	case *array:
		items := make([]any, len(e.items))
		for i, item := range e.items {
			var err error
			if items[i], err = f.value(item, locals); err != nil {
				return nil, err
			}
		}
		return items, nil
	case *object:
		return f.object(e, locals)
	case *call:
		return f.call(e, locals)
	case *member:
		base, err := f.value(e.base, locals)
		if err != nil {
			return nil, err
		}
		return f.member(e.at, base, e.name)
	case *index:
		return f.index(e, locals)
	case *unary:
		return f.unary(e, locals)
	case *binary:
		return f.binary(e, locals)
	case *ternary:
		return f.ternary(e, locals)
	case *lambda:
		return closure(func(item any) (any, error) { return f.value(e.body, locals.with(e.params[0], item)) }), nil
	case *loop:
		return f.loop(e, locals, func(locals scope) (any, error) { return f.value(e.body, locals) })
	}
	return nil, f.fail(e.position(), "%T has no value", e)
}

func (f *frame) text(e *text, locals scope) (any, error) {
	var s strings.Builder
	late := false
	for i, part := range e.parts {
		s.WriteString(part)
		if i == len(e.holes) {
			break
		}
		v, err := f.value(e.holes[i], locals)
		if err != nil {
			return nil, err
		}
		switch v.(type) {
		case string, int64, bool:
		case Runtime:
			late = true
		default:
			return nil, f.fail(e.holes[i].position(), "%s cannot stand in a string", kind(v))
		}
		fmt.Fprint(&s, v)
	}
	if late {
		return Runtime(s.String()), nil
	}
	return s.String(), nil
}

func (f *frame) object(e *object, locals scope) (any, error) {
	all := map[string]any{}
	for _, p := range e.properties {
		name, err := f.text(p.key, locals)
		if err != nil {
			return nil, err
		}
		key, ok := name.(string)
		if !ok {
			return nil, f.fail(p.at, "the name of the property is known only when it is deployed")
		}
		v, err := f.value(p.value, locals)
		if err != nil {
			return nil, err
		}
		all[key] = v
	}
	return all, nil
}

func (f *frame) loop(l *loop, locals scope, one func(scope) (any, error)) (any, error) {
	over, err := f.value(l.over, locals)
	if err != nil {
		return nil, err
	}
	items, ok := over.([]any)
	if !ok {
		return nil, f.fail(l.over.position(), "a loop goes over an array, and this is %s", kind(over))
	}
	all := make([]any, len(items))
	for i, item := range items {
		inner := locals.with(l.item, item)
		if l.index != "" {
			inner = inner.with(l.index, int64(i))
		}
		if all[i], err = one(inner); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (f *frame) member(at Position, base any, name string) (any, error) {
	switch base := base.(type) {
	case *Instance:
		switch name {
		case "id":
			return base.ID, nil
		case "name":
			return base.Name, nil
		case "properties", "identity":
			return Runtime(base.ID + "." + name), nil
		}
		return nil, f.fail(at, "of a resource, id, name, properties and identity are read here, not %s", name)
	case Runtime:
		return Runtime(string(base) + "." + name), nil
	case map[string]any:
		if v, ok := base[name]; ok {
			return v, nil
		}
		return nil, f.fail(at, "the object has no %s", name)
	}
	return nil, f.fail(at, "%s has no property %s", kind(base), name)
}

func (f *frame) index(e *index, locals scope) (any, error) {
	base, err := f.value(e.base, locals)
	if err != nil {
		return nil, err
	}
	key, err := f.value(e.key, locals)
	if err != nil {
		return nil, err
	}
	switch key := key.(type) {
	case string:
		return f.member(e.at, base, key)
	case int64:
		items, ok := base.([]any)
		if !ok {
			return nil, f.fail(e.at, "%s has no items", kind(base))
		}
		if key < 0 || key >= int64(len(items)) {
			return nil, f.fail(e.at, "the array has %d items, and no number %d", len(items), key)
		}
		return items[key], nil
	}
	return nil, f.fail(e.at, "%s is no index", kind(key))
}

func (f *frame) unary(e *unary, locals scope) (any, error) {
	v, err := f.value(e.operand, locals)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case bool:
		if e.sign == "!" {
			return !v, nil
		}
	case int64:
		if e.sign == "-" {
			return -v, nil
		}
	}
	return nil, f.fail(e.at, "%s is not for %s", e.sign, kind(v))
}

func (f *frame) ternary(e *ternary, locals scope) (any, error) {
	condition, err := f.value(e.condition, locals)
	if err != nil {
		return nil, err
	}
	switch condition {
	case true:
		return f.value(e.yes, locals)
	case false:
		return f.value(e.no, locals)
	}
	return nil, f.fail(e.at, "%s is no condition", kind(condition))
}

func (f *frame) binary(e *binary, locals scope) (any, error) {
	left, err := f.value(e.left, locals)
	if err != nil {
		return nil, err
	}
	// These need their right side only if the left one leaves it open.
	if l, ok := left.(bool); ok && (e.sign == "&&" && !l || e.sign == "||" && l) {
		return l, nil
	}
	right, err := f.value(e.right, locals)
	if err != nil {
		return nil, err
	}
	switch e.sign {
	case "==":
		return reflect.DeepEqual(left, right), nil
	case "!=":
		return !reflect.DeepEqual(left, right), nil
	}
	if l, ok := left.(int64); ok {
		if r, ok := right.(int64); ok {
			return f.arithmetic(e, l, r)
		}
	}
	_, ok := left.(bool)
	if r, is := right.(bool); ok && is && (e.sign == "&&" || e.sign == "||") {
		return r, nil
	}
	return nil, f.fail(e.at, "%s is not for %s and %s", e.sign, kind(left), kind(right))
}

func (f *frame) arithmetic(e *binary, l, r int64) (any, error) {
	switch e.sign {
	case "<":
		return l < r, nil
	case ">":
		return l > r, nil
	case "<=":
		return l <= r, nil
	case ">=":
		return l >= r, nil
	case "+":
		return l + r, nil
	case "-":
		return l - r, nil
	case "*":
		return l * r, nil
	case "/":
		if r != 0 {
			return l / r, nil
		}
		return nil, f.fail(e.at, "nothing is divided by 0")
	}
	return nil, f.fail(e.at, "%s is not for numbers", e.sign)
}
