package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-dev/davit"
)

// form is how the text of a scalar is read and described.
type form[T any] struct {
	words   string // as in "a duration"
	schema  schema
	expands expansion
	parse   func(w word) (T, *wrong)
}

// word is the text of a scalar, variables replaced.
type word struct {
	text string
	kind kind
}

// wrong is why a word is not of its form. The message goes on after the key's
// name; when it is empty the word is something else altogether.
type wrong struct{ message, hint string }

func wrongf(hint, format string, args ...any) *wrong {
	return &wrong{message: fmt.Sprintf(format, args...), hint: hint}
}

// integer is a whole number from least to most.
func integer[T int | int64](least, most T) form[T] {
	return form[T]{
		words:  "a whole number",
		schema: schema{"type": "integer", "minimum": least, "maximum": most},
		parse: func(w word) (T, *wrong) {
			if w.kind != whole {
				return 0, &wrong{}
			}
			n, err := strconv.ParseInt(w.text, 10, 64)
			if err != nil || T(n) < least || T(n) > most {
				return 0, wrongf("", "must be from %d to %d, not %s", least, most, clip(w.text))
			}
			return T(n), nil
		},
	}
}

func port() form[int] {
	f := integer(1, 65535)
	f.words = "a port"
	return f
}

// flag is true or false.
func flag() form[bool] {
	return form[bool]{
		words: "true or false", schema: schema{"type": "boolean"},
		parse: func(w word) (bool, *wrong) {
			if w.kind != boolean {
				return false, &wrong{}
			}
			return w.text == "true" || w.text == "True" || w.text == "TRUE", nil
		},
	}
}

// only is true: the short form of a record that needs no more to be said.
func only() form[bool] {
	f := flag()
	f.words, f.schema = "true", schema{"const": true}
	parse := f.parse
	f.parse = func(w word) (bool, *wrong) {
		if v, wrong := parse(w); wrong != nil || v {
			return v, wrong
		}
		return false, wrongf("remove the key instead", "cannot be false")
	}
	return f
}

// duration is a time of at least least, with its unit.
func duration(least davit.Duration) form[davit.Duration] {
	return form[davit.Duration]{
		words:  "a duration",
		schema: schema{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$|^0$`},
		parse: func(w word) (davit.Duration, *wrong) {
			if w.kind == boolean {
				return 0, &wrong{}
			}
			if w.kind != text && w.text != "0" {
				return 0, wrongf(fmt.Sprintf("write %[1]sms, %[1]ss or %[1]sm", clip(w.text)), "has no unit")
			}
			var d davit.Duration
			if err := d.UnmarshalText([]byte(w.text)); err != nil {
				return 0, wrongf("write it as 500ms, 30s, 5m or 1h30m", "must be a duration, not %q", clip(w.text))
			}
			if d < least {
				return 0, wrongf("", "must be %s or more, not %s", least, d)
			}
			return d, nil
		},
	}
}

// percent is a share of a hundred, as a part of one: 5% is 0.05.
func percent() form[float64] {
	return form[float64]{
		words: "a percentage",
		schema: schema{"anyOf": []schema{
			{"type": "number", "minimum": 0, "maximum": 100},
			{"type": "string", "pattern": `^[0-9]+(\.[0-9]+)?%$`},
		}},
		parse: func(w word) (float64, *wrong) {
			digits, sign := strings.CutSuffix(w.text, "%")
			if w.kind == boolean || w.kind == text && !sign {
				return 0, &wrong{}
			}
			v, err := strconv.ParseFloat(digits, 64)
			if err != nil || math.IsNaN(v) {
				return 0, wrongf("write 5% or 0.5%", "must be a percentage, not %q", clip(w.text))
			}
			if v < 0 || v > 100 {
				return 0, wrongf("", "must be from 0%% to 100%%, not %s", clip(w.text))
			}
			return v / 100, nil
		},
	}
}

// weight is a percentage in thousandths of the traffic.
func weight() form[int] {
	share := percent()
	return form[int]{words: share.words, schema: share.schema, parse: func(w word) (int, *wrong) {
		v, wrong := share.parse(w)
		if wrong != nil {
			return 0, wrong
		}
		thousandths := v * davit.Whole
		if math.Abs(thousandths-math.Round(thousandths)) > 1e-9 {
			return 0, wrongf("", "must be a multiple of 0.1%%, not %s", clip(w.text))
		}
		return int(math.Round(thousandths)), nil
	}}
}

// quantile is a number between 0 and 1.
func quantile() form[float64] {
	return form[float64]{
		words:  "a quantile between 0 and 1",
		schema: schema{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
		parse: func(w word) (float64, *wrong) {
			v, err := strconv.ParseFloat(w.text, 64)
			if w.kind != number && w.kind != whole || err != nil {
				return 0, wrongf("for the 99th percentile write 0.99", "must be a quantile between 0 and 1, not %q", clip(w.text))
			}
			if !(v > 0 && v < 1) {
				return 0, wrongf("for the 99th percentile write 0.99", "must be between 0 and 1, not %s", clip(w.text))
			}
			return v, nil
		},
	}
}

// amount is a number of instances or a percentage of the replicas.
func amount() form[davit.Amount] {
	return form[davit.Amount]{
		words: "a number of instances or a percentage",
		schema: schema{"anyOf": []schema{
			{"type": "integer", "minimum": 0, "maximum": maxReplicas},
			{"type": "string", "pattern": `^[0-9]+%$`},
		}},
		parse: func(w word) (davit.Amount, *wrong) {
			digits, sign := strings.CutSuffix(w.text, "%")
			if w.kind != whole && !(w.kind == text && sign) {
				return davit.Amount{}, wrongf("write 2, or 25%", "must be a number of instances or a percentage, not %q", clip(w.text))
			}
			n, err := strconv.Atoi(digits)
			switch {
			case err != nil || n < 0 || n > maxReplicas:
				return davit.Amount{}, wrongf("", "must be from 0 to %d, or a whole percentage, not %s", maxReplicas, clip(w.text))
			case sign && n > 100:
				return davit.Amount{}, wrongf("", "must be 100%% at most, not %s", clip(w.text))
			case sign:
				return davit.Amount{Percent: n}, nil
			}
			return davit.Amount{Count: n}, nil
		},
	}
}

// size is a number of bytes.
func size[T int | int64](most T) form[T] {
	units := map[string]float64{
		"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
		"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
	}
	return form[T]{
		words: "a size in bytes",
		schema: schema{"anyOf": []schema{
			{"type": "integer", "minimum": 1},
			{"type": "string", "pattern": `^[0-9]+(\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)?$`},
		}},
		parse: func(w word) (T, *wrong) {
			digits := strings.TrimRight(w.text, "kKMGTi")
			unit, known := units[w.text[len(digits):]]
			v, err := strconv.ParseFloat(digits, 64)
			if w.kind == boolean || !known || err != nil || v < 0 || math.IsInf(v, 0) || math.IsNaN(v) {
				return 0, wrongf("write it as 256Mi, 1Gi or 64k", "must be a size in bytes, not %q", clip(w.text))
			}
			if v *= unit; v < 1 || v > float64(most) {
				return 0, wrongf("", "must be from 1 to %d bytes, not %s", most, clip(w.text))
			}
			return T(v), nil
		},
	}
}

// cpu is an amount of processor time, in thousandths of one.
func cpu() form[int64] {
	return form[int64]{
		words: "an amount of processors",
		schema: schema{"anyOf": []schema{
			{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": `^[0-9]+m$`},
		}},
		parse: func(w word) (int64, *wrong) {
			digits, thousandths := strings.CutSuffix(w.text, "m")
			v, err := strconv.ParseFloat(digits, 64)
			if w.kind == boolean || w.kind == text && !thousandths || err != nil || math.IsNaN(v) {
				return 0, wrongf("write 500m for half a processor, 2 for two", "must be an amount of processors, not %q", clip(w.text))
			}
			if !thousandths {
				v *= 1000
			}
			if v < 1 || v > 1e6 {
				return 0, wrongf("", "must be from 1m to 1000, not %s", clip(w.text))
			}
			return int64(v), nil
		},
	}
}

// oneWord is one of some words.
func oneWord[T ~string](allowed ...T) form[T] {
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	return form[T]{
		words:  oneOfWords(words),
		schema: schema{"enum": words},
		parse: func(w word) (T, *wrong) {
			if w.kind != text || !slices.Contains(words, w.text) {
				return "", wrongf(suggest(w.text, words), "cannot be %q: it is %s", clip(w.text), oneOfWords(words))
			}
			return T(w.text), nil
		},
	}
}
