package config

// scalar binds an item to the form of its text.
func scalar[T any](into *item[T], f form[T]) value { return scalarValue[T]{into, f} }

// as returns the binding of any item of a list or dictionary to a form.
func as[T any](f form[T]) func(*item[T]) value {
	return func(into *item[T]) value { return scalar(into, f) }
}

type scalarValue[T any] struct {
	into *item[T]
	form form[T]
}

func (v scalarValue[T]) shape() shape {
	return shape{words: v.form.words, schema: v.form.schema}
}

func (v scalarValue[T]) read(r *reader, n *node) {
	place(r, v.into, n)
	switch n.kind {
	case broken, nothing, list, mapping:
		r.mismatch(n, v.form.words, "")
		return
	}
	w := word{text: n.text, kind: n.kind}
	if v.form.expands != never && !r.declared {
		expanded, wrong := r.expand(n, v.form.expands)
		if wrong != nil {
			r.problem(n.at, wrong.hint, "%s %s", r.key, wrong.message)
			return
		}
		w.text = expanded
	}
	parsed, wrong := v.form.parse(w)
	if wrong != nil {
		if wrong.message == "" {
			r.mismatch(n, v.form.words, "")
			return
		}
		r.problem(n.at, wrong.hint, "%s %s", r.key, wrong.message)
		return
	}
	v.into.value = parsed
	mark(r, v.into)
}

// listOf binds a sequence whose items are bound by element. Reading replaces
// what it had.
func listOf[T any](into *sequence[T], most int, element func(*item[T]) value) value {
	return listValue[T]{into, most, element}
}

type listValue[T any] struct {
	into    *sequence[T]
	most    int
	element func(*item[T]) value
}

func (v listValue[T]) shape() shape {
	each := v.element(new(item[T])).shape()
	return shape{
		words:  "list, each " + each.words,
		schema: schema{"type": "array", "items": each.schema, "maxItems": v.most},
		parts:  each.parts,
	}
}

func (v listValue[T]) read(r *reader, n *node) {
	place(r, v.into, n)
	if n.kind != list {
		hint := ""
		if n.kind != mapping {
			hint = "write [" + r.quote(n) + "]"
		}
		r.mismatch(n, "a list", hint)
		return
	}
	if len(n.items) > v.most {
		r.problem(n.items[v.most].at, "", "%s has more than %d items", r.key, v.most)
		return
	}
	key := r.key
	defer func() { r.key = key }()
	r.key = "each of " + key
	v.into.value = nil
	for _, child := range n.items {
		var each item[T]
		v.element(&each).read(r, child)
		v.into.value = append(v.into.value, each)
	}
	mark(r, v.into)
}

// tableOf binds a dictionary whose keys have a form and whose values are bound
// by element. Reading merges key by key into what it had.
func tableOf[T any](into *dictionary[T], most int, keys form[string], element func(*item[T]) value) value {
	return tableValue[T]{into, most, keys, element}
}

type tableValue[T any] struct {
	into    *dictionary[T]
	most    int
	keys    form[string]
	element func(*item[T]) value
}

func (v tableValue[T]) shape() shape {
	each := v.element(new(item[T])).shape()
	return shape{
		words: "mapping of " + v.keys.words + " to " + each.words,
		schema: schema{
			"type": "object", "propertyNames": v.keys.schema,
			"additionalProperties": each.schema, "maxProperties": v.most,
		},
		parts: each.parts,
	}
}

func (v tableValue[T]) read(r *reader, n *node) {
	place(r, v.into, n)
	if n.kind != mapping {
		r.mismatch(n, "a mapping", "")
		return
	}
	if len(n.entries) > v.most {
		r.problem(n.entries[v.most].key.at, "", "%s has more than %d entries", r.key, v.most)
		return
	}
	outer := r.key
	defer func() { r.key = outer }()
	for _, e := range n.entries {
		r.key = "the name in " + outer
		name, wrong := v.keys.parse(word{e.key.text, text})
		if wrong != nil {
			r.problem(e.key.at, wrong.hint, "%s %s", r.key, wrong.message)
			continue
		}
		r.key = name
		into := entryOf(v.into, name)
		if into == nil {
			v.into.value = append(v.into.value, named[T]{name: name})
			into = &v.into.value[len(v.into.value)-1]
		}
		v.element(&into.item).read(r, e.value)
		into.at = e.key.at
	}
	mark(r, v.into)
}

// entryOf returns the entry of a name, nil when there is none.
func entryOf[T any](d *dictionary[T], name string) *named[T] {
	for i := range d.value {
		if d.value[i].name == name {
			return &d.value[i]
		}
	}
	return nil
}
