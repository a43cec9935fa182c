package flag

import (
	"cmp"
	"errors"
	"math"
	"strings"
)

// arithmetic returns an operation on numbers.
func arithmetic(name string) (known, bool) {
	switch name {
	case "+":
		return known{eager: folding(0, false, func(a, b float64) float64 { return a + b })}, true
	case "*":
		return known{eager: folding(1, false, func(a, b float64) float64 { return a * b })}, true
	case "-":
		return known{least: 1, eager: subtract}, true
	case "/":
		return known{least: 1, eager: divide}, true
	case "%":
		return known{least: 2, eager: folding(0, true, math.Mod)}, true
	case "min":
		return known{least: 1, eager: extreme(-1)}, true
	case "max":
		return known{least: 1, eager: extreme(1)}, true
	default:
		return known{}, false
	}
}

// folding applies an operation from left to right: to a start and all arguments,
// or to the first and those after it.
func folding(start float64, fromFirst bool, op func(a, b float64) float64) func(*run, []any) (any, error) {
	return func(_ *run, args []any) (any, error) {
		numbers, err := numbers(args)
		if err != nil {
			return nil, err
		}
		sum := start
		if fromFirst {
			sum, numbers = numbers[0], numbers[1:]
		}
		for _, n := range numbers {
			sum = op(sum, n)
		}
		return finite(sum)
	}
}

func numbers(args []any) ([]float64, error) {
	made := make([]float64, 0, len(args))
	for _, arg := range args {
		n, err := number(arg)
		if err != nil {
			return nil, err
		}
		made = append(made, n)
	}
	return made, nil
}

func finite(n float64) (any, error) {
	if math.IsNaN(n) {
		return nil, errNotANumber
	}
	return n, nil
}

func subtract(r *run, args []any) (any, error) {
	if len(args) == 1 {
		args = []any{0.0, args[0]}
	}
	return folding(0, true, func(a, b float64) float64 { return a - b })(r, args)
}

func divide(r *run, args []any) (any, error) {
	if len(args) == 1 {
		args = []any{1.0, args[0]}
	}
	v, err := folding(0, true, func(a, b float64) float64 { return a / b })(r, args)
	if n, _ := v.(float64); err == nil && math.IsInf(n, 0) {
		return nil, errors.New("it divides by 0")
	}
	return v, err
}

// extreme returns the largest argument (sign 1) or the least (sign -1).
func extreme(sign int) func(*run, []any) (any, error) {
	return func(_ *run, args []any) (any, error) {
		most, ok := args[0].(float64)
		for _, arg := range args {
			n, isNumber := arg.(float64)
			ok = ok && isNumber
			if cmp.Compare(n, most) == sign {
				most = n
			}
		}
		if !ok {
			return nil, errNotANumber
		}
		return most, nil
	}
}

// compareLoosely orders two values: texts as texts, null as equal to null alone
// when equality is asked for, and all else as numbers. ok is false for those that
// have no order.
func compareLoosely(a, b any, equality bool) (order int, ok bool, err error) {
	textA, isTextA := a.(string)
	textB, isTextB := b.(string)
	switch {
	case isTextA && isTextB:
		return strings.Compare(textA, textB), true, nil
	case a == nil && b == nil:
		return 0, true, nil
	case (isTextA || a == nil) && (isTextB || b == nil):
		if equality {
			return 1, true, nil
		}
		x, errA := number(a)
		y, errB := number(b)
		return cmp.Compare(x, y), errA == nil && errB == nil, nil
	}
	x, err := number(a)
	if err != nil {
		return 0, false, err
	}
	y, err := number(b)
	if err != nil {
		if a == nil && isTextB {
			return 1, false, nil
		}
		return 0, false, err
	}
	return cmp.Compare(x, y), true, nil
}
