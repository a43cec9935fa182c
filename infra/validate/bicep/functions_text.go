package bicep

import (
	"reflect"
	"slices"
	"strings"
)

// contains looks for a text in a text, or for an item in an array.
func contains(_ *frame, args []any) (any, error) {
	switch in := args[0].(type) {
	case string:
		if part, ok := args[1].(string); ok {
			return strings.Contains(in, part), nil
		}
	case []any:
		return slices.ContainsFunc(in, func(item any) bool { return reflect.DeepEqual(item, args[1]) }), nil
	}
	return nil, errArguments
}

func split(_ *frame, args []any) (any, error) {
	by, ok := args[1].(string)
	if s := reflect.ValueOf(args[0]); ok && s.Kind() == reflect.String {
		all := []any{}
		for part := range strings.SplitSeq(s.String(), by) {
			all = append(all, part)
		}
		return all, nil
	}
	return nil, errArguments
}

func substring(_ *frame, args []any) (any, error) {
	s, ok := args[0].(string)
	from, is := args[1].(int64)
	if !ok || !is || from < 0 || from > int64(len(s)) {
		return nil, errArguments
	}
	if len(args) == 2 {
		return s[from:], nil
	}
	n, ok := args[2].(int64)
	if !ok || n < 0 || from+n > int64(len(s)) {
		return nil, errArguments
	}
	return s[from : from+n], nil
}

func take(_ *frame, args []any) (any, error) {
	n, is := args[1].(int64)
	if s, ok := args[0].(string); ok && is && n >= 0 {
		return s[:min(n, int64(len(s)))], nil
	}
	return nil, errArguments
}

func skip(_ *frame, args []any) (any, error) {
	n, is := args[1].(int64)
	if s, ok := args[0].(string); ok && is {
		return s[min(max(n, 0), int64(len(s))):], nil
	}
	return nil, errArguments
}

func trim(_ *frame, args []any) (any, error) {
	if s, ok := args[0].(string); ok {
		return strings.TrimSpace(s), nil
	}
	return nil, errArguments
}
