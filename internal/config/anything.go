package config

import (
	"encoding/json"
	"strings"
)

// anything binds a mapping whose keys somebody else knows. It is kept as JSON,
// variables replaced.
func anything(into *item[json.RawMessage]) value { return anythingValue{into} }

type anythingValue struct{ into *item[json.RawMessage] }

func (anythingValue) shape() shape {
	return shape{words: "mapping", schema: schema{"type": "object"}}
}

func (v anythingValue) read(r *reader, n *node) {
	place(r, v.into, n)
	if n.kind != mapping {
		r.mismatch(n, "a mapping", "")
		return
	}
	encoded, err := json.Marshal(r.expanded(n).plain())
	if err != nil { // a node holds nothing that JSON cannot
		panic(err)
	}
	v.into.value = encoded
	mark(r, v.into)
}

// expanded returns the node with its variables replaced.
func (r *reader) expanded(n *node) *node {
	e := *n
	e.items, e.entries = nil, nil
	if n.kind == text {
		expanded, wrong := r.expand(n, strictly)
		if wrong != nil {
			r.problem(n.at, wrong.hint, "%s %s", r.key, wrong.message)
		}
		e.text = expanded
	}
	if n.kind == boolean {
		e.text = strings.ToLower(n.text)
	}
	for _, i := range n.items {
		e.items = append(e.items, r.expanded(i))
	}
	for _, i := range n.entries {
		e.entries = append(e.entries, entry{key: i.key, value: r.expanded(i.value)})
	}
	return &e
}
