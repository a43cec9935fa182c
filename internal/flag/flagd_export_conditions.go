package flag

import (
	"fmt"
	"strings"

	"github.com/davit-dev/davit"
)

// condition writes a condition. Segments are referred to, but not from within
// others, because flagd does not follow such references in every order.
func (ex *exporter) condition(c *davit.FlagCondition, inside bool) (any, error) {
	switch {
	case c.All != nil:
		return ex.connected("and", c.All, inside)
	case c.Any != nil:
		return ex.connected("or", c.Any, inside)
	case c.Not != nil:
		opposite, err := ex.condition(c.Not, inside)
		return jsonLogic("!", opposite), err
	case c.Segment != "":
		return ex.segment(c.Segment, inside)
	}
	return compared(c)
}

func (ex *exporter) connected(name string, conditions []davit.FlagCondition, inside bool) (any, error) {
	var args []any
	for i := range conditions {
		one, err := ex.condition(&conditions[i], inside)
		if err != nil {
			return nil, err
		}
		args = append(args, one)
	}
	return jsonLogic(name, args...), nil
}

// segment writes a segment as a shared rule, or in place.
func (ex *exporter) segment(key string, inside bool) (any, error) {
	refer := !inside && !strings.ContainsAny(key, `"\<>&`) // flagd-core compares texts
	if _, known := ex.shared[key]; known && refer {
		return map[string]any{"$ref": key}, nil
	}
	s := ex.segments[key]
	tests := []any{}
	if len(s.Include) > 0 {
		tests = append(tests, jsonLogic("in", variable(targetingKey), s.Include))
	}
	if s.When != nil {
		when, err := ex.condition(s.When, true)
		if err != nil {
			return nil, fmt.Errorf("segment %s: %w", key, err)
		}
		tests = append(tests, when)
	}
	var all any = jsonLogic("or", tests...)
	switch len(tests) {
	case 0:
		all = jsonLogic("!", true)
	case 1:
		all = tests[0]
	}
	if len(s.Exclude) > 0 {
		all = jsonLogic("and", jsonLogic("!", jsonLogic("in", variable(targetingKey), s.Exclude)), all)
	}
	if !refer {
		return all, nil
	}
	ex.shared[key] = all
	return map[string]any{"$ref": key}, nil
}

// compared writes a comparison of an attribute.
func compared(c *davit.FlagCondition) (any, error) {
	v := variable(c.Attribute)
	switch c.Op {
	case davit.OpEquals, davit.OpIn:
		if len(c.Values) == 1 {
			return jsonLogic("===", v, c.Values[0]), nil
		}
		return jsonLogic("in", v, c.Values), nil
	case davit.OpPresent:
		return jsonLogic("!==", v, nil), nil
	case davit.OpText:
		return isText(v), nil
	case davit.OpStartsWith:
		return either(c.Values, func(value any) any { return jsonLogic("starts_with", v, value) }), nil
	case davit.OpEndsWith:
		return either(c.Values, func(value any) any { return jsonLogic("ends_with", v, value) }), nil
	case davit.OpContains:
		return contained(v, c.Values)
	case davit.OpLess, davit.OpAtMost, davit.OpMore, davit.OpAtLeast:
		op := map[davit.FlagOperator]string{davit.OpLess: "<", davit.OpAtMost: "<=", davit.OpMore: ">", davit.OpAtLeast: ">="}[c.Op]
		return jsonLogic("and", append(isNumber(v), either(c.Values, func(bound any) any { return jsonLogic(op, v, bound) }))...), nil
	case davit.OpSemver:
		return inRanges(v, c.Values)
	default:
		return nil, fmt.Errorf("flagd has nothing like %s", c.Op)
	}
}

// either joins what is written for each of some values.
func either(values []any, write func(value any) any) any {
	if len(values) == 1 {
		return write(values[0])
	}
	var all []any
	for _, value := range values {
		all = append(all, write(value))
	}
	return jsonLogic("or", all...)
}

// isText is true for texts: starts_with is null for anything else.
func isText(v any) any { return jsonLogic("starts_with", v, "") }

// isNumber returns what holds together for numbers alone of all but objects. A
// scalar is in the list that it is merged into, and a list is not.
func isNumber(v any) []any {
	return []any{
		jsonLogic("!", isText(v)), jsonLogic("!==", v, nil), jsonLogic("!", jsonLogic("in", v, []any{true, false})),
		jsonLogic("in", v, jsonLogic("merge", v)),
	}
}

// contained writes that a text holds one of some texts, or a list has one.
func contained(v any, values []any) (any, error) {
	for _, value := range values {
		if _, ok := value.(string); !ok {
			return nil, fmt.Errorf("flagd has nothing like contains with %v", value)
		}
	}
	return either(values, func(value any) any {
		return jsonLogic("or", jsonLogic("and", isText(v), jsonLogic("in", value, v)), jsonLogic("in", value, jsonLogic("merge", v)))
	}), nil
}

// inRanges writes that a version is in one of some ranges.
func inRanges(v any, ranges []any) (any, error) {
	var alternatives []any
	for _, given := range ranges {
		text, _ := given.(string)
		for part := range strings.SplitSeq(text, "||") {
			spans, err := parseRange(part)
			if err != nil {
				return nil, err
			}
			var all []any
			for _, one := range spans {
				all = append(all, one.write(v))
			}
			alternatives = append(alternatives, jsonLogic("and", all...))
		}
	}
	if len(alternatives) == 1 {
		return alternatives[0], nil
	}
	return jsonLogic("or", alternatives...), nil
}

// write writes that a version is within the span.
func (s span) write(v any) any {
	from, to := ">=", "<"
	if s.without {
		from = ">"
	}
	if s.through {
		to = "<="
	}
	within := []any{jsonLogic("sem_ver", v, from, s.from.String())}
	if !s.open {
		within = append(within, jsonLogic("sem_ver", v, to, s.to.String()))
	}
	if !s.outside {
		return jsonLogic("and", within...)
	}
	isVersion := jsonLogic("sem_ver", v, ">=", least().String())
	return jsonLogic("and", isVersion, jsonLogic("!", jsonLogic("and", within...)))
}
