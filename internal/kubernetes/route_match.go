package kubernetes

import (
	"cmp"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// hostPattern returns a route's host in the letters of the Gateway API: "" for
// any, "*.example.org" for one label or more before it.
func hostPattern(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "*" {
		return ""
	}
	return host
}

// covers reports whether every host that the second pattern matches is matched by
// the first one too.
func covers(pattern, host string) bool {
	suffix, wild := strings.CutPrefix(pattern, "*")
	switch {
	case pattern == "" || pattern == host:
		return true
	case wild:
		return len(host) > len(suffix) && strings.HasSuffix(host, suffix)
	default:
		return false
	}
}

// under reports whether a path prefix is the same as another one or inside it, at
// the boundaries of its segments.
func under(path, prefix string) bool {
	prefix = strings.TrimRight(prefix, "/")
	rest, ok := strings.CutPrefix(strings.TrimRight(path, "/"), prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// serviceAt returns the service that answers to a host and a path: that of the
// longest prefix of the most specific host that has a matching one; "" for none.
func serviceAt(routes []davit.Route, host, path string) string {
	var found []davit.Route
	for _, r := range routes {
		if covers(hostPattern(r.Host), host) && under(path, r.Prefix) {
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		return ""
	}
	best := slices.MinFunc(found, func(a, b davit.Route) int {
		return cmp.Or(moreSpecific(hostPattern(a.Host), hostPattern(b.Host)), len(strings.TrimRight(b.Prefix, "/"))-len(strings.TrimRight(a.Prefix, "/")))
	})
	return best.Service
}

// moreSpecific orders patterns that cover the same host, the most specific first:
// a name, then wildcards by their length, then any.
func moreSpecific(a, b string) int {
	if wildA, wildB := strings.HasPrefix(a, "*"), strings.HasPrefix(b, "*"); wildA != wildB && a != "" && b != "" {
		if wildA {
			return 1
		}
		return -1
	}
	return len(b) - len(a)
}
