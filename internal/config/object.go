package config

// pointer is a *T that is an object.
type pointer[T any] interface {
	*T
	record
}

// object binds an object that later readings merge into.
func object[T any, P pointer[T]](into *item[T]) value { return objectValue[T, P]{into: into} }

// replaced binds an object that every reading begins anew.
func replaced[T any, P pointer[T]](into *item[T]) value {
	return objectValue[T, P]{into: into, anew: true}
}

type objectValue[T any, P pointer[T]] struct {
	into *item[T]
	anew bool
}

func (v objectValue[T, P]) shape() shape { return objectShape(P(&v.into.value)) }

func (v objectValue[T, P]) read(r *reader, n *node) {
	if v.anew || !v.into.set {
		v.fill(r)
	}
	place(r, v.into, n)
	if r.object(P(&v.into.value), n) {
		mark(r, v.into)
	}
}

// fill starts the object with its defaults.
func (v objectValue[T, P]) fill(r *reader) {
	v.into.value = *new(T)
	r.defaults(P(&v.into.value))
}

// later binds a value that is read when more is known; it is described as it
// will be read.
func later(into *item[*node], like value) value { return laterValue{into, like} }

// lateObject is later, for the elements of a dictionary.
func lateObject[T any, P pointer[T]](into *item[*node]) value {
	return later(into, object[T, P](new(item[T])))
}

type laterValue struct {
	into *item[*node]
	like value
}

func (v laterValue) shape() shape { return v.like.shape() }

func (v laterValue) read(r *reader, n *node) {
	v.into.value = n
	place(r, v.into, n)
	mark(r, v.into)
}
