package config

// bareGate is a gate that is written as its kind alone.
type bareGate struct{ gate *gate }

func (v bareGate) kinds() []string {
	var kinds []string
	fields := v.gate.fields()
	for i, k := range v.gate.kinds {
		if k.bare() {
			kinds = append(kinds, fields[i].key)
		}
	}
	return kinds
}

func (v bareGate) shape() shape {
	f := oneWord(v.kinds()...)
	return shape{words: f.words, schema: f.schema}
}

func (v bareGate) read(r *reader, n *node) {
	var kind item[string]
	scalar(&kind, oneWord(v.kinds()...)).read(r, n)
	for _, f := range v.gate.fields() {
		if kind.set && f.key == kind.value {
			f.into.read(r, &node{at: n.at, kind: mapping})
		}
	}
}
