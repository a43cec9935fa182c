package flag

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// errNotANumber is what flagd's evaluators fail with when a value is to be a
// number and is none.
var errNotANumber = errors.New("a value is no number")

// truthy reports whether JsonLogic takes a value for true: lists and objects that
// are empty are not, other than in JavaScript.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case float64:
		return v != 0 && !math.IsNaN(v)
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	default:
		return true
	}
}

// number converts a value as JavaScript does, and fails where that gives NaN.
func number(v any) (float64, error) {
	n := math.NaN()
	switch v := v.(type) {
	case nil:
		n = 0
	case bool:
		n = 0
		if v {
			n = 1
		}
	case float64:
		n = v
	case string:
		n = parseNumberText(v)
	}
	if math.IsNaN(n) {
		return 0, errNotANumber
	}
	return n, nil
}

// parseNumberText reads a number as JavaScript's Number does; NaN when it is none.
func parseNumberText(text string) float64 {
	text = strings.TrimSpace(text)
	switch strings.TrimLeft(text, "+-") {
	case "":
		if text == "" {
			return 0
		}
		return math.NaN()
	case "Infinity":
		switch text {
		case "-Infinity":
			return math.Inf(-1)
		case "Infinity", "+Infinity":
			return math.Inf(1)
		}
		return math.NaN()
	}
	if len(text) > 2 && text[0] == '0' && strings.ContainsRune("xXoObB", rune(text[1])) {
		n, err := strconv.ParseUint(text, 0, 64)
		if err != nil || strings.Contains(text, "_") {
			return math.NaN()
		}
		return float64(n)
	}
	if strings.Trim(text, "+-.0123456789eE") != "" {
		return math.NaN() // hexadecimal floats, inf, nan and underscores, which Go reads
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return math.NaN()
	}
	return n
}

// jsText converts a value to text as JavaScript does. It stops at a little more
// than textMost bytes.
func jsText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return jsNumber(v)
	case string:
		return v
	case []any:
		var all strings.Builder
		for i, element := range v {
			if i > 0 {
				all.WriteByte(',')
			}
			if element != nil {
				all.WriteString(jsText(element))
			}
			if all.Len() > textMost {
				break
			}
		}
		return all.String()
	default:
		return "[object Object]"
	}
}

// jsNumber writes a number as JavaScript does.
func jsNumber(n float64) string {
	switch {
	case n == 0:
		return "0"
	case math.IsNaN(n):
		return "NaN"
	case math.IsInf(n, 1):
		return "Infinity"
	case math.IsInf(n, -1):
		return "-Infinity"
	}
	if size := math.Abs(n); size >= 1e21 || size < 1e-6 {
		text := strconv.FormatFloat(n, 'e', -1, 64)
		mantissa, exponent, _ := strings.Cut(text, "e")
		return mantissa + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0")
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// identical reports whether JavaScript's === holds. Lists and objects are the same as
// nothing.
func identical(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		other, ok := b.(bool)
		return ok && a == other
	case float64:
		other, ok := b.(float64)
		return ok && a == other
	case string:
		other, ok := b.(string)
		return ok && a == other
	default:
		return false
	}
}
