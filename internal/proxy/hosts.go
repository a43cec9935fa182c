package proxy

import (
	"slices"
	"strings"
)

// hosts maps host patterns to values: an exact name, "*.example.org" (one label
// or more), or "" for any host.
type hosts[T any] struct {
	exact map[string]T
	wild  []wildcard[T] // longest suffix first
	any   *T
}

type wildcard[T any] struct {
	suffix string // ".example.org"
	value  T
}

// patterns calls visit with the stored value of pattern, so that it can be set;
// the zero value when pattern is new.
func (h *hosts[T]) set(pattern string, visit func(*T)) {
	pattern = strings.ToLower(strings.TrimSuffix(pattern, "."))
	switch suffix, isWild := strings.CutPrefix(pattern, "*"); {
	case pattern == "" || pattern == "*":
		if h.any == nil {
			h.any = new(T)
		}
		visit(h.any)
	case isWild:
		i := slices.IndexFunc(h.wild, func(w wildcard[T]) bool { return w.suffix == suffix })
		if i < 0 {
			i = len(h.wild)
			h.wild = append(h.wild, wildcard[T]{suffix: suffix})
		}
		visit(&h.wild[i].value)
		slices.SortStableFunc(h.wild, func(a, b wildcard[T]) int { return len(b.suffix) - len(a.suffix) })
	default:
		if h.exact == nil {
			h.exact = map[string]T{}
		}
		value := h.exact[pattern]
		visit(&value)
		h.exact[pattern] = value
	}
}

// lookup offers the values whose pattern matches host, the most specific first,
// until one is taken.
func (h *hosts[T]) lookup(host string, take func(T) bool) bool {
	if value, ok := h.exact[host]; ok && take(value) {
		return true
	}
	for i := range h.wild {
		if len(host) > len(h.wild[i].suffix) && strings.HasSuffix(host, h.wild[i].suffix) && take(h.wild[i].value) {
			return true
		}
	}
	return h.any != nil && take(*h.any)
}

// hostname returns the name part of a Host header, in lower case, without port
// and without the root's dot.
func hostname(host string) string {
	if strings.HasPrefix(host, "[") {
		if i := strings.IndexByte(host, ']'); i > 0 {
			return strings.ToLower(host[1:i])
		}
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
