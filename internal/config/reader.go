package config

import (
	"fmt"
	"slices"
	"strings"
)

// item is a value of davit.yaml with the place where it was given.
type item[T any] struct {
	at    position // the zero position when it was not given
	set   bool     // it was given and can be read; a default leaves it false
	value T
}

// missing reports whether nothing was given, not even something wrong.
func (i *item[T]) missing() bool { return i.at == position{} }

// wrong reports whether what was given cannot be read, which was told.
func (i *item[T]) wrong() bool { return !i.missing() && !i.set }

// given returns the value, nil when there is none.
func (i *item[T]) given() *T {
	if !i.set {
		return nil
	}
	return &i.value
}

// named is an entry of a dictionary.
type named[T any] struct {
	name string
	item[T]
}

// sequence and dictionary hold other values, in the order of the file.
type (
	sequence[T any]   = item[[]item[T]]
	dictionary[T any] = item[[]named[T]]
)

// value is a part of davit.yaml that knows how to read and to describe itself.
type value interface {
	read(r *reader, n *node)
	shape() shape
}

// record is a value written as a mapping of fixed keys.
type record interface {
	about() about
	fields() []field
}

// about says what an object is.
type about struct {
	name string // as in "a service"
	doc  string
}

// field is a key of an object.
type field struct {
	key      string
	into     value
	initial  string // the default, as it would be written in davit.yaml
	absent   string // what it means to leave the key out, where there is no default
	required bool
	doc      string
}

// abbreviated is an object that may also be written as one scalar.
type abbreviated interface{ short() value }

// exclusive is an object that needs exactly one of some keys.
type exclusive interface{ oneOf() []string }

// reader decodes nodes. It goes on after a problem, to find all of them.
type reader struct {
	*collector
	variables map[string]string
	key       string // what problems call the value that is read
	declared  bool   // reads a default, not the file
}

// place notes that the item was given at n, and mark that it could be read.
func place[T any](r *reader, i *item[T], n *node) {
	if !r.declared {
		i.at = n.at
	}
}

func mark[T any](r *reader, i *item[T]) {
	if !r.declared {
		i.set = true
	}
}

// mismatch tells that n is not what belongs there.
func (r *reader) mismatch(n *node, want, hint string) {
	switch n.kind {
	case broken:
	case nothing:
		r.problem(n.at, "give it a value, or remove the key", "%s is empty: it must be %s", r.key, want)
	case list, mapping:
		r.problem(n.at, hint, "%s must be %s, not %s", r.key, want, n.kind)
	default:
		r.problem(n.at, hint, "%s must be %s, not %s", r.key, want, r.quote(n))
	}
}

// isHidden reports whether n may be a secret.
func (r *reader) isHidden(n *node) bool {
	from, masked := r.source.masked[n.at.line]
	return masked && n.at.column >= from
}

// quote repeats a scalar, unless it may be a secret.
func (r *reader) quote(n *node) string {
	if r.isHidden(n) {
		return string(n.kind)
	}
	if n.kind != text {
		return clip(n.text)
	}
	return fmt.Sprintf("%q", clip(n.text))
}

// clip shortens what is repeated in a sentence.
func clip(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// object decodes a mapping into the fields of o, which keep what they have
// where the mapping says nothing. It reports whether n can be an o at all.
func (r *reader) object(o record, n *node) bool {
	if n.kind != mapping {
		want := "a mapping"
		if s, ok := o.(abbreviated); ok {
			if n.kind != list && n.kind != nothing && n.kind != broken {
				s.short().read(r, n)
				return true
			}
			want = s.short().shape().words + " or " + want
		}
		r.mismatch(n, want, o.about().name+" has the keys "+andWords(keys(o)))
		return false
	}
	outer := r.key
	defer func() { r.key = outer }()
	fields, name := o.fields(), o.about().name
	for _, e := range n.entries {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == e.key.text })
		if i < 0 {
			r.problem(e.key.at, suggest(e.key.text, keys(o)), "%s has no key %q", name, clip(e.key.text))
			continue
		}
		r.key = e.key.text
		fields[i].into.read(r, e.value)
	}
	for _, f := range fields {
		if f.required && n.find(f.key) == nil {
			r.problem(n.at, "add "+f.key+": "+strings.ReplaceAll(f.doc, "`", ""), "%s needs the key %s", name, f.key)
		}
	}
	if x, ok := o.(exclusive); ok {
		r.exactlyOne(name, x.oneOf(), n)
	}
	return true
}

func keys(o record) []string {
	var keys []string
	for _, f := range o.fields() {
		keys = append(keys, f.key)
	}
	return keys
}

func (r *reader) exactlyOne(name string, keys []string, n *node) {
	var given []string
	at := n.at
	for _, e := range n.entries {
		if slices.Contains(keys, e.key.text) {
			given = append(given, e.key.text)
			at = e.key.at
		}
	}
	switch {
	case len(given) == 0:
		r.problem(n.at, "", "%s needs one of the keys %s", name, oneOfWords(keys))
	case len(given) > 1:
		r.problem(at, "keep one of them", "%s has %s, and can have one of them only", name, strings.Join(given, " and "))
	}
}

// defaults gives the fields of o their declared defaults.
func (r *reader) defaults(o record) {
	d := reader{collector: r.collector, declared: true}
	for _, f := range o.fields() {
		if f.initial != "" {
			d.key = f.key
			f.into.read(&d, declaredNode(f.initial))
		} else if nested, ok := f.into.(interface{ fill(*reader) }); ok {
			nested.fill(r)
		}
	}
}

// declaredNode parses a default of a declaration.
func declaredNode(initial string) *node {
	src := newSource("default", []byte(initial))
	found := &collector{source: &src}
	n := parseYAML(found, []byte(initial))
	if err := found.err(); err != nil {
		panic(err) // a defect of a declaration, which every test meets
	}
	return n
}
