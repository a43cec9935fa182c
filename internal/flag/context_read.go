package flag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Bounds of contexts, which strangers send.
const (
	// MaxContextBytes is the most that ParseContext reads.
	MaxContextBytes = 1 << 16
	contextDepth    = 16
	contextValues   = 10_000
)

// ParseContext reads a context: a JSON object with the attributes, of which
// "targetingKey" tells users apart. now is when the evaluation takes place. The
// error is a *ContextError.
func ParseContext(src []byte, now time.Time) (*Context, error) {
	if len(src) > MaxContextBytes {
		return nil, &ContextError{InvalidContext, fmt.Sprintf("the context is longer than %d bytes", MaxContextBytes)}
	}
	if attributes, ok := flatObject(src); ok {
		return newContext(attributes, now)
	}
	if nested(src) > contextDepth {
		return nil, &ContextError{InvalidContext, fmt.Sprintf("the context is more than %d deep", contextDepth)}
	}
	var attributes map[string]any
	if trimmed := bytes.TrimLeft(src, " \t\r\n"); len(trimmed) > 0 && trimmed[0] != '{' && json.Valid(src) {
		return nil, &ContextError{InvalidContext, "the context is no object"}
	}
	if err := json.Unmarshal(src, &attributes); err != nil {
		return nil, &ContextError{ParseError, "the context is no JSON: " + err.Error()}
	}
	return newContext(attributes, now)
}

// nested returns how deep the lists and objects of a JSON text are in each other.
func nested(src []byte) int {
	depth, most, text := 0, 0, false
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			depth++
			most = max(most, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return most
}

// newContext makes a context of values as encoding/json decodes them.
func newContext(attributes map[string]any, now time.Time) (*Context, error) {
	switch key := attributes[targetingKey].(type) {
	case nil:
		return &Context{attributes: attributes, now: now}, nil
	case string:
		return &Context{key: key, attributes: attributes, now: now}, nil
	default:
		return nil, &ContextError{InvalidContext, "targetingKey is no text"}
	}
}

// NewContext makes a context of values of Go. Numbers of all types, times and
// lists are taken as JSON would have them; a time is one of RFC 3339. now is when
// the evaluation takes place. The error is a *ContextError.
func NewContext(attributes map[string]any, now time.Time) (*Context, error) {
	left := contextValues
	made, err := plainMap(attributes, 1, &left)
	if err != nil {
		return nil, err
	}
	return newContext(made, now)
}

func plainMap(values map[string]any, depth int, left *int) (map[string]any, error) {
	made := make(map[string]any, len(values))
	for key, value := range values {
		plain, err := plain(value, depth, left)
		if err != nil {
			return nil, err
		}
		made[key] = plain
	}
	return made, nil
}

// plain returns a value as encoding/json decodes it.
func plain(value any, depth int, left *int) (any, error) {
	if *left--; *left < 0 || depth > contextDepth {
		return nil, &ContextError{InvalidContext, fmt.Sprintf("the context has more than %d values, or is more than %d deep", contextValues, contextDepth)}
	}
	switch v := value.(type) {
	case nil, bool, string:
		return v, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, &ContextError{InvalidContext, "the context has a number that is none"}
		}
		return v, nil
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case map[string]any:
		return plainMap(v, depth+1, left)
	case []any:
		made := make([]any, 0, len(v))
		for _, element := range v {
			plain, err := plain(element, depth+1, left)
			if err != nil {
				return nil, err
			}
			made = append(made, plain)
		}
		return made, nil
	}
	return encoded(value)
}

// encoded returns a value of another type by way of its JSON.
func encoded(value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, &ContextError{InvalidContext, fmt.Sprintf("the context has a %T: %v", value, err)}
	}
	if len(text) > MaxContextBytes || nested(text) > contextDepth {
		return nil, &ContextError{InvalidContext, fmt.Sprintf("the context has a %T that is too large", value)}
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return nil, &ContextError{InvalidContext, fmt.Sprintf("the context has a %T: %v", value, err)}
	}
	return plain, nil
}
