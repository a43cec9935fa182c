package flag

import (
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// test is what a value of a context has to meet. A value that is missing is nil.
type test interface {
	meets(value any) bool
}

// newTest compiles the operator of a comparison and its values; nil when they are
// wrong.
func newTest(given *davit.FlagCondition, at place) test {
	here := at.field("values")
	switch given.Op {
	case davit.OpPresent, davit.OpText:
		if len(given.Values) > 0 {
			here.wrong("%s takes no values", given.Op)
		}
		if given.Op == davit.OpText {
			return text{}
		}
		return present{}
	}
	if len(given.Values) == 0 {
		here.wrong("%s needs a value", given.Op)
		return nil
	}
	switch given.Op {
	case davit.OpEquals, davit.OpIn:
		return newEqual(given.Values, here)
	case davit.OpContains:
		return newContains(given.Values, here)
	case davit.OpStartsWith:
		return affix{texts(given.Values, here), strings.HasPrefix}
	case davit.OpEndsWith:
		return affix{texts(given.Values, here), strings.HasSuffix}
	case davit.OpMatches:
		return newMatches(texts(given.Values, here), here)
	case davit.OpLess, davit.OpAtMost, davit.OpMore, davit.OpAtLeast:
		return newNumeric(given.Op, given.Values, here)
	case davit.OpBefore, davit.OpAfter:
		return newTemporal(given.Op, given.Values, here)
	case davit.OpSemver:
		return newVersions(texts(given.Values, here), here)
	case davit.OpCIDR:
		return newNetworks(texts(given.Values, here), here)
	default:
		at.field("op").wrong("there is no operator %q", given.Op)
		return nil
	}
}

// texts returns the values, all of which have to be texts.
func texts(values []any, at place) []string {
	made := make([]string, 0, len(values))
	for i, v := range values {
		text, ok := v.(string)
		if !ok {
			at.index(i).wrong("%v is no text", v)
		}
		made = append(made, text)
	}
	return made
}

type present struct{}

func (present) meets(value any) bool { return value != nil }

type text struct{}

func (text) meets(value any) bool {
	_, ok := value.(string)
	return ok
}

// equal is met by what is one of some values.
type equal struct {
	texts   map[string]struct{}
	numbers []float64
	yes, no bool
}

func newEqual(values []any, at place) test {
	made := &equal{}
	var texts []string
	for i, v := range values {
		switch v := v.(type) {
		case string:
			texts = append(texts, v)
		case float64:
			made.numbers = append(made.numbers, v)
		case int:
			made.numbers = append(made.numbers, float64(v))
		case bool:
			made.yes, made.no = made.yes || v, made.no || !v
		default:
			at.index(i).wrong("%v is neither a text nor a number nor a boolean", v)
		}
	}
	if len(texts) == 1 && len(values) == 1 {
		return same(texts[0])
	}
	made.texts = set(texts)
	return made
}

func (e *equal) meets(value any) bool {
	switch v := value.(type) {
	case string:
		_, ok := e.texts[v]
		return ok
	case float64:
		return slices.Contains(e.numbers, v)
	case bool:
		return v && e.yes || !v && e.no
	default:
		return false
	}
}

// same is met by one text.
type same string

func (s same) meets(value any) bool {
	v, ok := value.(string)
	return ok && v == string(s)
}

// contains is met by a text that holds one of some texts, and by a list that has
// one of some values.
type contains struct {
	texts []string
	equal test
}

func newContains(values []any, at place) test {
	made := contains{equal: newEqual(values, at)}
	for _, v := range values {
		if text, ok := v.(string); ok {
			made.texts = append(made.texts, text)
		}
	}
	return made
}

func (c contains) meets(value any) bool {
	switch v := value.(type) {
	case string:
		for _, text := range c.texts {
			if strings.Contains(v, text) {
				return true
			}
		}
	case []any:
		for _, element := range v {
			if c.equal.meets(element) {
				return true
			}
		}
	}
	return false
}

// affix is met by a text that begins or ends with one of some texts.
type affix struct {
	texts []string
	has   func(s, affix string) bool
}

func (a affix) meets(value any) bool {
	v, ok := value.(string)
	if !ok {
		return false
	}
	for _, text := range a.texts {
		if a.has(v, text) {
			return true
		}
	}
	return false
}
