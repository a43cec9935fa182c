package flag

import "errors"

// ofLists returns an operation on lists.
func ofLists(name string) (known, bool) {
	switch name {
	case "merge":
		return known{eager: opMerge}, true
	case "map":
		return known{lazy: opMap}, true
	case "filter":
		return known{lazy: opFilter}, true
	case "reduce":
		return known{lazy: opReduce}, true
	case "all":
		return known{lazy: opAll}, true
	case "some":
		return known{lazy: opSome}, true
	case "none":
		return known{lazy: func(r *run, args []node) (any, error) {
			some, err := opSome(r, args)
			return some == false, err
		}}, true
	default:
		return known{}, false
	}
}

// opMerge makes one list of all arguments and the elements of those that are
// lists.
func opMerge(r *run, args []any) (any, error) {
	merged := []any{}
	for _, arg := range args {
		list, isList := arg.([]any)
		if !isList {
			list = []any{arg}
		}
		if err := r.spend(len(list)); err != nil {
			return nil, err
		}
		merged = append(merged, list...)
	}
	return merged, nil
}

// elements evaluates the list that an operation goes through. What is null is a
// list of none.
func elements(r *run, args []node, most int) ([]any, error) {
	if len(args) < 2 || len(args) > most {
		return nil, errors.New("it has too few or too many arguments")
	}
	v, err := args[0].value(r)
	if err != nil {
		return nil, err
	}
	list, isList := v.([]any)
	if !isList && (truthy(v) || v != nil && v != false && v != 0.0 && v != "") {
		return nil, errors.New("the first argument is no list")
	}
	return list, nil
}

// within evaluates an expression that looks into an element.
func (r *run) within(element any, n node) (any, error) {
	if err := r.spend(1); err != nil {
		return nil, err
	}
	outer := r.scope
	defer func() { r.scope = outer }()
	r.scope = element
	return n.value(r)
}

func opMap(r *run, args []node) (any, error) {
	list, err := elements(r, args, 2)
	if err != nil {
		return nil, err
	}
	made := make([]any, 0, len(list))
	for _, element := range list {
		v, err := r.within(element, args[1])
		if err != nil {
			return nil, err
		}
		made = append(made, v)
	}
	return made, nil
}

func opFilter(r *run, args []node) (any, error) {
	list, err := elements(r, args, 2)
	if err != nil {
		return nil, err
	}
	made := []any{}
	for _, element := range list {
		v, err := r.within(element, args[1])
		if err != nil {
			return nil, err
		}
		if truthy(v) {
			made = append(made, element)
		}
	}
	return made, nil
}

// opAll is false for a list of none.
func opAll(r *run, args []node) (any, error) {
	list, err := elements(r, args, 2)
	if err != nil {
		return nil, err
	}
	for _, element := range list {
		v, err := r.within(element, args[1])
		if err != nil || !truthy(v) {
			return false, err
		}
	}
	return len(list) > 0, nil
}

func opSome(r *run, args []node) (any, error) {
	list, err := elements(r, args, 2)
	if err != nil {
		return nil, err
	}
	for _, element := range list {
		v, err := r.within(element, args[1])
		if err != nil || truthy(v) {
			return err == nil, err
		}
	}
	return false, nil
}

// opReduce combines a list, element by element, into what may be a list, but of
// nothing that is one itself.
func opReduce(r *run, args []node) (any, error) {
	list, err := elements(r, args, 3)
	if err != nil {
		return nil, err
	}
	var sum any
	switch {
	case len(args) == 3:
		if sum, err = args[2].value(r); err != nil {
			return nil, err
		}
	case len(list) == 0:
		return nil, errors.New("there is nothing to begin with")
	default:
		sum, list = list[0], list[1:]
	}
	for _, element := range list {
		if sum, err = r.within(map[string]any{"accumulator": sum, "current": element}, args[1]); err != nil {
			return nil, err
		}
		if !flat(sum) {
			return nil, errors.New("what it combines is too deep")
		}
	}
	return sum, nil
}

// flat reports whether a value holds no list and no object in itself.
func flat(v any) bool {
	deep := func(v any) bool {
		switch v.(type) {
		case []any, map[string]any:
			return true
		}
		return false
	}
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			if deep(element) {
				return false
			}
		}
	case map[string]any:
		for _, element := range v {
			if deep(element) {
				return false
			}
		}
	}
	return true
}
