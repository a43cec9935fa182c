package bicep

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

// function is one of the language's that infra/bicep calls.
type function struct {
	least, most int // number of arguments; most is -1 when there is no end
	call        func(f *frame, args []any) (any, error)
}

var functions map[string]function

var errArguments = errors.New("the arguments are of other types than it takes")

func init() {
	functions = map[string]function{
		"cidrHost":               {2, 2, cidrHost},
		"cidrSubnet":             {3, 3, cidrSubnet},
		"concat":                 {1, -1, concat},
		"contains":               {2, 2, contains},
		"empty":                  {1, 1, func(_ *frame, a []any) (any, error) { n, err := length(a[0]); return n == 0, err }},
		"endsWith":               {2, 2, func(_ *frame, a []any) (any, error) { return two(a, strings.HasSuffix) }},
		"environment":            {0, 0, constant(map[string]any{"suffixes": map[string]any{"storage": "core.windows.net"}})},
		"fail":                   {1, 1, func(_ *frame, a []any) (any, error) { return nil, fmt.Errorf("refused: %v", a[0]) }},
		"filter":                 {2, 2, filter},
		"guid":                   {1, -1, guid},
		"items":                  {1, 1, items},
		"join":                   {2, 2, join},
		"last":                   {1, 1, last},
		"length":                 {1, 1, func(_ *frame, a []any) (any, error) { return length(a[0]) }},
		"loadJsonContent":        {1, 1, loadJSON},
		"map":                    {2, 2, mapped},
		"mapValues":              {2, 2, mapValues},
		"min":                    {2, 2, func(_ *frame, a []any) (any, error) { return two(a, func(a, b int64) int64 { return min(a, b) }) }},
		"parseCidr":              {1, 1, parseCIDR},
		"range":                  {2, 2, numbers},
		"resourceId":             {2, -1, func(f *frame, a []any) (any, error) { return id(f.scope, a) }},
		"skip":                   {2, 2, skip},
		"split":                  {2, 2, split},
		"startsWith":             {2, 2, func(_ *frame, a []any) (any, error) { return two(a, strings.HasPrefix) }},
		"string":                 {1, 1, func(_ *frame, a []any) (any, error) { return fmt.Sprint(a[0]), nil }},
		"subscription":           {0, 0, constant(map[string]any{"tenantId": Tenant})},
		"subscriptionResourceId": {2, -1, func(_ *frame, a []any) (any, error) { return id("/subscriptions/"+Subscription, a) }},
		"substring":              {2, 3, substring},
		"take":                   {2, 2, take},
		"trim":                   {1, 1, trim},
	}
}

func (f *frame) call(e *call, locals scope) (any, error) {
	known, err := called(e)
	if err != nil {
		return nil, f.fail(e.at, "%v", err)
	}
	args := make([]any, len(e.args))
	for i, a := range e.args {
		if args[i], err = f.value(a, locals); err != nil {
			return nil, err
		}
	}
	v, err := known.call(f, args)
	var problem *Problem
	if err == nil || errors.As(err, &problem) {
		return v, err
	}
	return nil, f.fail(e.at, "%s: %v", e.name, err)
}

// called is the function of a call that has as many arguments as it takes.
func called(e *call) (function, error) {
	f, ok := functions[e.name]
	switch {
	case !ok:
		return f, fmt.Errorf("there is no function %s here", e.name)
	case len(e.args) < f.least || f.most >= 0 && len(e.args) > f.most:
		return f, fmt.Errorf("%s does not take %d arguments", e.name, len(e.args))
	}
	return f, nil
}

func constant(value any) func(*frame, []any) (any, error) {
	return func(*frame, []any) (any, error) { return value, nil }
}

// two calls with arguments of two types.
func two[A, B, R any](args []any, call func(A, B) R) (any, error) {
	a, ok := args[0].(A)
	b, is := args[1].(B)
	if !ok || !is {
		return nil, errArguments
	}
	return call(a, b), nil
}

func concat(_ *frame, args []any) (any, error) {
	all := []any{}
	for _, a := range args {
		items, ok := a.([]any)
		if !ok {
			return nil, errArguments
		}
		all = append(all, items...)
	}
	return all, nil
}

func length(v any) (int64, error) {
	switch v := v.(type) {
	case string:
		return int64(len(v)), nil
	case []any:
		return int64(len(v)), nil
	case map[string]any:
		return int64(len(v)), nil
	}
	return 0, errArguments
}

func filter(_ *frame, args []any) (any, error) {
	list, ok := args[0].([]any)
	keeps, is := args[1].(closure)
	if !ok || !is {
		return nil, errArguments
	}
	kept := []any{}
	for _, item := range list {
		yes, err := keeps(item)
		if err != nil {
			return nil, err
		}
		if yes == true {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

// guid is of the form that Azure wants, and another for other arguments. It is
// not the one that Azure would make of them.
func guid(_ *frame, args []any) (any, error) {
	for _, a := range args {
		if _, ok := a.(string); !ok {
			if _, ok := a.(Runtime); !ok {
				return nil, errArguments
			}
		}
	}
	sum := sha256.Sum256(fmt.Append(nil, args...))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]), nil
}

func items(_ *frame, args []any) (any, error) {
	o, ok := args[0].(map[string]any)
	if !ok {
		return nil, errArguments
	}
	all := []any{}
	for _, key := range sorted(o) {
		all = append(all, map[string]any{"key": key, "value": o[key]})
	}
	return all, nil
}

func join(_ *frame, args []any) (any, error) {
	list, ok := args[0].([]any)
	between, is := args[1].(string)
	if !ok || !is {
		return nil, errArguments
	}
	words := make([]string, len(list))
	for i, item := range list {
		words[i] = fmt.Sprint(item)
	}
	return strings.Join(words, between), nil
}

func last(_ *frame, args []any) (any, error) {
	if list, ok := args[0].([]any); ok && len(list) > 0 {
		return list[len(list)-1], nil
	}
	return nil, errArguments
}

// numbers are as many as are asked for, from the first on.
func numbers(_ *frame, args []any) (any, error) {
	from, ok := args[0].(int64)
	count, is := args[1].(int64)
	if !ok || !is || count < 0 || count > 10_000 {
		return nil, errArguments
	}
	all := make([]any, count)
	for i := range all {
		all[i] = from + int64(i)
	}
	return all, nil
}

func mapped(_ *frame, args []any) (any, error) {
	list, ok := args[0].([]any)
	to, is := args[1].(closure)
	if !ok || !is {
		return nil, errArguments
	}
	all := make([]any, len(list))
	for i, item := range list {
		var err error
		if all[i], err = to(item); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func mapValues(_ *frame, args []any) (any, error) {
	o, ok := args[0].(map[string]any)
	to, is := args[1].(closure)
	if !ok || !is {
		return nil, errArguments
	}
	all := map[string]any{}
	for key, value := range o {
		var err error
		if all[key], err = to(value); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// id is the id of a resource of a type with a name for each of its segments.
func id(scope string, args []any) (any, error) {
	typ, ok := args[0].(string)
	segments := strings.Split(typ, "/")
	if !ok || len(segments) != len(args) {
		return nil, errArguments
	}
	s := scope + "/providers/" + segments[0]
	for i, segment := range segments[1:] {
		s += fmt.Sprintf("/%s/%v", segment, args[i+1])
	}
	return s, nil
}
