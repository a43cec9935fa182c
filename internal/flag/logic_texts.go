package flag

import (
	"errors"
	"strings"
	"unicode/utf16"
)

// ofTexts returns an operation on texts.
func ofTexts(name string) (known, bool) {
	switch name {
	case "cat":
		return known{eager: opCat}, true
	case "substr":
		return known{least: 2, eager: opSubstr}, true
	case "starts_with":
		return known{eager: affixed(strings.HasPrefix)}, true
	case "ends_with":
		return known{eager: affixed(strings.HasSuffix)}, true
	case "sem_ver":
		return known{eager: opSemver}, true
	case "fractional":
		return known{eager: opFractional}, true
	default:
		return known{}, false
	}
}

func containsText(s, part string) bool { return strings.Contains(s, part) }

// opCat joins the texts of its arguments, without those that are null.
func opCat(r *run, args []any) (any, error) {
	var all strings.Builder
	for _, arg := range args {
		if arg != nil {
			all.WriteString(jsText(arg))
		}
		if all.Len() > textMost {
			return nil, errTooLong
		}
	}
	return all.String(), r.spend(all.Len() / 64)
}

// opSubstr returns a part of a text from an index, counted from the end when it is
// negative, of a length, or up to a number of characters before the end when that
// is negative. As in JavaScript a character is a unit of UTF-16.
func opSubstr(_ *run, args []any) (any, error) {
	text, ok := args[0].(string)
	if !ok {
		return nil, errors.New("the first argument is no text")
	}
	units := utf16.Encode([]rune(text))
	from := whole(args[1], len(units))
	if from < 0 {
		from = max(0, len(units)+from)
	}
	units = units[min(from, len(units)):]
	if len(args) > 2 {
		length := whole(args[2], len(units))
		if length < 0 {
			length = max(0, len(units)+length)
		}
		units = units[:min(length, len(units))]
	}
	return string(utf16.Decode(units)), nil
}

// whole returns a number without its fraction, as far as it is within a bound to
// both sides; 0 for what is no number.
func whole(v any, bound int) int {
	n, err := number(v)
	if err != nil {
		return 0
	}
	return int(max(-float64(bound), min(float64(bound), n)))
}

// affixed is null unless both arguments are texts.
func affixed(has func(s, affix string) bool) func(*run, []any) (any, error) {
	return func(_ *run, args []any) (any, error) {
		if len(args) != 2 {
			return nil, nil
		}
		text, ok := args[0].(string)
		affix, also := args[1].(string)
		if !ok || !also {
			return nil, nil
		}
		return has(text, affix), nil
	}
}

// opSemver compares versions. Other than npm's, its ^ asks for the same first
// number and its ~ for the same first two.
func opSemver(_ *run, args []any) (any, error) {
	if len(args) != 3 {
		return nil, nil
	}
	a, _, okA := parseVersion(jsText(args[0]))
	b, _, okB := parseVersion(jsText(args[2]))
	if !okA || !okB {
		return nil, nil
	}
	order := a.compare(b)
	switch jsText(args[1]) {
	case "=":
		return order == 0, nil
	case "!=":
		return order != 0, nil
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	case ">=":
		return order >= 0, nil
	case "^":
		return a.numbers[0] == b.numbers[0], nil
	case "~":
		return a.numbers[0] == b.numbers[0] && a.numbers[1] == b.numbers[1], nil
	default:
		return nil, nil
	}
}
