package config

// kind is what a node is.
type kind string

// The kinds of node, as they are named in problems.
const (
	broken  kind = "" // cannot be known, which was told
	nothing kind = "nothing"
	text    kind = "text"
	whole   kind = "a whole number"
	number  kind = "a number"
	boolean kind = "true or false"
	list    kind = "a list"
	mapping kind = "a mapping"
)

// maxNodes bounds a document; an alias counts as often as it is used.
const maxNodes = 50_000

// node is a part of a parsed YAML document.
type node struct {
	at      position
	kind    kind
	text    string // of a scalar, as written, unquoted
	items   []*node
	entries []entry
	size    int // nodes in it and below
}

// entry is a key and its value in a mapping.
type entry struct{ key, value *node }

// find returns the value of a key; nil when there is none or n is no mapping.
func (n *node) find(key string) *node {
	for _, e := range n.entries {
		if e.key.text == key {
			return e.value
		}
	}
	return nil
}

// scalarText returns the text of a scalar, "" for anything else and for nil.
func (n *node) scalarText() string {
	if n == nil {
		return ""
	}
	return n.text
}
