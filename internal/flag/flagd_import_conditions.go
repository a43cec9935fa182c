package flag

import (
	"fmt"
	"slices"

	"github.com/davit-dev/davit"
)

// condition maps an expression that is asked whether it is true.
func (im *importer) condition(v any) (c davit.FlagCondition, ok bool) {
	if name, isRef := reference(v); isRef {
		return davit.FlagCondition{Segment: name}, im.segments[name]
	}
	object, isObject := v.(map[string]any)
	if !isObject || len(object) != 1 {
		return c, false
	}
	for name := range object {
		args, _ := operand(v, name)
		switch name {
		case "and", "or":
			return im.connected(name, args)
		case "!", "!!":
			return im.negated(name, args)
		case "==", "!=", "===", "!==":
			return equality(name, args)
		case "in":
			return membership(args)
		case "starts_with", "ends_with":
			return affixCondition(name, args)
		case "sem_ver":
			return semverCondition(args)
		}
	}
	return c, false
}

func (im *importer) connected(name string, args []any) (c davit.FlagCondition, ok bool) {
	var list []davit.FlagCondition
	for _, arg := range args {
		one, ok := im.condition(arg)
		if !ok {
			return c, false
		}
		list = append(list, one)
	}
	if name == "and" {
		return davit.FlagCondition{All: list}, len(list) > 0
	}
	return davit.FlagCondition{Any: list}, len(list) > 0
}

func (im *importer) negated(name string, args []any) (c davit.FlagCondition, ok bool) {
	if len(args) != 1 {
		return c, false
	}
	asked, ok := im.condition(args[0])
	if name == "!!" {
		return asked, ok
	}
	return davit.FlagCondition{Not: &asked}, ok
}

// equality maps a comparison of an attribute with a text, number or boolean.
func equality(name string, args []any) (c davit.FlagCondition, ok bool) {
	if len(args) != 2 {
		return c, false
	}
	by, ok := attributeOf(args[0])
	fixed := args[1]
	if !ok {
		by, ok = attributeOf(args[1])
		fixed = args[0]
	}
	if !ok {
		return c, false
	}
	c = davit.FlagCondition{Attribute: by, Op: davit.OpIn}
	switch name {
	case "===", "!==":
		if fixed == nil {
			present := davit.FlagCondition{Attribute: by, Op: davit.OpPresent}
			c = davit.FlagCondition{Not: &present}
		} else {
			c.Values, ok = []any{fixed}, plainValue(fixed)
		}
	default:
		c.Values, ok = loosely(fixed)
	}
	if len(c.Values) == 1 {
		c.Op = davit.OpEquals
	}
	if name[0] == '!' {
		equal := c
		c = davit.FlagCondition{Not: &equal}
	}
	return c, ok
}

// plainValue reports whether a condition can compare with a value.
func plainValue(v any) bool {
	switch v.(type) {
	case string, float64, bool:
		return true
	}
	return false
}

// loosely returns the values that JsonLogic takes as equal to a fixed one; those
// that are texts in their usual spelling. ok is false for null, false and what is
// 0, which equal what is missing.
func loosely(fixed any) (values []any, ok bool) {
	n, err := number(fixed)
	switch v := fixed.(type) {
	case string:
		if err != nil {
			return []any{v}, true // no number equals it
		}
	case float64, bool:
	default:
		return nil, false
	}
	if n == 0 || n != n || n > 1<<53 || n < -1<<53 {
		return nil, false
	}
	text := jsNumber(n)
	if fixed, isText := fixed.(string); isText {
		text = fixed
	}
	values = []any{text, n}
	if n == 1 {
		values = append(values, true)
	}
	return values, true
}

// membership maps an attribute that is in a list, and one that has a text.
func membership(args []any) (c davit.FlagCondition, ok bool) {
	if len(args) != 2 {
		return c, false
	}
	if by, isVar := attributeOf(args[0]); isVar {
		list, isList := args[1].([]any)
		if !isList || len(list) == 0 || slices.ContainsFunc(list, func(v any) bool { return !plainValue(v) }) {
			return c, false
		}
		return davit.FlagCondition{Attribute: by, Op: davit.OpIn, Values: list}, true
	}
	text, isText := args[0].(string)
	by, isVar := attributeOf(args[1])
	return davit.FlagCondition{Attribute: by, Op: davit.OpContains, Values: []any{text}}, isText && isVar && text != ""
}

func affixCondition(name string, args []any) (c davit.FlagCondition, ok bool) {
	if len(args) != 2 {
		return c, false
	}
	by, isVar := attributeOf(args[0])
	text, isText := args[1].(string)
	op := davit.OpStartsWith
	if name == "ends_with" {
		op = davit.OpEndsWith
	}
	return davit.FlagCondition{Attribute: by, Op: op, Values: []any{text}}, isVar && isText
}

// semverCondition maps a comparison of versions. flagd's ^ asks for the same first
// number and its ~ for the same first two, which are other ranges than npm's.
func semverCondition(args []any) (c davit.FlagCondition, ok bool) {
	if len(args) != 3 {
		return c, false
	}
	by, isVar := attributeOf(args[0])
	op, isText := args[1].(string)
	if !isVar || !isText {
		return c, false
	}
	v, _, ok := parseVersion(jsText(args[2]))
	text := v.String()
	switch op {
	case "=", "!=", "<", "<=", ">", ">=":
		text = op + text
	case "^":
		text = fmt.Sprintf("%d.x", v.numbers[0])
	case "~":
		text = fmt.Sprintf("%d.%d.x", v.numbers[0], v.numbers[1])
	default:
		return c, false
	}
	return davit.FlagCondition{Attribute: by, Op: davit.OpSemver, Values: []any{text}}, ok
}
