package flag

import (
	"strconv"
	"strings"
	"time"
)

// Context is what is known about whom a flag is evaluated for. It is made by
// NewContext or ParseContext, and does not change; nil is one that is empty.
type Context struct {
	key        string         // the targeting key, which is in the attributes too
	attributes map[string]any // as encoding/json decodes
	now        time.Time
}

// targetingKey is the attribute that tells users apart.
const targetingKey = "targetingKey"

// ContextError says what is wrong with a context.
type ContextError struct {
	Code    ErrorCode // ParseError or InvalidContext
	Message string
}

// Error returns the message.
func (e *ContextError) Error() string { return e.Message }

// TargetingKey returns the user's key; empty when there is none.
func (c *Context) TargetingKey() string {
	if c == nil {
		return ""
	}
	return c.key
}

// path is where an attribute is in a context.
type path []string

// splitPath reads a path: names with dots between them. A backslash takes what
// follows as it is.
func splitPath(text string) path {
	var parts path
	part := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			part = append(part, text[i])
		case text[i] == '.':
			parts, part = append(parts, string(part)), part[:0]
		default:
			part = append(part, text[i])
		}
	}
	return append(parts, string(part))
}

// isKey reports whether it is the path of the targeting key.
func (p path) isKey() bool { return len(p) == 1 && p[0] == targetingKey }

// String returns the path as splitPath reads it.
func (p path) String() string {
	escape := strings.NewReplacer(`\`, `\\`, `.`, `\.`)
	parts := make([]string, 0, len(p))
	for _, part := range p {
		parts = append(parts, escape.Replace(part))
	}
	return strings.Join(parts, ".")
}

// of returns the attribute; nil when it is not there.
func (p path) of(c *Context) any {
	if c == nil {
		return nil
	}
	value := c.attributes[p[0]]
	for _, part := range p[1:] {
		value = member(value, part)
	}
	return value
}

// member returns a member of an object, or an element of a list.
func member(value any, name string) any {
	switch v := value.(type) {
	case map[string]any:
		return v[name]
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v) && (name[0] != '0' || name == "0") && name[0] != '+' {
			return v[i]
		}
	}
	return nil
}
