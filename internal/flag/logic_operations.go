package flag

import (
	"errors"
	"slices"
)

// findOperation returns an operation of flagd's schema.
func findOperation(name string) (known, bool) {
	switch name {
	case "var":
		return known{lazy: opVar}, true
	case "missing":
		return known{eager: opMissing}, true
	case "missing_some":
		return known{least: 2, eager: opMissingSome}, true
	case "if":
		return known{lazy: opIf}, true
	case "or":
		return known{lazy: until(true)}, true
	case "and":
		return known{lazy: until(false)}, true
	case "!":
		return known{eager: func(_ *run, args []any) (any, error) { return !truthy(first(args)), nil }}, true
	case "!!":
		return known{eager: func(_ *run, args []any) (any, error) { return truthy(first(args)), nil }}, true
	case "==", "!=", "===", "!==", "<", "<=", ">", ">=":
		return known{lazy: comparing(name)}, true
	case "in":
		return known{least: 1, eager: opIn}, true
	}
	if f, ok := arithmetic(name); ok {
		return f, true
	}
	if f, ok := ofTexts(name); ok {
		return f, true
	}
	return ofLists(name)
}

func first(args []any) any {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

// opVar is what is at a path, or else the second argument.
func opVar(r *run, args []node) (any, error) {
	given, err := values(args, r)
	if err != nil {
		return nil, err
	}
	if spread, isList := first(given).([]any); isList && len(given) == 1 {
		given = spread
	}
	v := lookup(r, first(given))
	if v == nil && len(given) > 1 {
		return given[1], nil
	}
	return v, nil
}

// opMissing returns which of some paths are not there. What is null is there.
func opMissing(r *run, args []any) (any, error) {
	missing := []any{}
	for _, arg := range args {
		if !there(r.scope, splitPath(jsText(arg))) {
			missing = append(missing, arg)
		}
	}
	return missing, nil
}

// there reports whether there is something at a path in a scope.
func there(in any, at path) bool {
	parent := in
	if len(at) > 1 {
		parent = look(in, at[:len(at)-1])
	} else if top, isTop := in.(scope); isTop {
		parent = top.whole()
	}
	last := at[len(at)-1]
	if object, isObject := parent.(map[string]any); isObject {
		_, ok := object[last]
		return ok
	}
	return member(parent, last) != nil
}

func opMissingSome(r *run, args []any) (any, error) {
	need, err := number(args[0])
	if err != nil {
		return nil, err
	}
	paths, isList := args[1].([]any)
	if !isList {
		return nil, errors.New("the second argument is no list")
	}
	missing, err := opMissing(r, paths)
	if list, _ := missing.([]any); err == nil && float64(len(paths)-len(list)) >= need {
		return []any{}, nil
	}
	return missing, err
}

// opIf takes pairs of a condition and a value, and a value for when none holds.
func opIf(r *run, args []node) (any, error) {
	for len(args) > 1 {
		holds, err := args[0].value(r)
		if err != nil {
			return nil, err
		}
		if truthy(holds) {
			return args[1].value(r)
		}
		args = args[2:]
	}
	if len(args) == 0 {
		return nil, nil
	}
	return args[0].value(r)
}

// until returns the first argument that is true, or is not; else the last one.
func until(stop bool) func(r *run, args []node) (any, error) {
	return func(r *run, args []node) (v any, err error) {
		for _, arg := range args {
			if v, err = arg.value(r); err != nil || truthy(v) == stop {
				return v, err
			}
		}
		return v, nil
	}
}

// comparing compares every argument with the one after it.
func comparing(name string) func(r *run, args []node) (any, error) {
	holds := comparisons(name)
	return func(r *run, args []node) (any, error) {
		if len(args) < 2 {
			return nil, errors.New("it takes two arguments")
		}
		left, err := args[0].value(r)
		if err != nil {
			return nil, err
		}
		for _, arg := range args[1:] {
			right, err := arg.value(r)
			if err != nil {
				return nil, err
			}
			if ok, err := holds(left, right); err != nil || !ok {
				return false, err
			}
			left = right
		}
		return true, nil
	}
}

// comparisons returns what an operator does with two values.
func comparisons(name string) func(a, b any) (bool, error) {
	switch name {
	case "===":
		return func(a, b any) (bool, error) { return identical(a, b), nil }
	case "!==":
		return func(a, b any) (bool, error) { return !identical(a, b), nil }
	}
	holds := map[string]func(order int, comparable bool) bool{
		"==": func(order int, _ bool) bool { return order == 0 },
		"!=": func(order int, _ bool) bool { return order != 0 },
		"<":  func(order int, ok bool) bool { return ok && order < 0 },
		"<=": func(order int, ok bool) bool { return ok && order <= 0 },
		">":  func(order int, ok bool) bool { return ok && order > 0 },
		">=": func(order int, ok bool) bool { return ok && order >= 0 },
	}[name]
	equality := name == "==" || name == "!="
	return func(a, b any) (bool, error) {
		order, ok, err := compareLoosely(a, b, equality)
		return err == nil && holds(order, ok), err
	}
}

// opIn reports whether a list has the first argument, or a text holds it.
func opIn(r *run, args []any) (any, error) {
	switch in := first(args[1:]).(type) {
	case nil:
		return false, nil
	case []any:
		if err := r.spend(len(in) / 16); err != nil {
			return nil, err
		}
		return slices.ContainsFunc(in, func(element any) bool { return identical(element, args[0]) }), nil
	case string:
		return containsText(in, jsText(args[0])), nil
	default:
		if in == false || in == 0.0 {
			return false, nil
		}
		return nil, errors.New("the second argument is neither a list nor a text")
	}
}
