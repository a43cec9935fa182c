package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of what is handed to the YAML parser, whose time grows with the square
// of either.
const (
	maxTokens = 40_000
	maxDepth  = 50
)

// parseYAML returns the only document of src, of the kind nothing when it has
// none, and nil after a problem that leaves none to go on with.
func parseYAML(found *collector, src []byte) *node {
	start := position{1, 1}
	if len(src) > MaxFileBytes {
		found.problem(start, "", "the file is larger than %d bytes", MaxFileBytes)
		return nil
	}
	tokens := lexer.Tokenize(string(src))
	if at, what := tooMuch(tokens); what != "" {
		found.source.maskUnparsed()
		found.problem(at, "", "%s", what)
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		found.source.maskUnparsed()
		at, message := syntaxError(err)
		if _, hidden := found.source.masked[at.line]; hidden {
			message = "look at its quotes and brackets" // the parser's words may repeat what is hidden
		}
		found.problem(at, "", "this is no YAML: %s", message)
		return nil
	}
	var documents []*ast.DocumentNode
	for _, d := range file.Docs {
		if d.Body != nil && d.Body.Type() != ast.NullType && d.Body.Type() != ast.CommentType {
			documents = append(documents, d)
		}
	}
	switch len(documents) {
	case 0:
		return &node{at: start, kind: nothing}
	case 1:
		c := converter{collector: found, anchors: map[string]*node{}}
		root := c.convert(documents[0].Body)
		if c.full {
			return nil
		}
		return root
	}
	second := (&converter{collector: found, anchors: map[string]*node{}}).convert(documents[1].Body)
	found.problem(second.at, "remove the line ---, or make it a file of its own",
		"there is a second document, and one file describes one application")
	return nil
}

// tooMuch says where and why the tokens are more than the parser should get.
func tooMuch(tokens token.Tokens) (position, string) {
	depth, entries, line := 0, 0, 0
	for i, t := range tokens {
		if t.Position.Line != line {
			entries, line = 0, t.Position.Line
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth = max(0, depth-1)
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			entries++
		}
		switch {
		case i >= maxTokens:
			return where(t), fmt.Sprintf("the file has more than %d words", maxTokens)
		case depth+entries > maxDepth: // block nesting needs ever more columns, and so ends by itself
			return where(t), fmt.Sprintf("this is nested deeper than %d levels", maxDepth)
		}
	}
	return position{}, ""
}

func syntaxError(err error) (position, string) {
	if e, ok := errors.AsType[*yaml.SyntaxError](err); ok && e.Token != nil {
		return where(e.Token), e.Message
	}
	return position{1, 1}, err.Error()
}

func where(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{1, 1}
	}
	return position{t.Position.Line, t.Position.Column}
}

// converter turns the parser's tree into nodes.
type converter struct {
	*collector
	anchors map[string]*node
	secret  bool // below a key secrets
	full    bool // maxNodes was exceeded and told
}

func (c *converter) convert(n ast.Node) *node {
	if n == nil {
		return &node{kind: nothing, size: 1}
	}
	at := where(n.GetToken())
	switch n := n.(type) {
	case *ast.MappingNode:
		return c.mapping(at, n.Values)
	case *ast.MappingValueNode:
		return c.mapping(at, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		result := &node{at: at, kind: list, size: 1}
		for _, v := range n.Values {
			item := c.convert(v)
			result.items = append(result.items, item)
			c.grow(result, item)
		}
		return result
	case *ast.AnchorNode:
		anchored := c.convert(n.Value)
		c.anchors[n.Name.GetToken().Value] = anchored
		return anchored
	case *ast.AliasNode:
		return c.alias(at, n.Value.GetToken().Value)
	case *ast.TagNode:
		c.problem(at, "remove it; quote what must be text", "davit.yaml has no tags")
		return c.convert(n.Value)
	}
	return c.scalar(at, n)
}

// grow counts child into parent, and empties the parent when it gets too large.
func (c *converter) grow(parent, child *node) {
	parent.size += child.size
	if parent.size <= maxNodes {
		return
	}
	if !c.full {
		c.problem(child.at, "use fewer aliases", "with its aliases written out, the file has more than %d values", maxNodes)
	}
	c.full = true
	*parent = node{at: parent.at, kind: nothing, size: 1}
}

func (c *converter) alias(at position, name string) *node {
	anchored, ok := c.anchors[name]
	if !ok {
		names := make([]string, 0, len(c.anchors))
		for known := range c.anchors {
			names = append(names, known)
		}
		slices.Sort(names)
		c.problem(at, suggest(name, names), "there is no anchor &%s before this alias", name)
		return &node{at: at, kind: broken, size: 1}
	}
	return anchored
}

func (c *converter) mapping(at position, values []*ast.MappingValueNode) *node {
	result := &node{at: at, kind: mapping, size: 1}
	var merged []*node
	for i, v := range values {
		key := &node{at: where(v.Key.GetToken()), kind: text, text: v.Key.GetToken().Value, size: 1}
		if i == 0 && at.line >= key.at.line { // a block mapping's token is its first colon
			result.at = first(result.at, key.at)
		}
		if v.Key.IsMergeKey() {
			merged = append(merged, c.convert(v.Value))
			continue
		}
		value := c.below(key.text, v.Value)
		if earlier := result.key(key.text); earlier != nil {
			c.problem(key.at, "remove one of the two", "the key %q was given in line %d already", key.text, earlier.at.line)
			continue
		}
		if value.at == (position{}) { // there is no token where nothing is written
			value.at = key.at
		}
		result.entries = append(result.entries, entry{key, value})
		c.grow(result, value)
	}
	for _, m := range merged {
		c.merge(result, m)
	}
	return result
}

// below converts the value of a key, whose text is a secret when the key (or
// its misspelling) is secrets, and may be one when it is where a hook posts to.
func (c *converter) below(key string, value ast.Node) *node {
	outer := c.secret
	defer func() { c.secret = outer }()
	c.secret = outer || distance(strings.ToLower(key), "secrets") <= 2 || key == "post"
	return c.convert(value)
}

// merge adds what the merge key << names and into does not have.
func (c *converter) merge(into, from *node) {
	sources := []*node{from}
	if from.kind == list {
		sources = from.items
	}
	for _, s := range sources {
		if s.kind != mapping && s.kind != broken {
			c.problem(s.at, "", "the key << takes mappings, not %s", s.kind)
			continue
		}
		for _, e := range s.entries {
			if into.kind == mapping && into.key(e.key.text) == nil {
				into.entries = append(into.entries, e)
				c.grow(into, e.value)
			}
		}
	}
}

// key returns the node of a key, nil when there is none.
func (n *node) key(name string) *node {
	for _, e := range n.entries {
		if e.key.text == name {
			return e.key
		}
	}
	return nil
}

func (c *converter) scalar(at position, n ast.Node) *node {
	t := n.GetToken()
	result := &node{at: at, kind: text, text: t.Value, size: 1}
	switch n := n.(type) {
	case *ast.NullNode:
		result.kind, result.text = nothing, ""
	case *ast.BoolNode:
		result.kind = boolean
	case *ast.IntegerNode:
		result.kind = whole
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		result.kind = number
	case *ast.LiteralNode:
		t, result.text = n.Value.GetToken(), n.Value.Value
	}
	if c.secret && result.kind != nothing && !isReference(result.text) && !secretReference().MatchString(result.text) {
		c.source.mask(at, strings.Count(strings.TrimSpace(t.Origin), "\n")+literalLines(n))
	}
	return result
}

// literalLines returns 1 for a block scalar, whose text starts a line below.
func literalLines(n ast.Node) int {
	if n.Type() == ast.LiteralType {
		return 1
	}
	return 0
}

func first(a, b position) position {
	if b.line < a.line || b.line == a.line && b.column < a.column {
		return b
	}
	return a
}
